-- upgrade_7.sql -- version 7: weights may be hot as well as warm and cold (cache_mode.h), and
-- what a search in another mode than a product's own finds hides nothing.
--
-- As in upgrade_3.sql, constraints are edited where they stand.  Rows stay as they are: what
-- said warm before is hot in truth where weights are smaller than twice L2, and the sizes of
-- caches are not the file's business.

PRAGMA writable_schema = ON;
UPDATE sqlite_schema
   SET sql = replace(sql, 'CHECK (cache IN (''warm'', ''cold''))',
                     'CHECK (cache IN (''hot'', ''warm'', ''cold''))')
 WHERE type = 'table' AND name IN ('trial', 'comparison', 'election', 'latency');
PRAGMA writable_schema = RESET;

DROP VIEW best;

-- The best kernel per tune_key, abi, problem and cache mode: the newest election's winner, else
-- the fastest median so far.
CREATE VIEW best_of_mode AS
    SELECT * FROM (
        SELECT finished.*, election.id IS NOT NULL AS elected,
               ifnull(election.done_us >= max(finished.done_us) OVER (
                          PARTITION BY finished.tune_key, finished.abi, finished.problem,
                                       finished.cache),
                      0) AS settled,
               row_number() OVER (PARTITION BY finished.tune_key, finished.abi,
                                               finished.problem, finished.cache
                                  ORDER BY election.done_us DESC, election.id DESC,
                                           finished.median_ns, finished.trial) AS place
          FROM finished LEFT JOIN election ON election.trial = finished.trial
         WHERE finished.age = 1 AND finished.verdict = 'ok')
     WHERE place = 1;

-- The kernel to use: the best in the product's own mode, which is qf_tune_cache_mode()'s.
CREATE VIEW best AS
    SELECT best_of_mode.*
      FROM best_of_mode JOIN problem ON problem.id = best_of_mode.problem
     WHERE best_of_mode.cache = iif(problem.m <= 8, 'cold', 'warm');
