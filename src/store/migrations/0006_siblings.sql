-- Workflows that do the work of a step, one row for each attempt: remembered before the step is taken, so that whatever
-- is killed in between, it is begun once, followed to its end, and its end is told once.
CREATE TABLE siblings (
    attempt_id TEXT PRIMARY KEY,
    -- What it takes to begin it and to tell of its end, as JSON; empty once nothing is left to do.
    plan TEXT NOT NULL,
    phase TEXT NOT NULL CHECK (phase IN ('wanted', 'begun', 'done')),
    -- Until then whoever handles it has it for themselves.
    due_at BIGINT NOT NULL,
    tries BIGINT NOT NULL DEFAULT 1,
    wanted_at BIGINT NOT NULL
);

CREATE INDEX siblings_open ON siblings (due_at) WHERE phase <> 'done';
CREATE INDEX siblings_old ON siblings (wanted_at);
