-- name: service_level_dynamics
-- version: 1
-- about: Share of answered with a speed to answer in time.
-- formula: answered with wait <= within_s / answered x 100
-- numerator: queue stays answered within within_s
-- denominator: queue stays answered
-- exclusions: everything that was not answered; unknown waits lower the coverage
-- clock: when the stay entered the queue
-- unit: percent
-- kind: rate
-- grain: legs
-- additive: yes
-- source: Dynamics 365: fixed thresholds
-- params:
--   within_s bigint = 20 in 10|20|30|40|60|120, seconds
select
    l.*,
    l.enqueued_at as m_at,
    case when l.wait_ms <= $within_s * 1000 then 1 else 0 end as m_num,
    case when l.wait_ms is null then null else 1 end as m_den
from legs as l
where l.handler = 'queue'
    and l.outcome = 'answered'
