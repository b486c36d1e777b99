-- Names of executions: taken before the start, so that a repetition finds the id. input: a hash.
CREATE TABLE names (
  scope integer NOT NULL,
  flow text COLLATE "C" NOT NULL,
  name text COLLATE "C" NOT NULL,
  execution text COLLATE "C" NOT NULL,
  input text NOT NULL,
  at bigint NOT NULL,
  -- false once its execution was deleted, or its record was
  kept boolean NOT NULL DEFAULT true,
  PRIMARY KEY (scope, flow, name)
);
CREATE INDEX names_execution ON names (scope, execution);
CREATE INDEX names_at ON names (scope, at);

-- trigger_type: null for plain calls of the API, which most are, and cost no entry
ALTER TABLE executions ADD COLUMN name text COLLATE "C", ADD COLUMN trigger_type text COLLATE "C";
UPDATE executions SET trigger_type = substring(trigger from '^\{"type":"([^"\\]*)"') WHERE trigger IS NOT NULL AND trigger <> '{"type":"api"}';
CREATE INDEX executions_name ON executions (scope, name, status, started_at, id) WHERE name IS NOT NULL;
CREATE INDEX executions_trigger ON executions (scope, trigger_type, status, started_at, id) WHERE trigger_type IS NOT NULL;

-- logs by time: several workers write those of one execution
ALTER TABLE logs ADD COLUMN attempt integer, DROP CONSTRAINT logs_pkey, ADD PRIMARY KEY (scope, execution, time, seq);

-- Executions that were deleted while Temporal may still have their workflows: those are not recorded again. By run: their ids may be used again.
CREATE TABLE deleted (
  scope integer NOT NULL,
  execution text COLLATE "C" NOT NULL,
  run_id text COLLATE "C" NOT NULL,
  at bigint NOT NULL,
  PRIMARY KEY (scope, execution, run_id)
);
CREATE INDEX deleted_at ON deleted (scope, at);
