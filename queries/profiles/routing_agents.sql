-- name: routing_agents
-- about: Agents that are on duty by their last reported state, with what is known of their skills and how experienced
--   they are among all: the share of agents with less time in service.
-- needs: routing
-- params:
--   from timestamptz
-- columns:
--   agent_id text
--   state text
--   state_at timestamptz
--   skills text, JSON
--   queues text[]
--   languages text[]
--   capacity bigint
--   seniority double precision
-- tables: agent_states
with states as (
    select
        agent_id,
        last_value(state order by at, ingested_at, "offset") as state,
        max(at) as state_at,
        last_value(skills order by at, ingested_at, "offset") filter (where skills is not null) as skills,
        last_value(queues order by at, ingested_at, "offset") filter (where queues is not null) as queues,
        last_value(languages order by at, ingested_at, "offset") filter (where languages is not null) as languages,
        last_value(capacity order by at, ingested_at, "offset") filter (where capacity is not null) as capacity,
        min(since) as since
    from agent_states
    where at >= $1
    group by agent_id
),
ranked as (
    select *, case when since is not null then 1 - percent_rank() over (partition by since is null order by since) end
        as seniority
    from states
)
select
    agent_id, state, state_at, skills, queues, languages,
    cast(coalesce(capacity, 1) as bigint) as capacity,
    seniority
from ranked
where state in ('available', 'on_interaction', 'wrap_up')
order by agent_id
