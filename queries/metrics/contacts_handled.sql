-- name: contacts_handled
-- version: 1
-- about: Agent stays.
-- formula: number of agent stays
-- numerator: agent stays
-- denominator: none
-- exclusions: nothing
-- clock: when the agent stay began
-- unit: count
-- kind: count
-- grain: legs
-- additive: yes
-- source: ours: one contact handled by one agent
select
    l.*,
    l.started_at as m_at,
    1 as m_num,
    1 as m_den
from legs as l
where l.handler = 'agent'
