-- name: agent_states
-- about: Changes of agents' states. Repeats and superseded revisions removed.
-- columns:
--   agent_id text
--   state text
--   queues text[]
--   skills text
--   languages text[]
--   capacity integer
--   since timestamptz
--   event_source text
--   event_id text
--   revision integer
--   source text
--   partition integer
--   offset bigint
--   ingested_at timestamptz
--   at timestamptz
--   dt date, UTC day of the event's time
-- tables: raw.agent_states
with suspects as (
    select distinct event_source, event_id from raw.agent_states where suspect
),
ranked as (
    select
        e.*,
        row_number() over (
            partition by e.event_source, e.event_id
            order by revision desc, ingested_at desc, source desc, "partition" desc, "offset" desc
        ) as version_place
    from suspects as s
    right semi join raw.agent_states as e on e.event_source = s.event_source and e.event_id = s.event_id
)
select
    e.agent_id,
    e.state,
    e.queues,
    e.skills,
    e.languages,
    e.capacity,
    e.since,
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
right anti join raw.agent_states as e on e.event_source = s.event_source and e.event_id = s.event_id
union all
select
    e.agent_id,
    e.state,
    e.queues,
    e.skills,
    e.languages,
    e.capacity,
    e.since,
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
