-- name: recent_identities
-- about: Identities of the events that came through the inbox since a time, so that a restarted server still
--   knows what it has seen.
-- needs: raw_tables
-- params:
--   since timestamptz
-- columns:
--   event_source text
--   event_id text
--   revision integer
--   ingested_at timestamptz
-- tables: every stored log of events
select event_source, event_id, revision, ingested_at from raw.turns where source = 'inbox' and ingested_at >= $1
union all
select event_source, event_id, revision, ingested_at from raw.interaction_events where source = 'inbox' and ingested_at >= $1
union all
select event_source, event_id, revision, ingested_at from raw.surveys where source = 'inbox' and ingested_at >= $1
union all
select event_source, event_id, revision, ingested_at from raw.cases where source = 'inbox' and ingested_at >= $1
union all
select event_source, event_id, revision, ingested_at from raw.agent_states where source = 'inbox' and ingested_at >= $1
union all
select event_source, event_id, revision, ingested_at from raw.agent_schedules where source = 'inbox' and ingested_at >= $1
union all
select event_source, event_id, revision, ingested_at from raw.customer_updates where source = 'inbox' and ingested_at >= $1
union all
select event_source, event_id, revision, ingested_at from raw.knowledge_events where source = 'inbox' and ingested_at >= $1
