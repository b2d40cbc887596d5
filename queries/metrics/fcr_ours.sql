-- name: fcr_ours
-- version: 1
-- about: First contact resolution: nobody came back for the same reason, nothing was handed on.
-- formula: handled interactions without a further contact for the same reason, a change of queue or a call back
--   / handled interactions x 100
-- numerator: handled interactions whose customer did not come back for the same reason within window_days, that
--   stayed in one queue and were not returned by a call back
-- denominator: interactions answered, self-served or returned by a call back, of known customers and reasons
-- exclusions: outbound interactions; interactions younger than the window are pending_n; unknown customers or
--   reasons lower the coverage. The reason is the topic of the first request, else the disposition, else the queue
-- clock: when the interaction began
-- unit: percent
-- kind: rate
-- grain: interactions
-- additive: yes
-- source: ours; identity is the customer id, reason ignored where nothing tells it
-- target: 85
-- params:
--   window_days double precision = 7 from 0.01 to 60, how long nothing further may come
-- dimensions:
--   reason text
-- extras:
--   pending_n
with first_topics as (
    select interaction_id as topic_of, first_value(topic_id order by seq) as topic_id
    from turns
    where speaker = 'customer' and topic_id is not null
    group by interaction_id
),
contacts as (
    select
        i.*,
        coalesce(t.topic_id, i.disposition, i.queue) as reason,
        cast(coalesce(i.ended_at, i.started_at) as bigint) as last_us,
        cast(max(coalesce(i.ended_at, i.started_at)) over () as bigint) as frontier_us
    from interactions as i
    left join first_topics as t on i.interaction_id = t.topic_of
    where coalesce(i.direction, 'inbound') <> 'outbound'
),
followed as (
    select
        c.*,
        lead(c.started_at) over (partition by c.customer_id, c.reason order by c.started_at, c.interaction_id) as next_at
    from contacts as c
),
judged as (
    select *, is_open or frontier_us < last_us + $window_days * 86400000000 as is_pending
    from followed
    where outcome in ('answered', 'self_served', 'callback')
)
select
    j.*,
    j.started_at as m_at,
    case
        when cast(j.next_at as bigint) <= j.last_us + $window_days * 86400000000 then 0
        when j.outcome = 'callback' then 0
        when array_length(array_distinct(j.queues)) > 1 then 0
        else 1
    end as m_num,
    case when j.customer_id is null or j.reason is null or j.is_pending then null else 1 end as m_den,
    case when j.customer_id is not null and j.reason is not null and j.is_pending then 1 else 0 end as pending_n
from judged as j
