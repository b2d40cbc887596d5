-- name: service_level_genesys
-- version: 1
-- about: Share answered in time of answered and abandoned, with three switches.
-- formula: (answered - answered late) / (answered + abandoned [+ flow-outs] [- short abandons] [- abandons]) x
--   100
-- numerator: queue stays answered within within_s
-- denominator: queue stays answered or abandoned; flow-outs too with include_flow_outs; without short abandons
--   with exclude_short_abandons; without any abandon with exclude_abandons
-- exclusions: stays still waiting, system outcomes; stays whose wait decides and is not known lower the coverage
-- clock: when the stay entered the queue
-- unit: percent
-- kind: rate
-- grain: legs
-- additive: yes
-- source: Genesys Cloud, service level calculation
-- params:
--   within_s double precision = 20 from 0 to 86400, what in time is, seconds
--   short_s double precision = 5 from 0 to 3600, an abandoned stay of at most so many seconds is short
--   include_flow_outs boolean = false, flow-outs count as offered
--   exclude_short_abandons boolean = false, short abandons do not count as offered
--   exclude_abandons boolean = false, no abandon counts as offered
select
    l.*,
    l.enqueued_at as m_at,
    case when l.outcome = 'answered' and l.wait_ms <= $within_s * 1000 then 1 else 0 end as m_num,
    case
        when l.outcome = 'answered' and l.wait_ms is null then null
        when l.outcome = 'answered' then 1
        when l.outcome = 'abandoned' and $exclude_abandons then 0
        when l.outcome = 'abandoned' and not $exclude_short_abandons then 1
        when l.outcome = 'abandoned' and l.wait_ms is null then null
        when l.outcome = 'abandoned' and l.wait_ms > $short_s * 1000 then 1
        when l.outcome in ('flow_out', 'callback') and $include_flow_outs then 1
        else 0
    end as m_den
from legs as l
where l.handler = 'queue'
