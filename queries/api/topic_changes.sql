-- name: topic_changes
-- about: What became of one topic, oldest first.
-- needs: topics
-- params:
--   topic_id text
-- columns:
--   every column of topic_lineage but dt
-- tables: topic_lineage
select run, change, from_topic_id, to_topic_id, shared, jaccard, "by", cast(at as varchar) as at
from topic_lineage
where from_topic_id = $1 or to_topic_id = $1
order by at, run, change, from_topic_id, to_topic_id
limit 1000
