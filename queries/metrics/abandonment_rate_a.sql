-- name: abandonment_rate_a
-- version: 1
-- about: Share of offered that was abandoned.
-- formula: abandoned / offered x 100
-- numerator: queue stays with outcome abandoned
-- denominator: queue stays
-- exclusions: nothing
-- clock: when the stay entered the queue
-- unit: percent
-- kind: rate
-- grain: legs
-- additive: yes
-- source: Genesys; the default of the three variants
select
    l.*,
    l.enqueued_at as m_at,
    case when l.outcome = 'abandoned' then 1 else 0 end as m_num,
    1 as m_den
from legs as l
where l.handler = 'queue'
