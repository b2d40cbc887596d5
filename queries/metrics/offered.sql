-- name: offered
-- version: 1
-- about: Stays that entered a queue.
-- formula: number of queue stays
-- numerator: queue stays, however they ended
-- denominator: none
-- exclusions: nothing
-- clock: when the stay entered the queue
-- unit: count
-- kind: count
-- grain: legs
-- additive: yes
-- source: Genesys: offered are answered, abandoned or flow-out; those still waiting count too
select
    l.*,
    l.enqueued_at as m_at,
    1 as m_num,
    1 as m_den
from legs as l
where l.handler = 'queue'
