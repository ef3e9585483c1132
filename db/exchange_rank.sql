-- exchange_rank.sql -- gives every row that is exported its place, from what it says alone.
-- temp.exchange_filter (pattern) holds a GLOB for the names of problems, or NULL.

CREATE TEMP TABLE at_problem AS
SELECT id, row_number() OVER (ORDER BY name) - 1 AS at
  FROM problem, temp.exchange_filter WHERE pattern IS NULL OR name GLOB pattern;
CREATE UNIQUE INDEX temp.at_problem_id ON at_problem (id);

-- With a pattern, whatever these problems' rows refer to.
CREATE TEMP TABLE needed_trial AS
SELECT trial.id, trial.session, trial.kernel, outcome.code_hash
  FROM trial JOIN outcome ON outcome.trial = trial.id
  JOIN at_problem p ON p.id = trial.problem;
CREATE TEMP TABLE needed_validation AS
SELECT validation.id, validation.session FROM validation, temp.exchange_filter
 WHERE pattern IS NULL OR code_hash IN (SELECT code_hash FROM needed_trial);

CREATE TEMP TABLE at_kernel AS
SELECT id, row_number() OVER (ORDER BY name) - 1 AS at FROM kernel, temp.exchange_filter
 WHERE pattern IS NULL OR id IN (
       SELECT kernel FROM needed_trial
 UNION SELECT a FROM comparison WHERE problem IN (SELECT id FROM at_problem)
 UNION SELECT b FROM comparison WHERE problem IN (SELECT id FROM at_problem)
 UNION SELECT kernel FROM latency WHERE problem IN (SELECT id FROM at_problem));
CREATE UNIQUE INDEX temp.at_kernel_id ON at_kernel (id);

CREATE TEMP TABLE needed_session AS
SELECT session.id, session.machine, session.generator FROM session, temp.exchange_filter
 WHERE pattern IS NULL OR session.id IN (
       SELECT session FROM needed_trial UNION SELECT session FROM needed_validation
 UNION SELECT session FROM comparison WHERE problem IN (SELECT id FROM at_problem)
 UNION SELECT session FROM election WHERE problem IN (SELECT id FROM at_problem));

CREATE TEMP TABLE at_machine AS
SELECT id, row_number() OVER (ORDER BY isa_key, tune_key, perf_key) - 1 AS at
  FROM machine, temp.exchange_filter
 WHERE pattern IS NULL OR id IN (SELECT machine FROM needed_session);
CREATE UNIQUE INDEX temp.at_machine_id ON at_machine (id);
CREATE TEMP TABLE at_generator AS
SELECT id, row_number() OVER (ORDER BY abi, compiler, program) - 1 AS at
  FROM generator, temp.exchange_filter
 WHERE pattern IS NULL OR id IN (SELECT generator FROM needed_session);
CREATE UNIQUE INDEX temp.at_generator_id ON at_generator (id);

CREATE TEMP TABLE at_session AS
SELECT session.id,
       row_number() OVER (ORDER BY boot_id, namespace, pid, born, started_us, m.at, g.at,
                                   strategy, command, seed, budget_s, state, ended_us) - 1 AS at
  FROM session JOIN at_machine m ON m.id = session.machine
  JOIN at_generator g ON g.id = session.generator
 WHERE session.id IN (SELECT id FROM needed_session);
CREATE UNIQUE INDEX temp.at_session_id ON at_session (id);

CREATE TEMP TABLE at_trial AS
SELECT trial.id,
       row_number() OVER (ORDER BY s.at, trial.claimed_us, p.at, k.at, trial.cache,
                                   trial.predicted_ns, outcome.done_us, outcome.median_ns) - 1
       AS at
  FROM trial JOIN outcome ON outcome.trial = trial.id
  JOIN at_session s ON s.id = trial.session
  JOIN at_problem p ON p.id = trial.problem
  JOIN at_kernel k  ON k.id = trial.kernel;
CREATE UNIQUE INDEX temp.at_trial_id ON at_trial (id);
