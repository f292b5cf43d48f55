-- Whose state is being decided on: one at a time, or two decisions would be made on what neither has seen of the other.
CREATE TABLE deciding (
    workflow_id TEXT PRIMARY KEY,
    until_at BIGINT NOT NULL
);
