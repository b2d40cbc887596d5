-- name: wait_p50
-- version: 1
-- about: Wait that 50 of 100 queue stays did not exceed.
-- formula: percentile of the waits of ended queue stays, nearest rank
-- numerator: wait of queue stays that ended
-- denominator: queue stays that ended
-- exclusions: what never queued, what still waits; unknown waits lower the coverage
-- clock: when the stay entered the queue
-- unit: ms
-- kind: percentile
-- grain: legs
-- additive: no
-- source: nearest rank on the exact values
-- params:
--   percentile double precision = 50 from 0 to 100, nearest rank
select
    l.*,
    l.enqueued_at as m_at,
    l.wait_ms as m_num,
    case when l.wait_ms is null then null else 1 end as m_den
from legs as l
where l.handler = 'queue'
    and l.outcome is not null
