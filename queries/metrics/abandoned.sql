-- name: abandoned
-- version: 1
-- about: Queue stays that the customer left.
-- formula: number of queue stays with outcome abandoned
-- numerator: queue stays with outcome abandoned
-- denominator: none
-- exclusions: calls back and flow-outs, which are no abandons
-- clock: when the stay entered the queue
-- unit: count
-- kind: count
-- grain: legs
-- additive: yes
-- source: Amazon: left the queue, neither answered nor queued for a call back
select
    l.*,
    l.enqueued_at as m_at,
    case when l.outcome = 'abandoned' then 1 else 0 end as m_num,
    1 as m_den
from legs as l
where l.handler = 'queue'
