-- name: average_handle_time_async
-- version: 1
-- about: Mean active time of an agent in an asynchronous chat.
-- formula: sum of active spans / chats handled
-- numerator: time between messages of one agent in one chat, while no gap exceeds idle_gap_s and no other chat
--   is answered between
-- denominator: pairs of chat and agent
-- exclusions: calls and video; the time before the first and after the last message of a span
-- clock: when the agent first wrote
-- unit: ms
-- kind: mean
-- grain: chats
-- additive: yes
-- source: ours: 120 s; never last message less first
-- params:
--   idle_gap_s double precision = 120 from 1 to 86400, a longer silence of the agent closes a span
-- dimensions:
--   interaction_id text
--   agent_id text
--   channel text
with written as (
    select
        t.interaction_id,
        coalesce(t.speaker_id, t.interaction_id) as agent_id,
        t.channel,
        t.at,
        lag(t.interaction_id) over w as interaction_before,
        lag(t.at) over w as at_before
    from turns as t
    where t.speaker = 'agent' and t.channel not in ('call', 'video') and not coalesce(t.recalled, false)
    window w as (partition by coalesce(t.speaker_id, t.interaction_id) order by t.at, t.interaction_id, t.seq)
)
select
    interaction_id,
    agent_id,
    max(channel) as channel,
    min(at) as m_at,
    coalesce(sum((cast(at as bigint) - cast(at_before as bigint)) / 1000) filter (
        where interaction_before = interaction_id
            and cast(at as bigint) - cast(at_before as bigint) <= $idle_gap_s * 1000000
    ), 0) as m_num,
    1 as m_den
from written
group by interaction_id, agent_id
