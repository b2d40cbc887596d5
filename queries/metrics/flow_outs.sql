-- name: flow_outs
-- version: 1
-- about: Queue stays that went on elsewhere.
-- formula: number of queue stays with outcome flow_out or callback
-- numerator: queue stays that left to another queue or flow, or by a call back
-- denominator: none
-- exclusions: nothing
-- clock: when the stay entered the queue
-- unit: count
-- kind: count
-- grain: legs
-- additive: yes
-- source: Genesys: flow-out
select
    l.*,
    l.enqueued_at as m_at,
    case when l.outcome in ('flow_out', 'callback') then 1 else 0 end as m_num,
    1 as m_den
from legs as l
where l.handler = 'queue'
