-- name: average_hold_time
-- version: 1
-- about: Mean hold time of an agent stay, over all stays.
-- formula: hold / contacts handled
-- numerator: hold of agent stays
-- denominator: agent stays
-- exclusions: stays that last on lower the coverage
-- clock: when the agent stay began
-- unit: ms
-- kind: mean
-- grain: legs
-- additive: yes
-- source: base: all stays; see average_hold_time_held
select
    l.*,
    l.started_at as m_at,
    coalesce(l.hold_ms, 0) as m_num,
    case when l.talk_ms is null then null else 1 end as m_den
from legs as l
where l.handler = 'agent'
