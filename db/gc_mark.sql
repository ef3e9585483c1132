-- gc_mark.sql -- which rows can never answer a question again; reads only, into temporary
-- tables.  temp.gc_limit (cutoff_us, abi) holds the age to drop at and the present code ABI.
--
-- Questions are those of the program: the best kernel of a problem in each cache mode, what
-- could not be told from it, the newest outcome of a trial, how often it was lost, the newest
-- verdict on code, the newest latency.  None of them
-- may be answered otherwise after.

CREATE TEMP TABLE gc_champion AS
SELECT trial, problem, kernel, tune_key, abi FROM best_of_mode;

-- Every outcome with its question; age 1 is the newest of a question that is not lost.
CREATE TEMP TABLE gc_told AS
SELECT trial.id AS trial, trial.problem, trial.kernel, trial.cache, machine.tune_key,
       generator.abi, outcome.verdict, outcome.code_hash, outcome.done_us, trial.claimed_us,
       finished.age
  FROM outcome
  JOIN trial         ON trial.id = outcome.trial
  JOIN session       ON session.id = trial.session
  JOIN machine       ON machine.id = session.machine
  JOIN generator     ON generator.id = session.generator
  LEFT JOIN finished ON finished.trial = trial.id;
CREATE TEMP TABLE gc_question AS
SELECT problem, kernel, cache, tune_key, abi, sum(verdict = 'lost' AND code_hash = '') AS losses,
       max(claimed_us) FILTER (WHERE verdict <> 'lost') AS answered_us
  FROM gc_told GROUP BY problem, kernel, cache, tune_key, abi;
CREATE INDEX temp.gc_question_key ON gc_question (problem, kernel, cache, tune_key, abi);

-- Of another ABI; or replaced by a newer one; or lost and answered since, but for losses that
-- are a quarantine: those of which the tuner did not live to name the code.
CREATE TEMP TABLE gc_trial (id INTEGER PRIMARY KEY);
INSERT INTO gc_trial
SELECT t.trial
  FROM gc_told t JOIN gc_question q USING (problem, kernel, cache, tune_key, abi)
 WHERE t.done_us < (SELECT cutoff_us FROM gc_limit)
   AND t.trial NOT IN (SELECT trial FROM gc_champion)
   AND (t.abi <> (SELECT abi FROM gc_limit) OR t.age > 1
        OR (t.verdict = 'lost' AND (q.losses < 2 OR t.code_hash <> '')
            AND q.answered_us > t.claimed_us));
CREATE TEMP TABLE gc_election (id INTEGER PRIMARY KEY);
INSERT INTO gc_election SELECT id FROM election WHERE trial IN (SELECT id FROM gc_trial);

-- What a champion was compared with is why it is one.
CREATE TEMP TABLE gc_comparison (id INTEGER PRIMARY KEY);
INSERT INTO gc_comparison
SELECT comparison.id
  FROM comparison
  JOIN session   ON session.id = comparison.session
  JOIN machine   ON machine.id = session.machine
  JOIN generator ON generator.id = session.generator
 WHERE comparison.done_us < (SELECT cutoff_us FROM gc_limit)
   AND generator.abi <> (SELECT abi FROM gc_limit)
   AND NOT EXISTS (
       SELECT 1 FROM gc_champion c
        WHERE c.problem = comparison.problem AND c.tune_key = machine.tune_key
          AND c.abi = generator.abi AND c.kernel IN (comparison.a, comparison.b));

CREATE TEMP TABLE gc_validation (id INTEGER PRIMARY KEY);
INSERT INTO gc_validation
SELECT v.id
  FROM validation v JOIN session ON session.id = v.session
  JOIN generator ON generator.id = session.generator
 WHERE v.done_us < (SELECT cutoff_us FROM gc_limit)
   AND (EXISTS (SELECT 1 FROM validation n
                 WHERE n.isa_key = v.isa_key AND n.code_hash = v.code_hash
                   AND (n.done_us, n.id) > (v.done_us, v.id))
     OR (generator.abi <> (SELECT abi FROM gc_limit)
         AND v.code_hash NOT IN (SELECT code_hash FROM outcome
                                  WHERE trial NOT IN (SELECT id FROM gc_trial))));

CREATE TEMP TABLE gc_latency (id INTEGER PRIMARY KEY);
INSERT INTO gc_latency
SELECT l.id FROM latency l
 WHERE l.done_us < (SELECT cutoff_us FROM gc_limit)
   AND (l.abi <> (SELECT abi FROM gc_limit)
     OR EXISTS (SELECT 1 FROM latency n
                 WHERE n.problem = l.problem AND n.cache = l.cache
                   AND n.perf_key = l.perf_key AND n.abi = l.abi
                   AND (n.done_us, n.id) > (l.done_us, l.id)));

-- Sessions of which nothing stays, and names that no row uses.
CREATE TEMP TABLE gc_session (id INTEGER PRIMARY KEY);
INSERT INTO gc_session
SELECT id FROM session
 WHERE state <> 'running' AND ended_us < (SELECT cutoff_us FROM gc_limit)
   AND id NOT IN (SELECT session FROM trial WHERE id NOT IN (SELECT id FROM gc_trial))
   AND id NOT IN (SELECT session FROM election WHERE id NOT IN (SELECT id FROM gc_election))
   AND id NOT IN (SELECT session FROM comparison
                   WHERE id NOT IN (SELECT id FROM gc_comparison))
   AND id NOT IN (SELECT session FROM validation
                   WHERE id NOT IN (SELECT id FROM gc_validation));
CREATE TEMP TABLE gc_machine (id INTEGER PRIMARY KEY);
INSERT INTO gc_machine SELECT id FROM machine WHERE id NOT IN (
       SELECT machine FROM session WHERE id NOT IN (SELECT id FROM gc_session));
CREATE TEMP TABLE gc_generator (id INTEGER PRIMARY KEY);
INSERT INTO gc_generator SELECT id FROM generator WHERE id NOT IN (
       SELECT generator FROM session WHERE id NOT IN (SELECT id FROM gc_session));
CREATE TEMP TABLE gc_problem (id INTEGER PRIMARY KEY);
INSERT INTO gc_problem SELECT id FROM problem WHERE id NOT IN (
       SELECT problem FROM trial WHERE id NOT IN (SELECT id FROM gc_trial)
 UNION SELECT problem FROM election WHERE id NOT IN (SELECT id FROM gc_election)
 UNION SELECT problem FROM comparison WHERE id NOT IN (SELECT id FROM gc_comparison)
 UNION SELECT problem FROM latency WHERE id NOT IN (SELECT id FROM gc_latency));
CREATE TEMP TABLE gc_kernel (id INTEGER PRIMARY KEY);
INSERT INTO gc_kernel SELECT id FROM kernel WHERE id NOT IN (
       SELECT kernel FROM trial WHERE id NOT IN (SELECT id FROM gc_trial)
 UNION SELECT a FROM comparison WHERE id NOT IN (SELECT id FROM gc_comparison)
 UNION SELECT b FROM comparison WHERE id NOT IN (SELECT id FROM gc_comparison)
 UNION SELECT kernel FROM latency WHERE id NOT IN (SELECT id FROM gc_latency));
