-- name: requests
-- about: What customers want: one row a request, its turns joined. Its topic stands twice: as it was reported first,
--   and restated by the newest run and the merges of people.
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
-- tables: raw.requests, topics
select
    r.request_id, r.interaction_id, r.number, r.at, r.ended_at, r.channel, r.queue, r.customer_id, r.language, r.text,
    r.turn_ids, r.topic_id, r.topic_run, r.topic_confidence,
    coalesce(m.merged_into, r.restated_topic_id) as restated_topic_id,
    r.restated_run, r.restated_confidence, r.extracted_at, r.dt
from raw.requests as r
left join (select topic_id, merged_into from topics where merged_into is not null) as m
    on r.restated_topic_id = m.topic_id
