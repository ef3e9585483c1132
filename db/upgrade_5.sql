-- upgrade_5.sql -- version 5: what the machine did while a trial was timed (conditions.h).  NULL
-- where nobody looked.

ALTER TABLE outcome ADD COLUMN canary_ns REAL CHECK (canary_ns > 0);
ALTER TABLE outcome ADD COLUMN drift     REAL CHECK (drift > 0);
ALTER TABLE outcome ADD COLUMN repeats   INTEGER CHECK (repeats >= 0);
ALTER TABLE outcome ADD COLUMN spent_ms  REAL CHECK (spent_ms >= 0);
ALTER TABLE outcome ADD COLUMN steal_ms  REAL CHECK (steal_ms >= 0);
ALTER TABLE outcome ADD COLUMN delay_ms  REAL CHECK (delay_ms >= 0);
ALTER TABLE outcome ADD COLUMN switches  INTEGER CHECK (switches >= 0);
ALTER TABLE outcome ADD COLUMN moves     INTEGER CHECK (moves >= 0);
