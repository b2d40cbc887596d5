-- name: average_talk_time
-- version: 1
-- about: Mean talk time of an agent stay.
-- formula: talk / contacts handled
-- numerator: stay less hold
-- denominator: agent stays
-- exclusions: stays that last on lower the coverage
-- clock: when the agent stay began
-- unit: ms
-- kind: mean
-- grain: legs
-- additive: yes
-- source: Amazon Connect
select
    l.*,
    l.started_at as m_at,
    l.talk_ms as m_num,
    case when l.talk_ms is null then null else 1 end as m_den
from legs as l
where l.handler = 'agent'
