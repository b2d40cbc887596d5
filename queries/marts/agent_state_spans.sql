-- name: agent_state_spans
-- about: How long agents were in a state: one row a change, until the next one or the newest of all.
-- columns:
--   agent_id text
--   state text
--   capacity integer, as last said; null when never
--   started_at timestamptz
--   ended_at timestamptz
-- tables: agent_states
with ordered as (
    select
        agent_id, state, at,
        lead(at) over w as next_at,
        last_value(capacity) ignore nulls over (
            partition by agent_id order by at, revision, ingested_at, "offset"
            rows between unbounded preceding and current row
        ) as capacity,
        max(at) over () as frontier
    from agent_states
    window w as (partition by agent_id order by at, revision, ingested_at, "offset")
)
select agent_id, state, capacity, at as started_at, coalesce(next_at, greatest(frontier, at)) as ended_at
from ordered
