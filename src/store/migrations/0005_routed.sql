-- To whom else an answer is told, one row for each: handled for itself, whatever becomes of the others.
CREATE TABLE routed (
    dedupe_key TEXT NOT NULL,
    route TEXT NOT NULL,
    workflow_id TEXT NOT NULL,
    -- What is signalled, as JSON; empty once it is known what became of it.
    signal TEXT NOT NULL,
    -- What became of it; absent while nobody knows.
    outcome TEXT,
    -- Until then whoever handles it has it for themselves.
    due_at BIGINT NOT NULL,
    tries BIGINT NOT NULL DEFAULT 1,
    received_at BIGINT NOT NULL,
    -- When Temporal first said that there is no such workflow.
    unknown_at BIGINT,
    PRIMARY KEY (dedupe_key, route, workflow_id)
);

CREATE INDEX routed_open ON routed (due_at) WHERE outcome IS NULL;
CREATE INDEX routed_old ON routed (received_at);
