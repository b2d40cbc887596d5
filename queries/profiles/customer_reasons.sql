-- name: customer_reasons
-- about: What a customer comes for, reason by reason, whether the last effort left it open, and the customer's mood
--   month by month. The reason is the topic of the first request, else the disposition.
-- needs: profiles
-- params:
--   customer_ids text
--   identities text
-- columns:
--   part text, reason or month
--   label text, the reason, or the month (UTC)
--   interactions bigint
--   repeats bigint, begun within 7 days after another one with the same reason
--   first_at timestamptz
--   last_at timestamptz
--   last_interaction_id text
--   last_outcome text
--   is_open boolean, the last one was not resolved: given up, said to be unresolved, or still going on
--   sentiment_score double precision, mean
--   dissatisfaction double precision, mean
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
first_topics as (
    select t.interaction_id as topic_of, first_value(t.topic_id order by t.seq) as topic_id
    from turns as t
    left semi join theirs as x on t.interaction_id = x.interaction_id
    where t.speaker = 'customer' and t.topic_id is not null
    group by t.interaction_id
),
contacts as (
    select
        i.*,
        coalesce(t.topic_id, i.disposition) as reason,
        cast(date_trunc('month', i.started_at) as varchar) as month,
        lag(i.started_at) over (
            partition by coalesce(t.topic_id, i.disposition) order by i.started_at, i.interaction_id
        ) as before_at
    from interactions as i
    left semi join theirs as x on i.interaction_id = x.interaction_id
    left join first_topics as t on i.interaction_id = t.topic_of
),
parts as (
    select
        unnest(make_array('reason', 'month')) as part,
        unnest(make_array(reason, substr(month, 1, 7))) as label,
        interaction_id, started_at, outcome, resolved, is_open, sentiment_score, dissatisfaction,
        coalesce(cast(started_at as bigint) - cast(before_at as bigint) <= 604800000000, false) as is_repeat
    from contacts
)
select
    part, label,
    count(*) as interactions,
    count(*) filter (where is_repeat) as repeats,
    min(started_at) as first_at,
    max(started_at) as last_at,
    last_value(interaction_id order by started_at, interaction_id) as last_interaction_id,
    last_value(outcome order by started_at, interaction_id) as last_outcome,
    last_value(
        is_open or coalesce(not resolved, outcome in ('abandoned', 'left_ivr', 'left_bot', 'failed'), false)
        order by started_at, interaction_id
    ) as is_open,
    avg(sentiment_score) as sentiment_score,
    avg(dissatisfaction) as dissatisfaction
from parts
where label is not null
group by part, label
order by part, case when part = 'month' then label end, last_at desc, label
