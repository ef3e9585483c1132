-- upgrade_6.sql -- version 6: what the machine did while two kernels were compared, all rounds of
-- it together (conditions.h).  NULL where nobody looked.

ALTER TABLE comparison ADD COLUMN canary_ns REAL CHECK (canary_ns > 0);
ALTER TABLE comparison ADD COLUMN drift     REAL CHECK (drift > 0);
ALTER TABLE comparison ADD COLUMN repeats   INTEGER CHECK (repeats >= 0);
ALTER TABLE comparison ADD COLUMN spent_ms  REAL CHECK (spent_ms >= 0);
ALTER TABLE comparison ADD COLUMN steal_ms  REAL CHECK (steal_ms >= 0);
ALTER TABLE comparison ADD COLUMN delay_ms  REAL CHECK (delay_ms >= 0);
ALTER TABLE comparison ADD COLUMN switches  INTEGER CHECK (switches >= 0);
ALTER TABLE comparison ADD COLUMN moves     INTEGER CHECK (moves >= 0);
