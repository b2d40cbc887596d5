-- name: abandonment_rate_b
-- version: 1
-- about: Share of offered that was abandoned, short abandons left out of both.
-- formula: (abandoned - short) / (offered - short) x 100
-- numerator: queue stays abandoned after more than short_s
-- denominator: queue stays less short abandons
-- exclusions: short abandons; abandons whose wait is not known lower the coverage
-- clock: when the stay entered the queue
-- unit: percent
-- kind: rate
-- grain: legs
-- additive: yes
-- source: industry practice
-- params:
--   short_s double precision = 5 from 0 to 3600, an abandoned stay of at most so many seconds is short
select
    l.*,
    l.enqueued_at as m_at,
    case when l.outcome = 'abandoned' and l.wait_ms > $short_s * 1000 then 1 else 0 end as m_num,
    case
        when l.outcome = 'abandoned' and l.wait_ms is null then null
        when l.outcome = 'abandoned' and l.wait_ms <= $short_s * 1000 then 0
        else 1
    end as m_den
from legs as l
where l.handler = 'queue'
