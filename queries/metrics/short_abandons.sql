-- name: short_abandons
-- version: 1
-- about: Abandons after so short a wait that nobody could have answered.
-- formula: number of abandoned queue stays with wait <= short_s
-- numerator: abandoned queue stays with wait <= short_s
-- denominator: none
-- exclusions: abandons whose wait is not known lower the coverage
-- clock: when the stay entered the queue
-- unit: count
-- kind: count
-- grain: legs
-- additive: yes
-- source: Genesys: seconds of the abandon interval; 5 s is ours
-- params:
--   short_s double precision = 5 from 0 to 3600, an abandoned stay of at most so many seconds is short
select
    l.*,
    l.enqueued_at as m_at,
    case when l.outcome = 'abandoned' and l.wait_ms <= $short_s * 1000 then 1 else 0 end as m_num,
    case when l.outcome = 'abandoned' and l.wait_ms is null then null else 1 end as m_den
from legs as l
where l.handler = 'queue'
