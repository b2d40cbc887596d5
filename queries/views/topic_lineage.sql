-- name: topic_lineage
-- about: What became of topics, from run to run and by people: one row a change.
-- columns:
--   run integer, the run with which it happened, or that held when a person did it
--   change text, continued, split, merged, new or retired; unmerged when a person took a merge back
--   from_topic_id text, null for a new one
--   to_topic_id text, null for a retired one
--   shared bigint, requests that both have, among those that both runs saw
--   jaccard double precision, these over the requests of either
--   by text, run or person
--   at timestamptz
--   dt date
-- tables: raw.topic_lineage
select run, change, from_topic_id, to_topic_id, shared, jaccard, "by", at, dt
from raw.topic_lineage
