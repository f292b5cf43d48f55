-- What a workflow has cost is asked before its next work is given out.
CREATE INDEX usage_workflow ON usage (workflow_id, at);
