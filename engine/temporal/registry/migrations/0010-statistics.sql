-- Ended executions by flow, hour (since 1970), state and bucket of the duration: written with the records.
CREATE TABLE statistics (
  scope integer NOT NULL,
  flow text COLLATE "C" NOT NULL,
  hour bigint NOT NULL,
  status text COLLATE "C" NOT NULL,
  bucket integer NOT NULL,
  count bigint NOT NULL,
  PRIMARY KEY (scope, flow, hour, status, bucket)
);
INSERT INTO statistics (scope, flow, hour, status, bucket, count)
  SELECT scope, flow, ended_at / 3600000, status,
    CASE WHEN ended_at - started_at < 1 THEN 0 ELSE floor(ln((ended_at - started_at)::float8) / ln(2::float8) * 8)::integer + 1 END, count(*)
  FROM executions GROUP BY 1, 2, 3, 4, 5;
