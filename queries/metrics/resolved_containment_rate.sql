-- name: resolved_containment_rate
-- version: 1
-- about: Share of self-service sessions that needed no person and reached their goal.
-- formula: contained and resolved / sessions that started in IVR or bot x 100
-- numerator: contained sessions with a completed self-service, a resolved end, a rating of 4 or 5, or an
--   accepted answer
-- denominator: interactions that started in IVR or bot, of known customers
-- exclusions: sessions younger than the window are pending_n; unknown customers lower the coverage
-- clock: when the interaction began
-- unit: percent
-- kind: rate
-- grain: interactions
-- additive: yes
-- source: ours
-- params:
--   window_h double precision = 24 from 0.01 to 720, how long no person may be reached
-- extras:
--   pending_n
with sessions as (
    select
        i.*,
        cast(coalesce(i.ended_at, i.started_at) as bigint) as last_us,
        last_value(case when i.outcome = 'answered' then i.started_at end) ignore nulls over (
            partition by i.customer_id
            order by i.started_at desc, i.interaction_id desc
            rows between unbounded preceding and 1 preceding
        ) as next_human_at,
        cast(max(coalesce(i.ended_at, i.started_at)) over () as bigint) as frontier_us
    from interactions as i
),
accepted as (
    select distinct interaction_id as accepted_id
    from knowledge_events
    where action = 'accepted' and interaction_id is not null
),
judged as (
    select
        s.*,
        s.is_open or s.frontier_us < s.last_us + $window_h * 3600000000 as is_pending,
        not s.offered and s.outcome in ('left_ivr', 'left_bot', 'self_served')
            and coalesce(cast(s.next_human_at as bigint) > s.last_us + $window_h * 3600000000, true) as is_contained
    from sessions as s
    where s.entry in ('ivr', 'bot') or s.outcome in ('left_ivr', 'left_bot')
)
select
    j.*,
    j.started_at as m_at,
    case when j.is_contained
        and (j.outcome = 'self_served' or coalesce(j.resolved, false) or coalesce(j.csat >= 4, false)
            or a.accepted_id is not null) then 1 else 0 end as m_num,
    case when j.customer_id is null or j.is_pending then null else 1 end as m_den,
    case when j.customer_id is not null and j.is_pending then 1 else 0 end as pending_n
from judged as j
left join accepted as a on j.interaction_id = a.accepted_id
