-- So long no server reads anything for a trigger: its place is being sought. The database's clock counts.
ALTER TABLE triggers ADD COLUMN halted_until timestamptz;
