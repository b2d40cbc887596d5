-- name: interaction_reasons
-- about: Why customers came and whether they had to come again: one row for each interaction that a customer began.
--   The reason is the topic of the customer's first request, else the disposition. The same customer with the same
--   reason within 7 days is a repeat.
-- columns:
--   interaction_id text
--   reason text, null when nothing tells it
--   channel text
--   queue text
--   customer_id text
--   started_at timestamptz
--   outcome text
--   resolved boolean
--   handle_ms bigint
--   transfers bigint
--   sentiment_score double precision
--   entry text
--   tried_self_service boolean, it began in the menu or with the bot
--   is_repeat boolean, the customer was here with this reason within the 7 days before
--   came_again boolean, the customer came again with this reason within 7 days
--   dt date
-- tables: interactions, turns
with first_topics as (
    select interaction_id as topic_of, first_value(topic_id order by seq) as topic_id
    from turns
    where speaker = 'customer' and topic_id is not null
    group by interaction_id
),
told as (
    select i.*, coalesce(t.topic_id, i.disposition) as reason
    from interactions as i
    left join first_topics as t on i.interaction_id = t.topic_of
    where coalesce(i.direction, 'inbound') <> 'outbound'
),
placed as (
    select
        *,
        lag(started_at) over same as before_at,
        lead(started_at) over same as after_at
    from told
    window same as (partition by customer_id, reason order by started_at, interaction_id)
)
select
    interaction_id, reason, channel, queue, customer_id, started_at, outcome, resolved, handle_ms, transfers,
    sentiment_score, entry,
    coalesce(entry in ('ivr', 'bot'), false) as tried_self_service,
    customer_id is not null and reason is not null
        and coalesce(cast(started_at as bigint) - cast(before_at as bigint) <= 604800000000, false) as is_repeat,
    customer_id is not null and reason is not null
        and coalesce(cast(after_at as bigint) - cast(started_at as bigint) <= 604800000000, false) as came_again,
    dt
from placed
