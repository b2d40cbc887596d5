-- name: answered
-- version: 1
-- about: Queue stays that an agent answered.
-- formula: number of queue stays with outcome answered
-- numerator: queue stays with outcome answered
-- denominator: none
-- exclusions: nothing
-- clock: when the stay entered the queue
-- unit: count
-- kind: count
-- grain: legs
-- additive: yes
-- source: first connection to an agent
select
    l.*,
    l.enqueued_at as m_at,
    case when l.outcome = 'answered' then 1 else 0 end as m_num,
    1 as m_den
from legs as l
where l.handler = 'queue'
