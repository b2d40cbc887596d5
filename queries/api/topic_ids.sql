-- name: topic_ids
-- about: The topics that a record may name, with the newest run.
-- needs: interventions
-- columns:
--   topic_id text
--   name text
--   run text
-- tables: topics
select topic_id, name, cast(max(run) over () as varchar) as run
from topics
where status <> 'merged'
order by topic_id
