-- Reminders of agents: who brings one has it until then; once brought it is never brought again.
CREATE TABLE reminders (
    reminder_key TEXT PRIMARY KEY,
    until_at BIGINT NOT NULL,
    brought_at BIGINT
);
