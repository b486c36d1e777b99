-- API keys by the hash of each; the few there are, are read whole. flows: NULL is all of them.
CREATE TABLE api_keys (
  scope integer NOT NULL,
  name text COLLATE "C" NOT NULL,
  role text NOT NULL CHECK (role IN ('viewer', 'operator', 'admin')),
  flows text[],
  hash text NOT NULL,
  created_at bigint NOT NULL,
  PRIMARY KEY (scope, name)
);
