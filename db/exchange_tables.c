/* exchange_tables.c -- what each table's rows are in JSON, and the statements between. */
#include "exchange_tables.h"

#define TEXT(name)                                                                             \
    {                                                                                          \
#name, EXCHANGE_TEXT, false, false, 0                                                  \
    }
#define INT(name)                                                                              \
    {                                                                                          \
#name, EXCHANGE_INT, false, false, 0                                                   \
    }
#define REAL(name)                                                                             \
    {                                                                                          \
#name, EXCHANGE_REAL, false, false, 0                                                  \
    }
#define TIME(name)                                                                             \
    {                                                                                          \
#name, EXCHANGE_TIME, false, false, 0                                                  \
    }
#define MISS(name)                                                                             \
    {                                                                                          \
#name, EXCHANGE_ERROR, false, false, 0                                                 \
    }
#define MAY(kind, name)                                                                        \
    {                                                                                          \
#name, EXCHANGE_##kind, true, false, 0                                                 \
    }
#define LATER(kind, name)                                                                      \
    {                                                                                          \
#name, EXCHANGE_##kind, true, true, 0                                                  \
    }

/* What the machine did meanwhile, outcomes and comparisons alike. */
#define CONDITION_NAMES                                                                        \
    "canary_ns, drift, repeats, spent_ms, steal_ms, delay_ms, switches, moves"
#define CONDITIONS                                                                             \
    LATER(REAL, canary_ns), LATER(REAL, drift), LATER(INT, repeats), LATER(REAL, spent_ms),    \
        LATER(REAL, steal_ms), LATER(REAL, delay_ms), LATER(INT, switches), LATER(INT, moves)
#define PLACE(name, table)                                                                     \
    {                                                                                          \
#name, EXCHANGE_PLACE, false, false, EXCHANGE_##table                                  \
    }

const exchange_table exchange_tables[EXCHANGE_TABLES] = {
    {"machines",
     "SELECT vendor, brand, arch, hypervisor, cores, isa_key, tune_key, perf_key "
     "FROM machine JOIN at_machine USING (id) ORDER BY at",
     "INSERT INTO machine (id, vendor, brand, arch, hypervisor, cores, isa_key, tune_key, "
     "perf_key) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
     {TEXT(vendor), TEXT(brand), TEXT(arch), TEXT(hypervisor), INT(cores), TEXT(isa_key),
      TEXT(tune_key), TEXT(perf_key)}},
    {"generators",
     "SELECT abi, compiler, program FROM generator JOIN at_generator USING (id) ORDER BY at",
     "INSERT INTO generator (id, abi, compiler, program) VALUES (?1, ?2, ?3, ?4)",
     {INT(abi), TEXT(compiler), TEXT(program)}},
    {"sessions",
     "SELECT m.at, g.at, strategy, command, seed, budget_s, pid, born, boot_id, namespace, "
     "started_us, ended_us, state FROM session JOIN at_session s USING (id) "
     "JOIN at_machine m ON m.id = machine JOIN at_generator g ON g.id = generator ORDER BY "
     "s.at",
     "INSERT INTO session (id, machine, generator, strategy, command, seed, budget_s, pid, "
     "born, "
     "boot_id, namespace, started_us, ended_us, state) "
     "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)",
     {PLACE(machine, MACHINES), PLACE(generator, GENERATORS), TEXT(strategy), TEXT(command),
      INT(seed), REAL(budget_s), INT(pid), INT(born), TEXT(boot_id), TEXT(namespace),
      TIME(started_us), MAY(TIME, ended_us), TEXT(state)}},
    {"problems",
     "SELECT name, accuracy, op, quant, group_k, m, n, k, threads "
     "FROM problem JOIN at_problem USING (id) ORDER BY at",
     "INSERT INTO problem (id, name, accuracy, op, quant, group_k, m, n, k, threads) "
     "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
     {TEXT(name), TEXT(accuracy), TEXT(op), TEXT(quant), INT(group_k), INT(m), INT(n), INT(k),
      INT(threads)}},
    {"kernels",
     "SELECT name FROM kernel JOIN at_kernel USING (id) ORDER BY at",
     "INSERT INTO kernel (id, name) VALUES (?1, ?2)",
     {TEXT(name)}},
    {"trials",
     "SELECT s.at, p.at, k.at, cache, predicted_ns, claimed_us FROM trial "
     "JOIN at_trial t USING (id) JOIN at_session s ON s.id = session "
     "JOIN at_problem p ON p.id = problem JOIN at_kernel k ON k.id = kernel ORDER BY t.at",
     "INSERT INTO trial (id, session, problem, kernel, cache, predicted_ns, claimed_us) "
     "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
     {PLACE(session, SESSIONS), PLACE(problem, PROBLEMS), PLACE(kernel, KERNELS), TEXT(cache),
      REAL(predicted_ns), TIME(claimed_us)}},
    {"outcomes",
     "SELECT t.at, verdict, detail, code_hash, median_ns, low_ns, high_ns, best_ns, mean_ns, "
     "samples, calls, done_us, " CONDITION_NAMES
     " FROM outcome JOIN at_trial t ON t.id = trial ORDER BY t.at",
     "INSERT INTO outcome (trial, verdict, detail, code_hash, median_ns, low_ns, high_ns, "
     "best_ns, mean_ns, samples, calls, done_us, " CONDITION_NAMES
     ") VALUES (?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, "
     "?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21)",
     {PLACE(trial, TRIALS), TEXT(verdict), TEXT(detail), TEXT(code_hash), MAY(REAL, median_ns),
      MAY(REAL, low_ns), MAY(REAL, high_ns), MAY(REAL, best_ns), MAY(REAL, mean_ns),
      MAY(INT, samples), MAY(INT, calls), TIME(done_us), CONDITIONS}},
    {"validations",
     "SELECT s.at, isa_key, code_hash, verdict, detail, cases, seed, worst_error, done_us "
     "FROM validation JOIN at_session s ON s.id = session "
     "WHERE validation.id IN (SELECT id FROM needed_validation) "
     "ORDER BY s.at, done_us, isa_key, code_hash, verdict, detail, cases, seed, worst_error",
     "INSERT INTO validation (id, session, isa_key, code_hash, verdict, detail, cases, seed, "
     "worst_error, done_us) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
     {PLACE(session, SESSIONS), TEXT(isa_key), TEXT(code_hash), TEXT(verdict), TEXT(detail),
      INT(cases), INT(seed), MISS(worst_error), TIME(done_us)}},
    {"comparisons",
     "SELECT s.at, p.at, cache, a.at, b.at, ratio, ratio_low, ratio_high, pairs, "
     "done_us, " CONDITION_NAMES " FROM comparison JOIN at_session s ON s.id = session "
     "JOIN at_problem p ON p.id = problem JOIN at_kernel a ON a.id = comparison.a "
     "JOIN at_kernel b ON b.id = comparison.b "
     "ORDER BY s.at, done_us, p.at, cache, a.at, b.at, ratio, ratio_low, ratio_high, pairs",
     "INSERT INTO comparison (id, session, problem, cache, a, b, ratio, ratio_low, ratio_high, "
     "pairs, done_us, " CONDITION_NAMES
     ") VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, "
     "?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19)",
     {PLACE(session, SESSIONS), PLACE(problem, PROBLEMS), TEXT(cache), PLACE(a, KERNELS),
      PLACE(b, KERNELS), REAL(ratio), REAL(ratio_low), REAL(ratio_high), INT(pairs),
      TIME(done_us), CONDITIONS}},
    {"elections",
     "SELECT s.at, p.at, election.cache, t.at, done_us FROM election "
     "JOIN at_session s ON s.id = session JOIN at_problem p ON p.id = problem "
     "JOIN at_trial t ON t.id = trial ORDER BY s.at, done_us, p.at, election.cache, t.at",
     "INSERT INTO election (id, session, problem, cache, trial, done_us) "
     "VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
     {PLACE(session, SESSIONS), PLACE(problem, PROBLEMS), TEXT(cache), PLACE(trial, TRIALS),
      TIME(done_us)}},
    {"latencies",
     "SELECT perf_key, abi, p.at, cache, k.at, ns, low_ns, high_ns, samples, done_us "
     "FROM latency JOIN at_problem p ON p.id = problem JOIN at_kernel k ON k.id = kernel "
     "ORDER BY perf_key, abi, p.at, cache, k.at, done_us, ns, low_ns, high_ns, samples",
     "INSERT INTO latency (id, perf_key, abi, problem, cache, kernel, ns, low_ns, high_ns, "
     "samples, done_us) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
     {TEXT(perf_key), INT(abi), PLACE(problem, PROBLEMS), TEXT(cache), PLACE(kernel, KERNELS),
      REAL(ns), REAL(low_ns), REAL(high_ns), INT(samples), TIME(done_us)}},
};
