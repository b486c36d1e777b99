-- Lines of an execution as they were written: who follows them goes on behind the last one.
CREATE INDEX logs_written ON logs (scope, execution, seq);
