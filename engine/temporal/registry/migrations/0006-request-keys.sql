-- Requests with keys (engine/idempotency.ts). A row without an answer is of a request that runs, until its lease is over by the clock of the database.
CREATE TABLE request_keys (
  scope integer NOT NULL,
  key bytea NOT NULL,
  content bytea NOT NULL,
  id text NOT NULL,
  created_at bigint NOT NULL,
  owner text NOT NULL,
  lease_until bigint NOT NULL,
  answer bytea,
  PRIMARY KEY (scope, key)
);
ALTER TABLE request_keys ALTER answer SET STORAGE EXTERNAL;
CREATE INDEX request_keys_created ON request_keys (created_at);
