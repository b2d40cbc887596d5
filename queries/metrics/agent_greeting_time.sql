-- name: agent_greeting_time
-- version: 1
-- about: Mean time until an agent who joined a chat first wrote.
-- formula: sum of times from joining to the first agent message / agent stays with a message
-- numerator: time from the start of the first agent stay to the first agent message after it
-- denominator: chats with such a message
-- exclusions: calls and videos; chats in which no agent wrote
-- clock: when the agent stay began
-- unit: ms
-- kind: mean
-- grain: interactions
-- additive: yes
-- source: Amazon Connect chat
with joined as (
    select interaction_id as joined_in, min(started_at) as joined_at
    from legs
    where handler = 'agent' and channel not in ('call', 'video')
    group by interaction_id
),
greeted as (
    select t.interaction_id as greeted_in, min(t.at) as greeted_at
    from turns as t
    join joined as j on t.interaction_id = j.joined_in and t.at >= j.joined_at
    where t.speaker = 'agent'
    group by t.interaction_id
)
select
    i.*,
    j.joined_at as m_at,
    (cast(g.greeted_at as bigint) - cast(j.joined_at as bigint)) / 1000 as m_num,
    case when g.greeted_at is null then 0 else 1 end as m_den
from joined as j
join interactions as i on j.joined_in = i.interaction_id
left join greeted as g on j.joined_in = g.greeted_in
