-- name: customer_updates
-- about: What the CRM said of customers. Repeats and superseded revisions removed.
-- columns:
--   customer_id text
--   identities text[]
--   tier text
--   value_score double precision
--   status text
--   status_at timestamptz
--   attributes text
--   event_source text
--   event_id text
--   revision integer
--   source text
--   partition integer
--   offset bigint
--   ingested_at timestamptz
--   at timestamptz
--   dt date, UTC day of the event's time
-- tables: raw.customer_updates
with suspects as (
    select distinct event_source, event_id from raw.customer_updates where suspect
),
ranked as (
    select
        e.*,
        row_number() over (
            partition by e.event_source, e.event_id
            order by revision desc, ingested_at desc, source desc, "partition" desc, "offset" desc
        ) as version_place
    from suspects as s
    right semi join raw.customer_updates as e on e.event_source = s.event_source and e.event_id = s.event_id
)
select
    e.customer_id,
    e.identities,
    e.tier,
    e.value_score,
    e.status,
    e.status_at,
    e.attributes,
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
right anti join raw.customer_updates as e on e.event_source = s.event_source and e.event_id = s.event_id
union all
select
    e.customer_id,
    e.identities,
    e.tier,
    e.value_score,
    e.status,
    e.status_at,
    e.attributes,
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
