-- name: service_level_seed
-- version: 1
-- about: Share of offered that was answered in time; the default.
-- formula: answered within within_s / offered x 100
-- numerator: queue stays answered within within_s
-- denominator: queue stays
-- exclusions: stays answered after an unknown wait lower the coverage
-- clock: when the stay entered the queue
-- unit: percent
-- kind: rate
-- grain: legs
-- additive: yes
-- source: ours: 30 s, target 90 %
-- target: 90
-- params:
--   within_s double precision = 30 from 0 to 86400, what in time is, seconds
select
    l.*,
    l.enqueued_at as m_at,
    case when l.outcome = 'answered' and l.wait_ms <= $within_s * 1000 then 1 else 0 end as m_num,
    case when l.outcome = 'answered' and l.wait_ms is null then null else 1 end as m_den
from legs as l
where l.handler = 'queue'
