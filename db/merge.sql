-- merge.sql -- every fact of the attached ledger `src` that this one lacks, in one
-- transaction.
--
-- Ids are local to a file, so rows are recognised by what they say: a session by its process
-- and its start, everything else by its session, its subject and its time.  Times, never ids,
-- decide what is newer (upgrade_4.sql).  Merging is therefore idempotent and may be done in
-- any order.  Claims without an outcome stay behind: they are their own process's business.

INSERT INTO main.machine (vendor, brand, arch, hypervisor, cores, isa_key, tune_key, perf_key)
SELECT vendor, brand, arch, hypervisor, cores, isa_key, tune_key, perf_key
  FROM src.machine WHERE true ON CONFLICT DO NOTHING;
INSERT INTO main.generator (abi, compiler, program)
SELECT abi, compiler, program FROM src.generator WHERE true ON CONFLICT DO NOTHING;
INSERT INTO main.problem (name, accuracy, op, quant, group_k, m, n, k, threads)
SELECT name, accuracy, op, quant, group_k, m, n, k, threads
  FROM src.problem WHERE true ON CONFLICT DO NOTHING;
INSERT INTO main.kernel (name) SELECT name FROM src.kernel WHERE true ON CONFLICT DO NOTHING;

-- ---- ids there to ids here ----------------------------------------------------------

CREATE TEMP TABLE problem_map (there INTEGER PRIMARY KEY, here INTEGER NOT NULL);
INSERT INTO problem_map
SELECT s.id, d.id FROM src.problem s JOIN main.problem d ON d.name = s.name;
CREATE TEMP TABLE kernel_map (there INTEGER PRIMARY KEY, here INTEGER NOT NULL);
INSERT INTO kernel_map
SELECT s.id, d.id FROM src.kernel s JOIN main.kernel d ON d.name = s.name;

INSERT INTO main.session (machine, generator, strategy, command, seed, budget_s, pid, born,
                          boot_id, namespace, started_us, ended_us, state)
SELECT (SELECT d.id FROM src.machine m
          JOIN main.machine d USING (isa_key, tune_key, perf_key) WHERE m.id = s.machine),
       (SELECT d.id FROM src.generator g
          JOIN main.generator d USING (abi, compiler, program) WHERE g.id = s.generator),
       strategy, command, seed, budget_s, pid, born, boot_id, namespace, started_us, ended_us,
       state
  FROM src.session s
 WHERE NOT EXISTS (
       SELECT 1 FROM main.session d
        WHERE d.boot_id = s.boot_id AND d.namespace = s.namespace AND d.pid = s.pid
          AND d.born = s.born AND d.started_us = s.started_us)
 ORDER BY s.id;
CREATE TEMP TABLE session_map (there INTEGER PRIMARY KEY, here INTEGER NOT NULL);
INSERT INTO session_map
SELECT s.id, min(d.id) FROM src.session s
  JOIN main.session d ON d.boot_id = s.boot_id AND d.namespace = s.namespace
   AND d.pid = s.pid AND d.born = s.born AND d.started_us = s.started_us
 GROUP BY s.id;

-- How a session ended: its own word beats a presumption of death, which beats none.
UPDATE main.session SET state = s.state, ended_us = s.ended_us
  FROM session_map m JOIN src.session s ON s.id = m.there
 WHERE m.here = session.id
   AND ((s.state <> 'running') + (s.state IN ('done', 'interrupted')) >
        (session.state <> 'running') + (session.state IN ('done', 'interrupted'))
     OR (s.state = 'dead' AND session.state = 'dead' AND s.ended_us < session.ended_us));

-- ---- trials and their ends ----------------------------------------------------------

INSERT INTO main.trial (session, problem, kernel, cache, predicted_ns, claimed_us)
SELECT sm.here, pm.here, km.here, t.cache, t.predicted_ns, t.claimed_us
  FROM src.trial t
  JOIN src.outcome o  ON o.trial = t.id
  JOIN session_map sm ON sm.there = t.session
  JOIN problem_map pm ON pm.there = t.problem
  JOIN kernel_map km  ON km.there = t.kernel
 WHERE NOT EXISTS (
       SELECT 1 FROM main.trial d
        WHERE d.problem = pm.here AND d.kernel = km.here AND d.cache = t.cache
          AND d.session = sm.here AND d.claimed_us = t.claimed_us)
 GROUP BY t.session, t.problem, t.kernel, t.cache, t.claimed_us
 ORDER BY t.id;
CREATE TEMP TABLE trial_map (there INTEGER PRIMARY KEY, here INTEGER NOT NULL);
INSERT INTO trial_map
SELECT t.id, min(d.id)
  FROM src.trial t
  JOIN session_map sm ON sm.there = t.session
  JOIN problem_map pm ON pm.there = t.problem
  JOIN kernel_map km  ON km.there = t.kernel
  JOIN main.trial d   ON d.problem = pm.here AND d.kernel = km.here AND d.cache = t.cache
   AND d.session = sm.here AND d.claimed_us = t.claimed_us
 GROUP BY t.id;

-- "Lost" is a presumption too: whoever opened a copy of the file elsewhere saw no process.
-- It gives way to what the trial itself reported, which names its code even where it is that
-- its working process was killed; and the first presumption stays.
DROP TRIGGER main.outcome_kept;
DELETE FROM main.outcome
 WHERE verdict = 'lost'
   AND EXISTS (SELECT 1 FROM trial_map m JOIN src.outcome o ON o.trial = m.there
                WHERE m.here = outcome.trial
                  AND (o.verdict <> 'lost' OR (o.code_hash <> '') > (outcome.code_hash <> '')
                       OR ((o.code_hash <> '') = (outcome.code_hash <> '')
                           AND o.done_us < outcome.done_us)));
CREATE TRIGGER main.outcome_kept BEFORE DELETE ON outcome
    BEGIN SELECT raise(ABORT, 'outcomes are never deleted'); END;
INSERT INTO main.outcome (trial, verdict, detail, code_hash, median_ns, low_ns, high_ns,
                          best_ns, mean_ns, samples, calls, done_us, canary_ns, drift, repeats,
                          spent_ms, steal_ms, delay_ms, switches, moves)
SELECT m.here, verdict, detail, code_hash, median_ns, low_ns, high_ns, best_ns, mean_ns,
       samples, calls, done_us, canary_ns, drift, repeats, spent_ms, steal_ms, delay_ms,
       switches, moves
  FROM src.outcome o JOIN trial_map m ON m.there = o.trial
 ORDER BY m.here ON CONFLICT DO NOTHING;

-- ---- what stands on them ------------------------------------------------------------

INSERT INTO main.validation (session, isa_key, code_hash, verdict, detail, cases, seed,
                             worst_error, done_us)
SELECT sm.here, isa_key, code_hash, verdict, detail, cases, seed, worst_error, done_us
  FROM src.validation v JOIN session_map sm ON sm.there = v.session
 WHERE NOT EXISTS (
       SELECT 1 FROM main.validation d
        WHERE d.isa_key = v.isa_key AND d.code_hash = v.code_hash AND d.session = sm.here
          AND d.done_us = v.done_us)
 ORDER BY v.id;
INSERT INTO main.comparison (session, problem, cache, a, b, ratio, ratio_low, ratio_high, pairs,
                             done_us, canary_ns, drift, repeats, spent_ms, steal_ms, delay_ms,
                             switches, moves)
SELECT sm.here, pm.here, cache, am.here, bm.here, ratio, ratio_low, ratio_high, pairs, done_us,
       canary_ns, drift, repeats, spent_ms, steal_ms, delay_ms, switches, moves
  FROM src.comparison c
  JOIN session_map sm ON sm.there = c.session
  JOIN problem_map pm ON pm.there = c.problem
  JOIN kernel_map am  ON am.there = c.a
  JOIN kernel_map bm  ON bm.there = c.b
 WHERE NOT EXISTS (
       SELECT 1 FROM main.comparison d
        WHERE d.problem = pm.here AND d.session = sm.here AND d.cache = c.cache
          AND d.a = am.here AND d.b = bm.here AND d.done_us = c.done_us)
 ORDER BY c.id;
INSERT INTO main.election (session, problem, cache, trial, done_us)
SELECT sm.here, pm.here, cache, tm.here, done_us
  FROM src.election e
  JOIN session_map sm ON sm.there = e.session
  JOIN problem_map pm ON pm.there = e.problem
  JOIN trial_map tm   ON tm.there = e.trial
 WHERE NOT EXISTS (
       SELECT 1 FROM main.election d
        WHERE d.problem = pm.here AND d.session = sm.here AND d.trial = tm.here
          AND d.done_us = e.done_us)
 ORDER BY e.id;
INSERT INTO main.latency (perf_key, abi, problem, cache, kernel, ns, low_ns, high_ns, samples,
                          done_us)
SELECT perf_key, abi, pm.here, cache, km.here, ns, low_ns, high_ns, samples, done_us
  FROM src.latency l
  JOIN problem_map pm ON pm.there = l.problem
  JOIN kernel_map km  ON km.there = l.kernel
 WHERE NOT EXISTS (
       SELECT 1 FROM main.latency d
        WHERE d.problem = pm.here AND d.cache = l.cache AND d.perf_key = l.perf_key
          AND d.abi = l.abi AND d.kernel = km.here AND d.done_us = l.done_us)
 ORDER BY l.id;

DROP TABLE problem_map;
DROP TABLE kernel_map;
DROP TABLE session_map;
DROP TABLE trial_map;
