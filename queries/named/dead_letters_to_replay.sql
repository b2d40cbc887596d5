-- name: dead_letters_to_replay
-- about: Payloads of refused records in their order, to be taken in again after a fix.
-- params:
--   code text = null
--   source text = null
-- columns:
--   payload text, redacted, with whole tokens
--   topic text, the Kafka topic or the file
-- tables: dead_letters
select payload, topic
from dead_letters
where ($code is null or code = $code)
    and ($source is null or source = $source)
order by received_at, source, "partition", "offset", item
