-- What was last loaded from which flow file, by its path in the folder; hash: of the content.
CREATE TABLE flow_files (
  scope integer NOT NULL,
  file text COLLATE "C" NOT NULL,
  hash text COLLATE "C" NOT NULL,
  loaded_at bigint NOT NULL,
  PRIMARY KEY (scope, file)
);
