-- What workflows have cost is summed again and again while they work: the index alone answers.
CREATE INDEX usage_cost ON usage (workflow_id, at, prompt_tokens, completion_tokens, cost_micros);
DROP INDEX usage_workflow;

-- Old reminders are found without looking at the others.
CREATE INDEX reminders_old ON reminders (until_at);
