-- name: average_abandon_time
-- version: 1
-- about: Mean wait of abandoned queue stays.
-- formula: sum of waits / abandoned
-- numerator: wait of queue stays abandoned
-- denominator: queue stays abandoned
-- exclusions: what never queued, what still waits; unknown waits lower the coverage
-- clock: when the stay entered the queue
-- unit: ms
-- kind: mean
-- grain: legs
-- additive: yes
-- source: Amazon, Genesys
select
    l.*,
    l.enqueued_at as m_at,
    l.wait_ms as m_num,
    case when l.wait_ms is null then null else 1 end as m_den
from legs as l
where l.handler = 'queue'
    and l.outcome = 'abandoned'
