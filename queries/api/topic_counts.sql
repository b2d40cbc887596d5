-- name: topic_counts
-- about: Requests by topic and UTC day, as they were reported or restated.
-- needs: topics
-- params:
--   from timestamptz = null
--   to timestamptz = null
--   restated boolean = true
-- columns:
--   topic_id text, null for unclassified requests
--   day text
--   requests bigint
-- tables: requests
with judged as (
    select
        dt,
        case when $3 then restated_topic_id else topic_id end as topic_id,
        case when $3 then restated_run else topic_run end as run
    from requests
    where ($1 is null or at >= $1) and ($2 is null or at < $2)
)
select topic_id, cast(dt as varchar) as day, count(*) as requests
from judged
where run is not null
group by topic_id, dt
order by topic_id, dt
