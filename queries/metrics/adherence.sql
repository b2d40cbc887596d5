-- name: adherence
-- version: 1
-- about: Share of scheduled time in which an agent did what was scheduled.
-- formula: adherent time / scheduled time x 100
-- numerator: scheduled time in which the class of the state, productive or not, is that of the schedule
-- denominator: scheduled time
-- exclusions: agents without a schedule; an agent without a state is not productive
-- clock: by the wall clock: spans are cut at every quarter of an hour
-- unit: percent
-- kind: share
-- grain: agents
-- additive: yes
-- source: Amazon Connect; productive are available, on an interaction, wrapping up, and every activity but
--   breaks, training, meetings and absence
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
    select agent_id, starts, ends, productive, 1 as is_plan from planned
    union all
    select p.agent_id, greatest(p.starts, s.starts), least(p.ends, s.ends), p.productive, 0
    from planned as p
    join spans as s on p.agent_id = s.agent_id and s.starts < p.ends and s.ends > p.starts
        and s.state in ('available', 'on_interaction', 'wrap_up')
),
cells as (
    select *, unnest(generate_series(starts - starts % 900000000, ends - 1, 900000000)) as cell
    from parts
    where ends > starts
)
select
    agent_id,
    arrow_cast(greatest(cell, starts), 'Timestamp(Microsecond, Some("UTC"))') as m_at,
    case when is_plan = 1 and productive = 1 then 0 when is_plan = 0 and productive = 0 then -(least(ends, cell + 900000000) - greatest(starts, cell)) / 1000 else (least(ends, cell + 900000000) - greatest(starts, cell)) / 1000 end as m_num,
    is_plan * (least(ends, cell + 900000000) - greatest(starts, cell)) / 1000 as m_den
from cells
