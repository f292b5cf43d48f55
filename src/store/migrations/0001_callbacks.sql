-- Times are milliseconds since 1970. The same text runs on SQLite and PostgreSQL.

-- Every answer of an agent that was ever taken in: its key, how far its handling is, what was answered.
CREATE TABLE callbacks (
    dedupe_key TEXT PRIMARY KEY,
    workflow_id TEXT NOT NULL,
    goal_id TEXT NOT NULL,
    step_id TEXT NOT NULL,
    attempt_id TEXT NOT NULL,
    sender TEXT NOT NULL,
    -- What is signalled, as JSON; empty once it is done.
    response TEXT NOT NULL,
    phase TEXT NOT NULL CHECK (phase IN ('received', 'signalled', 'done')),
    -- What everybody who sends it is told, as JSON.
    answer TEXT,
    -- Until then whoever handles it has it for themselves.
    due_at BIGINT NOT NULL,
    tries BIGINT NOT NULL DEFAULT 0,
    received_at BIGINT NOT NULL,
    signalled_at BIGINT,
    done_at BIGINT
);

CREATE INDEX callbacks_due ON callbacks (phase, due_at);
CREATE INDEX callbacks_done ON callbacks (done_at);

-- What agents used, one row for each answer that says so. It never enters a history.
CREATE TABLE usage (
    dedupe_key TEXT PRIMARY KEY,
    goal_id TEXT NOT NULL,
    workflow_id TEXT NOT NULL,
    step_id TEXT NOT NULL,
    attempt_id TEXT NOT NULL,
    agent_role TEXT NOT NULL,
    prompt_tokens BIGINT NOT NULL,
    completion_tokens BIGINT NOT NULL,
    -- Millionths of a US dollar.
    cost_micros BIGINT NOT NULL,
    at BIGINT NOT NULL
);

CREATE INDEX usage_goal ON usage (goal_id);
