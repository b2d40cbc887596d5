-- name: average_hold_time_held
-- version: 1
-- about: Mean hold time of an agent stay that was held.
-- formula: hold / contacts that were held
-- numerator: hold of agent stays
-- denominator: agent stays with a hold
-- exclusions: stays without a hold
-- clock: when the agent stay began
-- unit: ms
-- kind: mean
-- grain: legs
-- additive: yes
-- source: Amazon Connect: only contacts that were held
select
    l.*,
    l.started_at as m_at,
    l.hold_ms as m_num,
    case when l.hold_ms > 0 then 1 else 0 end as m_den
from legs as l
where l.handler = 'agent'
