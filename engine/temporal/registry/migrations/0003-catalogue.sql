-- The catalogue: texts as they were written, versions, aliases. bytea holds texts as encoding.ts has them; json only of those that are YAML.

ALTER TABLE plans ADD COLUMN definition bytea;
ALTER TABLE plans ALTER definition SET STORAGE EXTERNAL;

-- rows of before get their numbers in the order of their deployment
ALTER TABLE flows
  ADD COLUMN seq bigint,
  ADD COLUMN etag text,
  ADD COLUMN format text,
  ADD COLUMN last_number integer NOT NULL DEFAULT 0,
  -- id of the request that has put it
  ADD COLUMN made_by text,
  ADD COLUMN text bytea,
  ADD COLUMN json bytea,
  -- until then no execution of it starts: somebody is about to delete it
  ADD COLUMN held_until bigint NOT NULL DEFAULT 0;
ALTER TABLE flows ALTER text SET STORAGE EXTERNAL, ALTER json SET STORAGE EXTERNAL;
CREATE SEQUENCE flows_seq OWNED BY flows.seq;
UPDATE flows SET seq = numbered.seq FROM (
  SELECT scope, name, nextval('flows_seq') AS seq FROM (SELECT scope, name FROM flows ORDER BY deployed_at, name) AS ordered
) AS numbered WHERE numbered.scope = flows.scope AND numbered.name = flows.name;
ALTER TABLE flows ALTER seq SET DEFAULT nextval('flows_seq'), ALTER seq SET NOT NULL;
CREATE UNIQUE INDEX flows_order ON flows (scope, seq);

CREATE TABLE flow_versions (
  scope integer NOT NULL,
  flow text COLLATE "C" NOT NULL,
  seq bigint GENERATED ALWAYS AS IDENTITY,
  version text COLLATE "C" NOT NULL,
  hash text COLLATE "C" NOT NULL,
  mode text NOT NULL,
  etag text,
  format text,
  published_at bigint NOT NULL,
  made_by text,
  -- a JSON string: text refuses U+0000
  description text,
  text bytea,
  json bytea,
  PRIMARY KEY (scope, flow, version)
);
ALTER TABLE flow_versions ALTER text SET STORAGE EXTERNAL, ALTER json SET STORAGE EXTERNAL;
CREATE UNIQUE INDEX flow_versions_order ON flow_versions (scope, flow, seq);

CREATE TABLE flow_aliases (
  scope integer NOT NULL,
  flow text COLLATE "C" NOT NULL,
  alias text COLLATE "C" NOT NULL,
  version text COLLATE "C" NOT NULL,
  weight integer NOT NULL,
  other text COLLATE "C",
  updated_at bigint NOT NULL,
  PRIMARY KEY (scope, flow, alias)
);

-- executions that started until then are still to be cancelled
CREATE TABLE flow_deletions (scope integer NOT NULL, flow text COLLATE "C" NOT NULL, deleted_at bigint NOT NULL, PRIMARY KEY (scope, flow));
