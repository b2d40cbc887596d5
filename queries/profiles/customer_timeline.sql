-- name: customer_timeline
-- about: The interactions of a customer under any of the ids and identities that belong together, newest first.
-- needs: profiles
-- params:
--   customer_ids text
--   identities text
-- columns:
--   interaction_id text
--   and what is known of it
-- tables: interactions, interaction_events, turns
-- Lists come as one text, apart by the unit separator, U+001F.
with named as (
    select interaction_id, unnest(identities) as identity
    from interaction_events
    where identities is not null
),
theirs as (
    select interaction_id from interactions where array_has(string_to_array($1, chr(31)), customer_id)
    union
    select interaction_id from named where array_has(string_to_array($2, chr(31)), identity)
),
topics as (
    select interaction_id, first_value(topic_id order by seq) as topic_id
    from turns
    where speaker = 'customer' and topic_id is not null
    group by interaction_id
)
select
    i.interaction_id, i.channel, i.direction, i.started_at, i.ended_at, i.is_open, i.queue, i.agent_id, i.outcome,
    i.disposition, i.resolved, i.wait_ms, i.handle_ms, i.csat, i.nps, i.sentiment_score, i.previous_id, i.language,
    t.topic_id,
    date_part('hour', i.started_at) as hour_utc
from interactions as i
left semi join theirs as x on i.interaction_id = x.interaction_id
left join topics as t on i.interaction_id = t.interaction_id
order by i.started_at desc, i.interaction_id
