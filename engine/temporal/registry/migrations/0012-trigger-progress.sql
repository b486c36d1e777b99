-- How far triggers are (engine/triggers/progress.ts). next and unfinished: JSON. position: next, where it is a number.
ALTER TABLE triggers ADD COLUMN first_enabled_at bigint;
ALTER TABLE triggers ADD COLUMN enabled_at bigint;

CREATE TABLE trigger_places (
  scope integer NOT NULL,
  flow text COLLATE "C" NOT NULL,
  name text COLLATE "C" NOT NULL,
  generation integer NOT NULL,
  part text COLLATE "C" NOT NULL,
  next text COLLATE "C" NOT NULL,
  position double precision,
  unfinished text COLLATE "C",
  PRIMARY KEY (scope, flow, name, generation, part),
  FOREIGN KEY (scope, flow, name) REFERENCES triggers (scope, flow, name) ON DELETE CASCADE
);

-- Messages of which it is recorded what became of them; key: a hash.
CREATE TABLE trigger_messages (
  scope integer NOT NULL,
  key bytea NOT NULL,
  until bigint NOT NULL,
  outcome smallint NOT NULL,
  execution text,
  PRIMARY KEY (scope, key)
);
CREATE INDEX trigger_messages_until ON trigger_messages (scope, until);

-- Batches of messages whose start is under way: a row is there before the start, and gone behind it.
CREATE TABLE trigger_starts (
  scope integer NOT NULL,
  id text COLLATE "C" NOT NULL,
  begun_at bigint NOT NULL,
  start bytea NOT NULL,
  PRIMARY KEY (scope, id)
);
ALTER TABLE trigger_starts ALTER start SET STORAGE EXTERNAL;
