-- name: requests
-- about: What customers want: one row a request, its turns joined. Its topic stands twice: as reported first, and
--   restated by the newest run that judged it.
-- columns:
--   request_id text
--   interaction_id text
--   number integer, its place among the requests of the interaction, from 1
--   at timestamptz, when its first turn was said
--   ended_at timestamptz
--   channel text
--   queue text, the first of the interaction
--   customer_id text
--   language text
--   text text, redacted
--   turn_ids text[], in order
--   topic_id text, as reported; null when unclassified or never judged
--   topic_run integer, the run by which; null when never judged
--   topic_confidence double precision
--   restated_topic_id text, by the newest run; null when unclassified or never judged
--   restated_run integer
--   restated_confidence double precision
--   extracted_at timestamptz, when it was found
--   dt date, UTC day of its first turn
-- tables: raw.requests
select
    request_id, interaction_id, number, at, ended_at, channel, queue, customer_id, language, text, turn_ids,
    topic_id, topic_run, topic_confidence, restated_topic_id, restated_run, restated_confidence, extracted_at, dt
from raw.requests
