-- name: average_wrap_up_time
-- version: 1
-- about: Mean work after an agent stay.
-- formula: wrap-up / contacts handled
-- numerator: wrap-up of agent stays
-- denominator: agent stays
-- exclusions: stays without a known wrap-up lower the coverage
-- clock: when the agent stay began
-- unit: ms
-- kind: mean
-- grain: legs
-- additive: yes
-- source: after-contact work
select
    l.*,
    l.started_at as m_at,
    l.wrap_up_ms as m_num,
    case when l.wrap_up_ms is null then null else 1 end as m_den
from legs as l
where l.handler = 'agent'
