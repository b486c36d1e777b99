-- Executions whose journal is still to be taken from the history: few, and for a short time.
CREATE INDEX executions_without_journal ON executions (scope, started_at) WHERE journal IS NULL;
