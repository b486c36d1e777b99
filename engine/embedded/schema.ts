/**
 * The store's schema, one migration per version; `PRAGMA user_version` says which are applied. Never change one that was released.
 *
 * Indexes cost most of a durable step (docs/design/architecture.md), so there are few, and those on states that pass are partial.
 */
export const MIGRATIONS: readonly string[] = [
  `
  CREATE TABLE meta (key TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;

  CREATE TABLE plans (hash TEXT PRIMARY KEY, plan TEXT NOT NULL) WITHOUT ROWID;

  CREATE TABLE flows (name TEXT PRIMARY KEY, hash TEXT NOT NULL, deployed_at INTEGER NOT NULL) WITHOUT ROWID;

  -- big columns last: what lists read stays on the row's first page
  CREATE TABLE executions (
    key INTEGER PRIMARY KEY,
    id TEXT NOT NULL,
    flow TEXT NOT NULL,
    version TEXT NOT NULL,
    plan TEXT NOT NULL,
    core INTEGER NOT NULL,
    status TEXT NOT NULL,
    started_at INTEGER NOT NULL,
    ended_at INTEGER,
    depth INTEGER NOT NULL,
    parent TEXT,
    parent_place TEXT,
    parent_node TEXT,
    retry_of TEXT,
    error TEXT,
    trigger TEXT,
    input TEXT NOT NULL,
    output TEXT
  );
  CREATE UNIQUE INDEX executions_id ON executions (id);
  CREATE INDEX executions_flow ON executions (flow, key);
  CREATE INDEX executions_status ON executions (status, flow, key) WHERE status <> 'succeeded';
  CREATE INDEX executions_parent ON executions (parent, key) WHERE parent IS NOT NULL;

  CREATE TABLE events (
    execution INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    time INTEGER NOT NULL,
    kind INTEGER NOT NULL,
    place TEXT NOT NULL,
    data TEXT,
    PRIMARY KEY (execution, seq)
  ) WITHOUT ROWID;

  CREATE TABLE timers (
    execution INTEGER NOT NULL,
    place TEXT NOT NULL,
    purpose TEXT NOT NULL,
    due INTEGER NOT NULL,
    PRIMARY KEY (execution, place, purpose)
  ) WITHOUT ROWID;
  CREATE INDEX timers_due ON timers (due);

  CREATE TABLE callbacks (
    hash TEXT PRIMARY KEY,
    execution INTEGER NOT NULL,
    place TEXT NOT NULL,
    used INTEGER NOT NULL
  ) WITHOUT ROWID;
  CREATE INDEX callbacks_execution ON callbacks (execution);

  CREATE TABLE logs (
    execution INTEGER NOT NULL,
    time INTEGER NOT NULL,
    node TEXT,
    request TEXT NOT NULL,
    level TEXT NOT NULL,
    line TEXT NOT NULL
  );
  CREATE INDEX logs_execution ON logs (execution);
  `,
  `
  -- Names that starts gave, for as long as they are taken, whatever becomes of the records; input: a hash.
  CREATE TABLE names (
    key INTEGER PRIMARY KEY,
    execution TEXT NOT NULL,
    flow TEXT NOT NULL,
    name TEXT NOT NULL,
    input TEXT NOT NULL,
    at INTEGER NOT NULL
  );
  CREATE INDEX names_name ON names (name, flow, key);

  -- What started an execution, where that is more than a plain call of the API, which most are.
  CREATE TABLE started_by (
    type TEXT NOT NULL,
    flow TEXT NOT NULL,
    name TEXT NOT NULL,
    key INTEGER NOT NULL,
    PRIMARY KEY (type, flow, name, key)
  ) WITHOUT ROWID;
  INSERT INTO started_by (type, flow, name, key)
    SELECT json_extract(trigger, '$.type'), flow, ifnull(json_extract(trigger, '$.name'), ''), key FROM executions
    WHERE trigger IS NOT NULL AND json_valid(trigger) AND trigger <> '{"type":"api"}';

  DROP INDEX logs_execution;
  CREATE INDEX logs_time ON logs (execution, time);
  ALTER TABLE logs ADD COLUMN attempt INTEGER;
  `,
  // the catalogue: texts as they were written (json only of those that are YAML), versions, aliases, and deletions under way
  `
  ALTER TABLE plans ADD COLUMN definition TEXT;

  ALTER TABLE flows ADD COLUMN seq INTEGER NOT NULL DEFAULT 0;
  ALTER TABLE flows ADD COLUMN mode TEXT NOT NULL DEFAULT 'standard';
  ALTER TABLE flows ADD COLUMN etag TEXT;
  ALTER TABLE flows ADD COLUMN format TEXT;
  ALTER TABLE flows ADD COLUMN last_number INTEGER NOT NULL DEFAULT 0;
  ALTER TABLE flows ADD COLUMN made_by TEXT;
  ALTER TABLE flows ADD COLUMN text TEXT;
  ALTER TABLE flows ADD COLUMN json TEXT;
  UPDATE flows SET
    seq = (SELECT count(*) FROM flows AS f WHERE f.deployed_at < flows.deployed_at OR (f.deployed_at = flows.deployed_at AND f.name <= flows.name)),
    mode = coalesce((SELECT json_extract(plans.plan, '$.mode') FROM plans WHERE plans.hash = flows.hash AND json_valid(plans.plan)), 'standard');
  CREATE UNIQUE INDEX flows_seq ON flows (seq);

  CREATE TABLE flow_versions (
    flow TEXT NOT NULL,
    seq INTEGER NOT NULL,
    version TEXT NOT NULL,
    hash TEXT NOT NULL,
    mode TEXT NOT NULL,
    etag TEXT,
    format TEXT,
    published_at INTEGER NOT NULL,
    made_by TEXT,
    description TEXT,
    text TEXT,
    json TEXT,
    PRIMARY KEY (flow, seq)
  ) WITHOUT ROWID;
  CREATE UNIQUE INDEX flow_versions_name ON flow_versions (flow, version);

  CREATE TABLE flow_aliases (
    flow TEXT NOT NULL,
    alias TEXT NOT NULL,
    version TEXT NOT NULL,
    weight INTEGER NOT NULL,
    other TEXT,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (flow, alias)
  ) WITHOUT ROWID;

  -- executions up to this key are still to be cancelled
  CREATE TABLE flow_deletions (flow TEXT PRIMARY KEY, upto INTEGER NOT NULL) WITHOUT ROWID;
  `,
  // requests with keys (engine/idempotency.ts), in the order of their age; used_by: the id that the call of a callback brought
  `
  CREATE TABLE request_keys (
    seq INTEGER PRIMARY KEY,
    key BLOB NOT NULL,
    content BLOB NOT NULL,
    id TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    answer BLOB
  );
  CREATE UNIQUE INDEX request_keys_key ON request_keys (key);
  ALTER TABLE callbacks ADD COLUMN used_by TEXT;
  `,
  `
  -- Trace contexts of those executions that were started with one.
  CREATE TABLE traces (execution INTEGER PRIMARY KEY, traceparent TEXT NOT NULL);
  `,
  `
  -- What was last loaded from which flow file, by its path in the folder; hash: of the content.
  CREATE TABLE flow_files (file TEXT PRIMARY KEY, hash TEXT NOT NULL, loaded_at INTEGER NOT NULL) WITHOUT ROWID;
  `,
  // triggers: the row goes with its flow
  `
  CREATE TABLE triggers (
    flow TEXT NOT NULL REFERENCES flows (name) ON DELETE CASCADE,
    name TEXT NOT NULL,
    enabled INTEGER NOT NULL DEFAULT 1,
    generation INTEGER NOT NULL DEFAULT 0,
    last_event_at INTEGER,
    started INTEGER NOT NULL DEFAULT 0,
    filtered INTEGER NOT NULL DEFAULT 0,
    deduplicated INTEGER NOT NULL DEFAULT 0,
    dead_lettered INTEGER NOT NULL DEFAULT 0,
    skipped INTEGER NOT NULL DEFAULT 0,
    lost INTEGER NOT NULL DEFAULT 0,
    without_id INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (flow, name)
  ) WITHOUT ROWID;
  `,
  `
  -- Executions that had nothing under way behind the event seq, when they were let go of: as long as it is their last one, a recovery need not
  -- read them.
  CREATE TABLE resting (execution INTEGER PRIMARY KEY, seq INTEGER NOT NULL);
  `,
  `
  -- What is done to many executions, and to which of them it is still to be done.
  CREATE TABLE batches (
    id TEXT PRIMARY KEY,
    action TEXT NOT NULL,
    filter TEXT NOT NULL,
    collected INTEGER NOT NULL DEFAULT 0,
    cursor TEXT,
    total INTEGER NOT NULL DEFAULT 0,
    succeeded INTEGER NOT NULL DEFAULT 0,
    failed INTEGER NOT NULL DEFAULT 0,
    errors TEXT NOT NULL DEFAULT '[]',
    created_at INTEGER NOT NULL,
    ended_at INTEGER
  ) WITHOUT ROWID;
  CREATE INDEX batches_open ON batches (created_at, id) WHERE ended_at IS NULL;
  CREATE TABLE batch_items (batch TEXT NOT NULL, seq INTEGER NOT NULL, execution TEXT NOT NULL, PRIMARY KEY (batch, seq)) WITHOUT ROWID;
  `,
  `
  -- Ended executions by flow, hour (since 1970), state and bucket of the duration: written with the ends.
  CREATE TABLE statistics (
    flow TEXT NOT NULL,
    hour INTEGER NOT NULL,
    status TEXT NOT NULL,
    bucket INTEGER NOT NULL,
    count INTEGER NOT NULL,
    PRIMARY KEY (flow, hour, status, bucket)
  ) WITHOUT ROWID;
  INSERT INTO statistics (flow, hour, status, bucket, count)
    SELECT flow, ended_at / 3600000, status,
      CASE WHEN ended_at - started_at < 1 THEN 0 ELSE CAST(log2(ended_at - started_at) * 8 AS INTEGER) + 1 END, count(*)
    FROM executions WHERE ended_at IS NOT NULL GROUP BY 1, 2, 3, 4;
  `,
  `
  -- Functions that were put, by app/name; code: SHA-256 of the archive, which is the name of a folder beside this file.
  CREATE TABLE functions (
    key TEXT PRIMARY KEY,
    definition TEXT NOT NULL,
    code TEXT,
    etag TEXT NOT NULL,
    made_by TEXT,
    updated_at INTEGER NOT NULL
  ) WITHOUT ROWID;
  `,
  // where triggers are, in JSON, and messages of which it is recorded what became of them; key: a hash
  `
  ALTER TABLE triggers ADD COLUMN first_enabled_at INTEGER;
  ALTER TABLE triggers ADD COLUMN enabled_at INTEGER;

  CREATE TABLE trigger_places (
    flow TEXT NOT NULL,
    name TEXT NOT NULL,
    generation INTEGER NOT NULL,
    part TEXT NOT NULL,
    next TEXT NOT NULL,
    PRIMARY KEY (flow, name, generation, part),
    FOREIGN KEY (flow, name) REFERENCES triggers (flow, name) ON DELETE CASCADE
  ) WITHOUT ROWID;

  CREATE TABLE trigger_messages (key BLOB PRIMARY KEY, until INTEGER NOT NULL, outcome INTEGER NOT NULL, execution TEXT) WITHOUT ROWID;
  CREATE INDEX trigger_messages_until ON trigger_messages (until);
  `,
  `
  -- the lines of an execution as they were written: an index ends with the rowid
  CREATE INDEX logs_written ON logs (execution);
  `,
]

/** Numbers of the journal's kinds (docs/design/journal.md). */
export const EVENT = { ok: 1, error: 2, timer: 3, called: 4, refused: 5, stop: 6, carry: 7, replace: 8 } as const
