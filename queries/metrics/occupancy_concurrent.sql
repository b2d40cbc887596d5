-- name: occupancy_concurrent
-- version: 1
-- about: Share of the contacts that logged-in agents could have had at once.
-- formula: sum of active contacts / sum of capacity x 100, over logged-in time
-- numerator: time of agent stays of logged-in agents, each for itself
-- denominator: capacity times logged-in time; capacity 1 where no state says it
-- exclusions: breaks, training, offline; wrap-up, which takes no place
-- clock: by the wall clock: spans are cut at every quarter of an hour
-- unit: percent
-- kind: share
-- grain: agents
-- additive: yes
-- source: ours: concurrency-weighted
-- dimensions:
--   agent_id text
with spans as (
    select
        agent_id, state, capacity,
        greatest(cast(started_at as bigint), cast($from as bigint)) as starts,
        least(cast(ended_at as bigint), cast($to as bigint)) as ends
    from agent_state_spans
),
logged as (
    select agent_id, coalesce(capacity, 1) as capacity, starts, ends
    from spans
    where state in ('available', 'on_interaction', 'wrap_up') and ends > starts
),
parts as (
    select agent_id, starts, ends, capacity from logged
    union all
    select l.agent_id, greatest(l.starts, cast(s.started_at as bigint)),
        least(l.ends, cast(coalesce(s.ended_at, $to) as bigint)), 0
    from logged as l
    join legs as s on l.agent_id = s.agent_id and s.handler = 'agent'
        and cast(s.started_at as bigint) < l.ends and cast(coalesce(s.ended_at, $to) as bigint) > l.starts
),
cells as (
    select *, unnest(generate_series(starts - starts % 900000000, ends - 1, 900000000)) as cell
    from parts
    where ends > starts
)
select
    agent_id,
    arrow_cast(greatest(cell, starts), 'Timestamp(Microsecond, Some("UTC"))') as m_at,
    case when capacity = 0 then (least(ends, cell + 900000000) - greatest(starts, cell)) / 1000 else 0 end as m_num,
    capacity * (least(ends, cell + 900000000) - greatest(starts, cell)) / 1000 as m_den
from cells
