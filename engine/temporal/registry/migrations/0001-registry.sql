-- Run with search_path set to the registry's schema, in a transaction. Never change a migration that was released: add one.
--
-- scope: several applications (and tests) in one database, as a number so that keys stay short. Times are epoch milliseconds.
-- Values of users are bytea: JSON, deflated when large (encoding.ts). text and jsonb refuse the character U+0000, which JSON has.
-- Keys are COLLATE "C": the order of bytes, which is the program's, and which no new version of the C library changes under an index.

CREATE TABLE meta (key text COLLATE "C" PRIMARY KEY, value bytea NOT NULL);

CREATE TABLE scopes (key integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text COLLATE "C" NOT NULL UNIQUE);

-- global: what has the same hash is the same plan
CREATE TABLE plans (hash text COLLATE "C" PRIMARY KEY, plan bytea NOT NULL);
ALTER TABLE plans ALTER plan SET STORAGE EXTERNAL;

CREATE TABLE flows (
  scope integer NOT NULL,
  name text COLLATE "C" NOT NULL,
  hash text COLLATE "C" NOT NULL,
  mode text NOT NULL,
  deployed_at bigint NOT NULL,
  PRIMARY KEY (scope, name)
);

CREATE TABLE functions (
  scope integer NOT NULL,
  ref text COLLATE "C" NOT NULL,
  queue text NOT NULL,
  timeout_ms bigint,
  worker text NOT NULL,
  saved_at bigint NOT NULL,
  PRIMARY KEY (scope, ref)
);

-- One row per attempt of a callback node. node_run is the place without its attempt: what an attempt has in common with its predecessors.
CREATE TABLE callbacks (
  scope integer NOT NULL,
  hash text COLLATE "C" NOT NULL,
  execution text COLLATE "C" NOT NULL,
  node_run text COLLATE "C" NOT NULL,
  attempt integer NOT NULL,
  state text NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'answered', 'gone')),
  expires_at bigint NOT NULL,
  answered_at bigint,
  -- of the call that answered: its repetition after a broken connection knows its own answer by it
  answered_by text,
  delivered boolean NOT NULL DEFAULT false,
  answer bytea,
  PRIMARY KEY (scope, hash)
);
ALTER TABLE callbacks ALTER answer SET STORAGE EXTERNAL;
CREATE INDEX callbacks_execution ON callbacks (scope, execution, node_run, attempt);
CREATE INDEX callbacks_undelivered ON callbacks (scope, answered_at) WHERE state = 'answered' AND NOT delivered;

-- Ended executions. The three indexes give every list its order, a range of the index per status (record-lists.ts), and retention its walk.
-- origin: the parent, or the trigger that is named; most executions of an API have neither and cost no entry.
CREATE TABLE executions (
  scope integer NOT NULL,
  id text COLLATE "C" NOT NULL,
  run_id text NOT NULL,
  flow text COLLATE "C" NOT NULL,
  version text NOT NULL,
  hash text COLLATE "C" NOT NULL,
  mode text NOT NULL,
  core integer NOT NULL,
  status text COLLATE "C" NOT NULL,
  started_at bigint NOT NULL,
  ended_at bigint NOT NULL,
  depth integer NOT NULL,
  parent text,
  parent_node text,
  retry_of text,
  origin text COLLATE "C",
  trigger text,
  error text,
  trigger_event bytea,
  input bytea NOT NULL,
  output bytea,
  journal bytea,
  PRIMARY KEY (scope, id)
);
ALTER TABLE executions
  ALTER trigger_event SET STORAGE EXTERNAL,
  ALTER input SET STORAGE EXTERNAL,
  ALTER output SET STORAGE EXTERNAL,
  ALTER journal SET STORAGE EXTERNAL;
CREATE INDEX executions_status ON executions (scope, status, started_at, id);
CREATE INDEX executions_flow ON executions (scope, flow, status, started_at, id);
CREATE INDEX executions_origin ON executions (scope, origin, status, started_at, id) WHERE origin IS NOT NULL;

CREATE TABLE retries (scope integer NOT NULL, of text COLLATE "C" NOT NULL, id text NOT NULL, PRIMARY KEY (scope, of));

-- line is a JSON string: text refuses U+0000, which functions may print
CREATE TABLE logs (
  scope integer NOT NULL,
  execution text COLLATE "C" NOT NULL,
  seq bigint GENERATED ALWAYS AS IDENTITY,
  time bigint NOT NULL,
  node text,
  request text NOT NULL,
  level text NOT NULL,
  line text NOT NULL,
  PRIMARY KEY (scope, execution, seq)
);

-- what is inside of a lane's range of a loop (docs/design/temporal.md); written when the lane ends, before there is a record of its execution
CREATE TABLE lanes (
  scope integer NOT NULL,
  execution text COLLATE "C" NOT NULL,
  id text COLLATE "C" NOT NULL,
  journal bytea NOT NULL,
  PRIMARY KEY (scope, execution, id)
);
ALTER TABLE lanes ALTER journal SET STORAGE EXTERNAL;

-- common to all scopes, as the workers are that write and read them; the owner is an execution
CREATE TABLE payloads (
  owner text COLLATE "C" NOT NULL,
  hash bytea NOT NULL,
  deflated boolean NOT NULL,
  data bytea NOT NULL,
  PRIMARY KEY (owner, hash)
);
ALTER TABLE payloads ALTER data SET STORAGE EXTERNAL;
