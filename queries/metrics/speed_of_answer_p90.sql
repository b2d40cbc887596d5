-- name: speed_of_answer_p90
-- version: 1
-- about: Wait that 90 of 100 answered queue stays did not exceed.
-- formula: percentile of the waits of answered, nearest rank
-- numerator: wait of queue stays answered
-- denominator: queue stays answered
-- exclusions: what never queued, what still waits; unknown waits lower the coverage
-- clock: when the stay entered the queue
-- unit: ms
-- kind: percentile
-- grain: legs
-- additive: no
-- source: nearest rank on the exact values
-- params:
--   percentile double precision = 90 from 0 to 100, nearest rank
select
    l.*,
    l.enqueued_at as m_at,
    l.wait_ms as m_num,
    case when l.wait_ms is null then null else 1 end as m_den
from legs as l
where l.handler = 'queue'
    and l.outcome = 'answered'
