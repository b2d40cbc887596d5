-- name: cases
-- about: Changes of cases. Repeats and superseded revisions removed.
-- columns:
--   case_id text
--   customer_id text
--   status text
--   interaction_ids text[]
--   category text
--   event_source text
--   event_id text
--   revision integer
--   source text
--   partition integer
--   offset bigint
--   ingested_at timestamptz
--   at timestamptz
--   dt date, UTC day of the event's time
-- tables: raw.cases
with suspects as (
    select distinct event_source, event_id from raw.cases where suspect
),
ranked as (
    select
        e.*,
        row_number() over (
            partition by e.event_source, e.event_id
            order by revision desc, ingested_at desc, source desc, "partition" desc, "offset" desc
        ) as version_place
    from suspects as s
    right semi join raw.cases as e on e.event_source = s.event_source and e.event_id = s.event_id
)
select
    e.case_id,
    e.customer_id,
    e.status,
    e.interaction_ids,
    e.category,
    e.event_source,
    e.event_id,
    e.revision,
    e.source,
    e."partition",
    e."offset",
    e.ingested_at,
    e.at,
    e.dt
from suspects as s
right anti join raw.cases as e on e.event_source = s.event_source and e.event_id = s.event_id
union all
select
    e.case_id,
    e.customer_id,
    e.status,
    e.interaction_ids,
    e.category,
    e.event_source,
    e.event_id,
    e.revision,
    e.source,
    e."partition",
    e."offset",
    e.ingested_at,
    e.at,
    e.dt
from ranked as e
where e.version_place = 1
