-- schema.sql -- the ledger, version 1.  Later versions are upgrade_<n>.sql beside it, run
-- in order; this file never changes once released.
--
-- Facts are append-only and the triggers at the end say so.  Integer ids are local to the
-- file; what a row means never depends on them.  Times of day are Unix microseconds UTC,
-- durations are nanoseconds.

CREATE TABLE migration (
    version    INTEGER PRIMARY KEY,
    applied_us INTEGER NOT NULL,
    program    TEXT    NOT NULL
) STRICT;

-- ---- where --------------------------------------------------------------------------

CREATE TABLE machine (
    id         INTEGER PRIMARY KEY,
    vendor     TEXT NOT NULL,
    brand      TEXT NOT NULL,
    arch       TEXT NOT NULL,
    hypervisor TEXT NOT NULL,
    cores      INTEGER NOT NULL CHECK (cores > 0),
    isa_key    TEXT NOT NULL CHECK (isa_key <> ''),  -- kernels can run
    tune_key   TEXT NOT NULL CHECK (tune_key <> ''), -- tunings carry over
    perf_key   TEXT NOT NULL CHECK (perf_key <> ''), -- times compare
    UNIQUE (isa_key, tune_key, perf_key)
) STRICT;

-- The generator, not the kernel.  Rows of another abi are seeds, never answers.
CREATE TABLE generator (
    id       INTEGER PRIMARY KEY,
    abi      INTEGER NOT NULL,
    compiler TEXT    NOT NULL, -- "LLVM 19.1.7"
    program  TEXT    NOT NULL, -- version of qforge
    UNIQUE (abi, compiler, program)
) STRICT;

CREATE TABLE session (
    id         INTEGER PRIMARY KEY,
    machine    INTEGER NOT NULL REFERENCES machine (id),
    generator  INTEGER NOT NULL REFERENCES generator (id),
    strategy   TEXT    NOT NULL,
    command    TEXT    NOT NULL,
    seed       INTEGER NOT NULL,
    budget_s   REAL    NOT NULL CHECK (budget_s >= 0),
    -- Whose claims these are: a process is known by pid, start and boot.
    pid        INTEGER NOT NULL,
    born       INTEGER NOT NULL, -- ticks after boot
    boot_id    TEXT    NOT NULL,
    namespace  TEXT    NOT NULL, -- of pids
    started_us INTEGER NOT NULL,
    ended_us   INTEGER,
    state      TEXT    NOT NULL CHECK (state IN ('running', 'done', 'interrupted', 'dead')),
    CHECK ((state = 'running') = (ended_us IS NULL))
) STRICT;
CREATE INDEX session_running ON session (id) WHERE state = 'running';

-- ---- what ---------------------------------------------------------------------------

CREATE TABLE problem (
    id       INTEGER PRIMARY KEY,
    name     TEXT    NOT NULL UNIQUE, -- exact_q4g64_512x4096x4096_t1
    accuracy TEXT    NOT NULL CHECK (accuracy IN ('exact', 'fast')),
    op       TEXT    NOT NULL CHECK (op IN ('forward', 'grad')),
    quant    TEXT    NOT NULL,
    group_k  INTEGER NOT NULL CHECK (group_k >= 0),
    m        INTEGER NOT NULL CHECK (m > 0),
    n        INTEGER NOT NULL CHECK (n > 0),
    k        INTEGER NOT NULL CHECK (k > 0),
    threads  INTEGER NOT NULL CHECK (threads > 0)
) STRICT;
CREATE INDEX problem_family ON problem (accuracy, op, quant, group_k);

CREATE TABLE kernel (
    id   INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE -- gemm_q4g64_panel_avx2_6x16_u2_kc256_mc192
) STRICT;

-- ---- what happened ------------------------------------------------------------------

-- A claim: committed before anything of the trial runs.
CREATE TABLE trial (
    id           INTEGER PRIMARY KEY,
    session      INTEGER NOT NULL REFERENCES session (id),
    problem      INTEGER NOT NULL REFERENCES problem (id),
    kernel       INTEGER NOT NULL REFERENCES kernel (id),
    cache        TEXT    NOT NULL CHECK (cache IN ('warm', 'cold')),
    predicted_ns REAL    NOT NULL CHECK (predicted_ns >= 0),
    claimed_us   INTEGER NOT NULL
) STRICT;
CREATE INDEX trial_question ON trial (problem, kernel, cache);
CREATE INDEX trial_session ON trial (session);

-- Its end.  A trial without one is running, or its session died.
CREATE TABLE outcome (
    trial     INTEGER PRIMARY KEY REFERENCES trial (id),
    verdict   TEXT    NOT NULL CHECK (verdict IN
              ('ok', 'wrong', 'crash', 'timeout', 'invalid', 'slow', 'lost')),
    detail    TEXT    NOT NULL,
    code_hash TEXT    NOT NULL,
    median_ns REAL,
    low_ns    REAL,
    high_ns   REAL,
    best_ns   REAL,
    mean_ns   REAL,
    samples   INTEGER,
    calls     INTEGER,
    done_us   INTEGER NOT NULL,
    CHECK ((verdict = 'ok') = (median_ns IS NOT NULL)),
    CHECK (median_ns IS NULL OR
           (0 < low_ns AND low_ns <= median_ns AND median_ns <= high_ns AND samples > 0))
) STRICT;

-- What the judge found, once per code and kind of machine.
CREATE TABLE validation (
    id          INTEGER PRIMARY KEY,
    session     INTEGER NOT NULL REFERENCES session (id),
    isa_key     TEXT    NOT NULL,
    code_hash   TEXT    NOT NULL CHECK (code_hash <> ''),
    verdict     TEXT    NOT NULL CHECK (verdict IN ('ok', 'wrong', 'crash', 'timeout')),
    detail      TEXT    NOT NULL,
    cases       INTEGER NOT NULL CHECK (cases >= 0),
    seed        INTEGER NOT NULL,
    worst_error REAL    NOT NULL,
    done_us     INTEGER NOT NULL
) STRICT;
CREATE INDEX validation_code ON validation (isa_key, code_hash);

-- Paired and order-randomised; ratio is time of b / time of a.
CREATE TABLE comparison (
    id         INTEGER PRIMARY KEY,
    session    INTEGER NOT NULL REFERENCES session (id),
    problem    INTEGER NOT NULL REFERENCES problem (id),
    cache      TEXT    NOT NULL CHECK (cache IN ('warm', 'cold')),
    a          INTEGER NOT NULL REFERENCES kernel (id),
    b          INTEGER NOT NULL REFERENCES kernel (id),
    ratio      REAL    NOT NULL CHECK (ratio > 0),
    ratio_low  REAL    NOT NULL,
    ratio_high REAL    NOT NULL CHECK (ratio_low <= ratio AND ratio <= ratio_high),
    pairs      INTEGER NOT NULL CHECK (pairs > 0),
    done_us    INTEGER NOT NULL
) STRICT;
CREATE INDEX comparison_problem ON comparison (problem);

-- Who won the paired re-ranking of a problem's finalists.
CREATE TABLE election (
    id      INTEGER PRIMARY KEY,
    session INTEGER NOT NULL REFERENCES session (id),
    problem INTEGER NOT NULL REFERENCES problem (id),
    cache   TEXT    NOT NULL CHECK (cache IN ('warm', 'cold')),
    trial   INTEGER NOT NULL REFERENCES trial (id), -- the winner's, with its timing
    done_us INTEGER NOT NULL
) STRICT;
CREATE INDEX election_problem ON election (problem);

-- ---- questions ----------------------------------------------------------------------

-- Every finished trial with where and by what it was made; age 1 is the newest of its
-- kernel on its problem, later code or a later verdict on it having replaced the others.
CREATE VIEW finished AS
    SELECT trial.id AS trial, trial.problem, trial.kernel, trial.cache, machine.tune_key,
           generator.abi, outcome.verdict, outcome.code_hash, outcome.median_ns,
           outcome.low_ns, outcome.high_ns, outcome.done_us,
           row_number() OVER (PARTITION BY machine.tune_key, generator.abi, trial.problem,
                                           trial.kernel, trial.cache
                              ORDER BY trial.id DESC) AS age
      FROM outcome
      JOIN trial     ON trial.id = outcome.trial
      JOIN session   ON session.id = trial.session
      JOIN machine   ON machine.id = session.machine
      JOIN generator ON generator.id = session.generator
     WHERE outcome.verdict <> 'lost';

-- The kernel to use, per tune_key, abi and problem: the newest election's winner, else the
-- fastest median so far.
CREATE VIEW best AS
    SELECT * FROM (
        SELECT finished.*, election.id IS NOT NULL AS elected,
               ifnull(election.done_us >= max(finished.done_us) OVER (
                          PARTITION BY finished.tune_key, finished.abi, finished.problem),
                      0) AS settled,
               row_number() OVER (PARTITION BY finished.tune_key, finished.abi,
                                               finished.problem
                                  ORDER BY election.id DESC, finished.median_ns,
                                           finished.trial) AS place
          FROM finished LEFT JOIN election ON election.trial = finished.trial
         WHERE finished.age = 1 AND finished.verdict = 'ok')
     WHERE place = 1;

-- Trials that were running when their tuner was last seen.
CREATE VIEW open_trial AS
    SELECT trial.* FROM trial LEFT JOIN outcome ON outcome.trial = trial.id
     WHERE outcome.trial IS NULL;

-- ---- facts do not change ------------------------------------------------------------

CREATE TRIGGER trial_fixed BEFORE UPDATE ON trial
    BEGIN SELECT raise(ABORT, 'trials are never changed'); END;
CREATE TRIGGER trial_kept BEFORE DELETE ON trial
    BEGIN SELECT raise(ABORT, 'trials are never deleted'); END;
CREATE TRIGGER outcome_fixed BEFORE UPDATE ON outcome
    BEGIN SELECT raise(ABORT, 'outcomes are never changed'); END;
CREATE TRIGGER outcome_kept BEFORE DELETE ON outcome
    BEGIN SELECT raise(ABORT, 'outcomes are never deleted'); END;
CREATE TRIGGER validation_fixed BEFORE UPDATE ON validation
    BEGIN SELECT raise(ABORT, 'validations are never changed'); END;
CREATE TRIGGER validation_kept BEFORE DELETE ON validation
    BEGIN SELECT raise(ABORT, 'validations are never deleted'); END;
CREATE TRIGGER comparison_fixed BEFORE UPDATE ON comparison
    BEGIN SELECT raise(ABORT, 'comparisons are never changed'); END;
CREATE TRIGGER comparison_kept BEFORE DELETE ON comparison
    BEGIN SELECT raise(ABORT, 'comparisons are never deleted'); END;
CREATE TRIGGER election_fixed BEFORE UPDATE ON election
    BEGIN SELECT raise(ABORT, 'elections are never changed'); END;
CREATE TRIGGER election_kept BEFORE DELETE ON election
    BEGIN SELECT raise(ABORT, 'elections are never deleted'); END;
