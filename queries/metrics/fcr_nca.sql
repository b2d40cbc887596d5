-- name: fcr_nca
-- version: 1
-- about: First contact resolution: nobody came back, whatever for.
-- formula: handled interactions without a further contact within the window / handled interactions x 100
-- numerator: answered interactions without a further contact of the same customer within window_days, in any
--   queue and medium
-- denominator: answered interactions of known customers
-- exclusions: outbound interactions; interactions younger than the window are pending_n; unlinked customers
--   count as different people, unknown ones lower the coverage
-- clock: when the interaction began
-- unit: percent
-- kind: rate
-- grain: interactions
-- additive: yes
-- source: Genesys: next contact avoidance
-- target: 85
-- params:
--   window_days double precision = 7 from 0.01 to 60, how long nothing further may come
-- extras:
--   pending_n
with contacts as (
    select
        i.*,
        cast(coalesce(i.ended_at, i.started_at) as bigint) as last_us,
        lead(i.started_at) over (partition by i.customer_id order by i.started_at, i.interaction_id) as next_at,
        cast(max(coalesce(i.ended_at, i.started_at)) over () as bigint) as frontier_us
    from interactions as i
    where coalesce(i.direction, 'inbound') <> 'outbound'
),
judged as (
    select *, is_open or frontier_us < last_us + $window_days * 86400000000 as is_pending
    from contacts
    where outcome = 'answered'
)
select
    j.*,
    j.started_at as m_at,
    case when cast(j.next_at as bigint) <= j.last_us + $window_days * 86400000000 then 0 else 1 end as m_num,
    case when j.customer_id is null or j.is_pending then null else 1 end as m_den,
    case when j.customer_id is not null and j.is_pending then 1 else 0 end as pending_n
from judged as j
