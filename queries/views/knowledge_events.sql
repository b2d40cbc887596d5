-- name: knowledge_events
-- about: Uses of the knowledge base. Repeats and superseded revisions removed.
-- columns:
--   article_id text
--   query text
--   action text
--   actor text
--   interaction_id text
--   event_source text
--   event_id text
--   revision integer
--   source text
--   partition integer
--   offset bigint
--   ingested_at timestamptz
--   at timestamptz
--   dt date, UTC day of the event's time
-- tables: raw.knowledge_events
with suspects as (
    select distinct event_source, event_id from raw.knowledge_events where suspect
),
ranked as (
    select
        e.*,
        row_number() over (
            partition by e.event_source, e.event_id
            order by revision desc, ingested_at desc, source desc, "partition" desc, "offset" desc
        ) as version_place
    from suspects as s
    right semi join raw.knowledge_events as e on e.event_source = s.event_source and e.event_id = s.event_id
)
select
    e.article_id,
    e.query,
    e.action,
    e.actor,
    e.interaction_id,
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
right anti join raw.knowledge_events as e on e.event_source = s.event_source and e.event_id = s.event_id
union all
select
    e.article_id,
    e.query,
    e.action,
    e.actor,
    e.interaction_id,
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
