-- What is done to many executions. Whoever has the lease does it. errors: JSON texts.
CREATE TABLE batches (
  scope integer NOT NULL,
  id text COLLATE "C" NOT NULL,
  action text NOT NULL,
  filter text NOT NULL,
  collected boolean NOT NULL DEFAULT false,
  cursor text,
  total bigint NOT NULL DEFAULT 0,
  succeeded bigint NOT NULL DEFAULT 0,
  failed bigint NOT NULL DEFAULT 0,
  errors text[] NOT NULL DEFAULT '{}',
  created_at bigint NOT NULL,
  ended_at bigint,
  lease_by text,
  lease_until bigint NOT NULL DEFAULT 0,
  PRIMARY KEY (scope, id)
);
CREATE INDEX batches_open ON batches (scope, created_at, id) WHERE ended_at IS NULL;

-- Executions of a batch that are still to be done.
CREATE TABLE batch_items (
  scope integer NOT NULL,
  batch text COLLATE "C" NOT NULL,
  seq bigint NOT NULL,
  execution text NOT NULL,
  PRIMARY KEY (scope, batch, seq)
);
