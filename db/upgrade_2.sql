-- upgrade_2.sql -- version 2: the latency table, what the subnet search adds up.

CREATE TABLE latency (
    id       INTEGER PRIMARY KEY,
    perf_key TEXT    NOT NULL CHECK (perf_key <> ''),
    abi      INTEGER NOT NULL,
    problem  INTEGER NOT NULL REFERENCES problem (id),
    cache    TEXT    NOT NULL CHECK (cache IN ('warm', 'cold')),
    kernel   INTEGER NOT NULL REFERENCES kernel (id),
    ns       REAL    NOT NULL,
    low_ns   REAL    NOT NULL CHECK (low_ns > 0),
    high_ns  REAL    NOT NULL CHECK (low_ns <= ns AND ns <= high_ns),
    samples  INTEGER NOT NULL CHECK (samples > 0),
    done_us  INTEGER NOT NULL
) STRICT;
CREATE INDEX latency_question ON latency (problem, cache, perf_key, abi);

CREATE TRIGGER latency_fixed BEFORE UPDATE ON latency
    BEGIN SELECT raise(ABORT, 'latencies are never changed'); END;
CREATE TRIGGER latency_kept BEFORE DELETE ON latency
    BEGIN SELECT raise(ABORT, 'latencies are never deleted'); END;
