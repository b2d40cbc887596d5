-- name: average_speed_of_answer
-- version: 1
-- about: Mean wait of answered queue stays.
-- formula: sum of waits / answered
-- numerator: wait of queue stays answered
-- denominator: queue stays answered
-- exclusions: what never queued, what still waits; unknown waits lower the coverage
-- clock: when the stay entered the queue
-- unit: ms
-- kind: mean
-- grain: legs
-- additive: yes
-- source: mean wait of answered; Amazon adds the agent whisper, Dynamics starts at the escalation
select
    l.*,
    l.enqueued_at as m_at,
    l.wait_ms as m_num,
    case when l.wait_ms is null then null else 1 end as m_den
from legs as l
where l.handler = 'queue'
    and l.outcome = 'answered'
