-- name: service_level_amazon
-- version: 1
-- about: Share of queued that left the queue in time, however.
-- formula: removed from the queue within within_s (answered, abandoned or call back) / queued x 100
-- numerator: queue stays answered, abandoned or turned into a call back within within_s
-- denominator: queue stays
-- exclusions: stays that ended after an unknown wait lower the coverage
-- clock: when the stay entered the queue
-- unit: percent
-- kind: rate
-- grain: legs
-- additive: yes
-- source: Amazon Connect, text of 2023
-- params:
--   within_s double precision = 20 from 0 to 86400, what in time is, seconds
select
    l.*,
    l.enqueued_at as m_at,
    case when l.outcome in ('answered', 'abandoned', 'callback') and l.wait_ms <= $within_s * 1000 then 1 else 0 end as m_num,
    case when l.outcome is not null and l.wait_ms is null then null else 1 end as m_den
from legs as l
where l.handler = 'queue'
