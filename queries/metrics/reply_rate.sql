-- name: reply_rate
-- version: 1
-- about: Share of sessions with a message to a person that got a reply.
-- formula: replied sessions / sessions with a message to a person x 100
-- numerator: sessions with an agent message after the first customer message to a person
-- denominator: sessions with a customer message after an agent joined
-- exclusions: calls and videos
-- clock: when the customer first wrote to a person
-- unit: percent
-- kind: rate
-- grain: interactions
-- additive: yes
-- source: WeCom
with joined as (
    select interaction_id as joined_in, min(started_at) as joined_at
    from legs
    where handler = 'agent' and channel not in ('call', 'video')
    group by interaction_id
),
asked as (
    select t.interaction_id as asked_in, min(t.at) as asked_at, max(j.joined_at) as joined_at
    from turns as t
    join joined as j on t.interaction_id = j.joined_in and t.at >= j.joined_at
    where t.speaker = 'customer'
    group by t.interaction_id
),
replied as (
    select t.interaction_id as replied_in, min(t.at) as replied_at
    from turns as t
    join asked as a on t.interaction_id = a.asked_in and t.at >= a.asked_at
    where t.speaker = 'agent'
    group by t.interaction_id
)
select
    i.*,
    a.asked_at as m_at,
    case when r.replied_at is null then 0 else 1 end as m_num,
    1 as m_den
from asked as a
join interactions as i on a.asked_in = i.interaction_id
left join replied as r on a.asked_in = r.replied_in
