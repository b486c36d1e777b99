-- State of triggers; rows go with their flow.
CREATE TABLE triggers (
  scope integer NOT NULL,
  flow text COLLATE "C" NOT NULL,
  name text COLLATE "C" NOT NULL,
  enabled boolean NOT NULL DEFAULT true,
  generation integer NOT NULL DEFAULT 0,
  last_event_at bigint,
  started bigint NOT NULL DEFAULT 0,
  filtered bigint NOT NULL DEFAULT 0,
  deduplicated bigint NOT NULL DEFAULT 0,
  dead_lettered bigint NOT NULL DEFAULT 0,
  skipped bigint NOT NULL DEFAULT 0,
  lost bigint NOT NULL DEFAULT 0,
  without_id bigint NOT NULL DEFAULT 0,
  PRIMARY KEY (scope, flow, name),
  FOREIGN KEY (scope, flow) REFERENCES flows (scope, name) ON DELETE CASCADE
);

-- Messages of topics whose executions are being started: a row is there before the first start, and gone behind the last.
CREATE TABLE topic_messages (
  scope integer NOT NULL,
  id text COLLATE "C" NOT NULL,
  begun_at bigint NOT NULL,
  message bytea NOT NULL,
  PRIMARY KEY (scope, id)
);
ALTER TABLE topic_messages ALTER message SET STORAGE EXTERNAL;
