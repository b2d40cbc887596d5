-- name: agent_stays
-- about: One row for each stay with an agent, with what came of it: how long it took, whether it was handed on, how
--   its interaction ended and was rated, and how the customer's mood was at its beginning and end.
-- columns:
--   interaction_id text
--   leg bigint
--   agent_id text
--   channel text
--   queue text
--   reason text, topic of the customer's first request, else the disposition
--   started_at timestamptz
--   ended_at timestamptz, null while it lasts
--   handle_ms bigint, talk, hold and wrap-up
--   is_last boolean, no other stay with an agent follows
--   handed_on boolean, another agent went on, or somebody outside
--   outcome text, of the interaction
--   resolved boolean, of the interaction
--   csat integer, of the interaction
--   customer_turns bigint, in this stay
--   mood_before double precision, mean of the first quarter of the customer's turns in this stay; null for one turn
--   mood_after double precision, of the last quarter
--   tone double precision, mean score of the agent's own turns in this stay
--   searches bigint, of the agent in the knowledge base during this stay
--   accepted bigint, answers that the agent took from it
-- tables: legs, interactions, turns, interaction_events, knowledge_events
-- The stays are read once: what was said and looked up in them is joined to them, not they to it.
with stays as (
    select
        interaction_id, leg, agent_id, channel, queue, started_at, ended_at,
        case when talk_ms is not null then
            talk_ms + coalesce(hold_ms, 0) + coalesce(wrap_up_ms, 0)
        end as handle_ms,
        lead(started_at) over (partition by interaction_id order by leg) as next_at
    from legs
    where handler = 'agent'
),
marks as (
    select interaction_id as marked_id, at, seq, speaker as mark, sentiment_score as score, topic_id
    from turns
    where speaker in ('customer', 'agent')
    union all
    select interaction_id, at, cast(null as bigint), action, cast(null as double), cast(null as varchar)
    from knowledge_events
    where actor = 'agent' and action in ('searched', 'accepted')
    union all
    select interaction_id, at, cast(null as bigint), 'sent_out', cast(null as double), cast(null as varchar)
    from interaction_events
    where type = 'interaction.transferred.v1' and transfer_kind = 'external'
),
marked as (
    select
        s.*,
        m.mark,
        m.at >= s.started_at and (m.at < s.next_at or s.next_at is null) as is_within,
        case when m.mark = 'customer' then m.seq end as seq,
        case when m.mark = 'customer' then m.topic_id end as topic_id,
        m.score
    from stays as s
    left join marks as m on s.interaction_id = m.marked_id
),
placed as (
    select
        *,
        row_number() over (
            partition by interaction_id, leg, is_within and mark = 'customer' and score is not null order by seq
        ) as place,
        count(case when is_within and mark = 'customer' then score end) over (
            partition by interaction_id, leg
        ) as places
    from marked
),
summed as (
    select
        interaction_id, leg,
        max(agent_id) as agent_id,
        max(channel) as channel,
        max(queue) as queue,
        max(started_at) as started_at,
        max(ended_at) as ended_at,
        max(handle_ms) as handle_ms,
        max(next_at) as next_at,
        first_value(topic_id order by seq) filter (where topic_id is not null) as topic_id,
        count(*) filter (where is_within and mark = 'customer') as customer_turns,
        case when max(places) > 1 then
            avg(score) filter (where is_within and mark = 'customer' and score is not null and place <= (places + 3) / 4)
        end as mood_before,
        case when max(places) > 1 then
            avg(score) filter (where is_within and mark = 'customer' and score is not null and place > places - (places + 3) / 4)
        end as mood_after,
        avg(score) filter (where is_within and mark = 'agent') as tone,
        count(*) filter (where is_within and mark = 'searched') as searches,
        count(*) filter (where is_within and mark = 'accepted') as accepted,
        coalesce(bool_or(is_within and mark = 'sent_out'), false) as sent_out
    from placed
    group by interaction_id, leg
)
select
    s.interaction_id,
    s.leg,
    s.agent_id,
    s.channel,
    s.queue,
    coalesce(s.topic_id, i.disposition) as reason,
    s.started_at,
    s.ended_at,
    s.handle_ms,
    s.next_at is null as is_last,
    s.next_at is not null or s.sent_out as handed_on,
    i.outcome,
    i.resolved,
    i.csat,
    s.customer_turns,
    s.mood_before,
    s.mood_after,
    s.tone,
    s.searches,
    s.accepted
from summed as s
join interactions as i on s.interaction_id = i.interaction_id
