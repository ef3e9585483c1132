-- upgrade_4.sql -- version 4: what is newer is told by the clock, not by ids, so that ledgers
-- can be merged in any order.

CREATE INDEX session_identity ON session (boot_id, pid, born, started_us);

DROP VIEW best;
DROP VIEW finished;

CREATE VIEW finished AS
    SELECT trial.id AS trial, trial.problem, trial.kernel, trial.cache, machine.tune_key,
           generator.abi, outcome.verdict, outcome.code_hash, outcome.median_ns,
           outcome.low_ns, outcome.high_ns, outcome.done_us,
           row_number() OVER (PARTITION BY machine.tune_key, generator.abi, trial.problem,
                                           trial.kernel, trial.cache
                              ORDER BY trial.claimed_us DESC, outcome.done_us DESC,
                                       outcome.median_ns, trial.id DESC) AS age
      FROM outcome
      JOIN trial     ON trial.id = outcome.trial
      JOIN session   ON session.id = trial.session
      JOIN machine   ON machine.id = session.machine
      JOIN generator ON generator.id = session.generator
     WHERE outcome.verdict <> 'lost';

CREATE VIEW best AS
    SELECT * FROM (
        SELECT finished.*, election.id IS NOT NULL AS elected,
               ifnull(election.done_us >= max(finished.done_us) OVER (
                          PARTITION BY finished.tune_key, finished.abi, finished.problem),
                      0) AS settled,
               row_number() OVER (PARTITION BY finished.tune_key, finished.abi,
                                               finished.problem
                                  ORDER BY election.done_us DESC, election.id DESC,
                                           finished.median_ns, finished.trial) AS place
          FROM finished LEFT JOIN election ON election.trial = finished.trial
         WHERE finished.age = 1 AND finished.verdict = 'ok')
     WHERE place = 1;
