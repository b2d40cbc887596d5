-- name: conformance
-- version: 1
-- about: Time on queue against scheduled time on queue.
-- formula: actual on-queue time / scheduled on-queue time x 100
-- numerator: time available, on an interaction or wrapping up, of agents with a schedule
-- denominator: scheduled productive time
-- exclusions: agents without a schedule; what was done at another hour counts all the same
-- clock: by the wall clock: spans are cut at every quarter of an hour
-- unit: percent
-- kind: share
-- grain: agents
-- additive: yes
-- source: Genesys gamification
-- dimensions:
--   agent_id text
with spans as (
    select
        agent_id, state,
        greatest(cast(started_at as bigint), cast($from as bigint)) as starts,
        least(cast(ended_at as bigint), cast($to as bigint)) as ends
    from agent_state_spans
),
planned as (
    select
        agent_id,
        greatest(cast(from_at as bigint), cast($from as bigint)) as starts,
        least(cast(to_at as bigint), cast($to as bigint)) as ends,
        case
            when lower(activity) in ('break', 'lunch', 'meal', 'training', 'meeting', 'coaching', 'offline', 'off',
                'leave', 'absence', 'sick') then 0
            else 1
        end as productive
    from agent_schedules
),
parts as (
    select agent_id, starts, ends, 1 as is_plan from planned where productive = 1
    union all
    select s.agent_id, s.starts, s.ends, 0
    from spans as s
    left semi join (select distinct agent_id from agent_schedules) as p on s.agent_id = p.agent_id
    where s.state in ('available', 'on_interaction', 'wrap_up')
),
cells as (
    select *, unnest(generate_series(starts - starts % 900000000, ends - 1, 900000000)) as cell
    from parts
    where ends > starts
)
select
    agent_id,
    arrow_cast(greatest(cell, starts), 'Timestamp(Microsecond, Some("UTC"))') as m_at,
    case when is_plan = 1 then 0 else (least(ends, cell + 900000000) - greatest(starts, cell)) / 1000 end as m_num,
    is_plan * (least(ends, cell + 900000000) - greatest(starts, cell)) / 1000 as m_den
from cells
