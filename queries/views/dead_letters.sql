-- name: dead_letters
-- about: Refused records with their reasons: one row each, redacted.
-- columns:
--   source text
--   partition integer
--   offset bigint
--   item integer
--   topic text
--   code text
--   pointer text
--   reason text
--   payload text
--   received_at timestamptz
--   dt date, UTC day of the arrival
-- tables: raw.dead_letters
select source, "partition", "offset", item, topic, code, pointer, reason, payload, received_at, dt
from raw.dead_letters
