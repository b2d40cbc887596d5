-- name: abandonment_rate_c
-- version: 1
-- about: Share of what a bot escalated that was abandoned in the queue.
-- formula: abandoned / escalated from a bot x 100
-- numerator: queue stays right after a bot stay, abandoned
-- denominator: queue stays right after a bot stay
-- exclusions: queue stays without a bot stay right before them
-- clock: when the stay entered the queue
-- unit: percent
-- kind: rate
-- grain: legs
-- additive: yes
-- source: Dynamics 365
with placed as (
    select l.*, lag(l.handler) over (partition by l.interaction_id order by l.leg) as handler_before
    from legs as l
)
select
    l.*,
    l.enqueued_at as m_at,
    case when l.outcome = 'abandoned' then 1 else 0 end as m_num,
    1 as m_den
from placed as l
where l.handler = 'queue' and l.handler_before = 'bot'
