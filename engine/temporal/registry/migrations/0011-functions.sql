-- Functions that were put over the API. Every change of one begins with the scope's row of function_changes: so they come one after the other, and who
-- has read the number knows what it has seen.
CREATE TABLE function_changes (scope integer PRIMARY KEY, version bigint NOT NULL);

CREATE TABLE put_functions (
  scope integer NOT NULL,
  key text COLLATE "C" NOT NULL,
  -- JSON as bytes: text refuses U+0000
  definition bytea NOT NULL,
  code text COLLATE "C",
  etag text NOT NULL,
  -- id of the request that has put it
  made_by text,
  PRIMARY KEY (scope, key)
);

-- Code by the SHA-256 of its archive. used_at: when a function had it last, or an upload of it began; what nothing has any more goes some time later.
CREATE TABLE function_code (
  scope integer NOT NULL,
  hash text COLLATE "C" NOT NULL,
  pieces integer NOT NULL,
  complete boolean NOT NULL DEFAULT false,
  used_at bigint NOT NULL,
  PRIMARY KEY (scope, hash)
);
CREATE TABLE function_code_pieces (
  scope integer NOT NULL,
  hash text COLLATE "C" NOT NULL,
  at integer NOT NULL,
  data bytea NOT NULL,
  PRIMARY KEY (scope, hash, at),
  FOREIGN KEY (scope, hash) REFERENCES function_code ON DELETE CASCADE
);
ALTER TABLE function_code_pieces ALTER data SET STORAGE EXTERNAL;
