-- name: interaction_events
-- about: What happened to interactions: one row an event, repeats and superseded revisions removed.
-- columns:
--   interaction_id text
--   type text
--   type_rank integer
--   at timestamptz
--   channel text
--   direction text
--   customer_id text
--   identities text[]
--   entry text
--   language text
--   initial_id text
--   previous_id text
--   related_reason text
--   attributes text
--   node text
--   action text
--   input text
--   label text
--   queue text
--   skills text[]
--   priority integer
--   announced_wait_ms bigint
--   outcome text
--   agent_id text
--   ring_ms bigint
--   to_agent_id text
--   transfer_kind text
--   turn_id text
--   end_reason text
--   ended_by text
--   ended_at timestamptz
--   disposition text
--   resolved boolean
--   wrap_up_ms bigint
--   time_source text
--   legs struct[]
--   event_source text
--   event_id text
--   revision integer
--   source text
--   partition integer
--   offset bigint
--   ingested_at timestamptz
--   dt date, UTC day of the event's time
-- tables: raw.interaction_events
with suspects as (
    select distinct interaction_id from raw.interaction_events where suspect
),
ranked as (
    select
        e.*,
        row_number() over (
            partition by event_source, event_id
            order by revision desc, ingested_at desc, source desc, "partition" desc, "offset" desc
        ) as version_place
    from suspects as s
    right semi join raw.interaction_events as e on e.interaction_id = s.interaction_id
)
select
    e.interaction_id,
    e.type,
    e.type_rank,
    e.at,
    e.channel,
    e.direction,
    e.customer_id,
    e.identities,
    e.entry,
    e.language,
    e.initial_id,
    e.previous_id,
    e.related_reason,
    e.attributes,
    e.node,
    e.action,
    e.input,
    e.label,
    e.queue,
    e.skills,
    e.priority,
    e.announced_wait_ms,
    e.outcome,
    e.agent_id,
    e.ring_ms,
    e.to_agent_id,
    e.transfer_kind,
    e.turn_id,
    e.end_reason,
    e.ended_by,
    e.ended_at,
    e.disposition,
    e.resolved,
    e.wrap_up_ms,
    e.time_source,
    e.legs,
    e.event_source,
    e.event_id,
    e.revision,
    e.source,
    e."partition",
    e."offset",
    e.ingested_at,
    e.dt
from suspects as s
right anti join raw.interaction_events as e on e.interaction_id = s.interaction_id
union all
select
    e.interaction_id,
    e.type,
    e.type_rank,
    e.at,
    e.channel,
    e.direction,
    e.customer_id,
    e.identities,
    e.entry,
    e.language,
    e.initial_id,
    e.previous_id,
    e.related_reason,
    e.attributes,
    e.node,
    e.action,
    e.input,
    e.label,
    e.queue,
    e.skills,
    e.priority,
    e.announced_wait_ms,
    e.outcome,
    e.agent_id,
    e.ring_ms,
    e.to_agent_id,
    e.transfer_kind,
    e.turn_id,
    e.end_reason,
    e.ended_by,
    e.ended_at,
    e.disposition,
    e.resolved,
    e.wrap_up_ms,
    e.time_source,
    e.legs,
    e.event_source,
    e.event_id,
    e.revision,
    e.source,
    e."partition",
    e."offset",
    e.ingested_at,
    e.dt
from ranked as e
where e.version_place = 1
