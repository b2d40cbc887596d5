-- name: topic_rows
-- about: Every topic that a run has ever had, those of the newest run first.
-- needs: topics
-- columns:
--   every column of topics but dt
-- tables: topics
select
    topic_id, name, label, keywords, exemplars, size, status, pinned, merged_into, first_run, run,
    cast(at as varchar) as at
from topics
order by run desc, size desc, topic_id
