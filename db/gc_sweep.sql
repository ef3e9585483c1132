-- gc_sweep.sql -- drops what gc_mark.sql marked.  Facts are never deleted otherwise; whoever
-- runs this puts the triggers that say so back in the same transaction.

DROP TRIGGER trial_kept;
DROP TRIGGER outcome_kept;
DROP TRIGGER validation_kept;
DROP TRIGGER comparison_kept;
DROP TRIGGER election_kept;
DROP TRIGGER latency_kept;

DELETE FROM election   WHERE id IN (SELECT id FROM gc_election);
DELETE FROM outcome    WHERE trial IN (SELECT id FROM gc_trial);
DELETE FROM trial      WHERE id IN (SELECT id FROM gc_trial);
DELETE FROM comparison WHERE id IN (SELECT id FROM gc_comparison);
DELETE FROM validation WHERE id IN (SELECT id FROM gc_validation);
DELETE FROM latency    WHERE id IN (SELECT id FROM gc_latency);
DELETE FROM session    WHERE id IN (SELECT id FROM gc_session);
DELETE FROM machine    WHERE id IN (SELECT id FROM gc_machine);
DELETE FROM generator  WHERE id IN (SELECT id FROM gc_generator);
DELETE FROM problem    WHERE id IN (SELECT id FROM gc_problem);
DELETE FROM kernel     WHERE id IN (SELECT id FROM gc_kernel);
