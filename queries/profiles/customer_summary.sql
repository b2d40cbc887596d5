-- name: customer_summary
-- about: One customer in figures: how much, where and when, how often again for the same reason, how it was rated.
-- needs: profiles
-- params:
--   customer_ids text
--   identities text
-- columns:
--   interactions bigint
--   first_at timestamptz
--   last_at timestamptz
--   preferred_channel text, the one that the customer began most often, the latest of equals
--   preferred_hour_utc bigint, likewise
--   repeat_contacts bigint, begun within 7 days after another one with the same disposition or queue
--   abandoned bigint
--   handle_ms bigint
--   n_csat bigint
--   csat_mean double precision
--   n_sentiment bigint
--   sentiment_score double precision
-- tables: interactions, interaction_events
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
contacts as (
    select
        i.*,
        cast(date_part('hour', i.started_at) as bigint) as hour_utc,
        lag(i.started_at) over (
            partition by coalesce(i.disposition, i.queue) order by i.started_at, i.interaction_id
        ) as same_before
    from interactions as i
    left semi join theirs as x on i.interaction_id = x.interaction_id
),
channels as (
    select channel, row_number() over (order by n desc, last_at desc) as place
    from (
        select channel, count(*) as n, max(started_at) as last_at
        from contacts
        where coalesce(direction, 'inbound') <> 'outbound'
        group by channel
    )
),
hours as (
    select hour_utc, row_number() over (order by n desc, last_at desc) as place
    from (
        select hour_utc, count(*) as n, max(started_at) as last_at
        from contacts
        where coalesce(direction, 'inbound') <> 'outbound'
        group by hour_utc
    )
),
summed as (
    select
        count(*) as interactions,
        min(started_at) as first_at,
        max(started_at) as last_at,
        count(*) filter (
            where cast(started_at as bigint) - cast(same_before as bigint) <= 604800000000
                and coalesce(disposition, queue) is not null
        ) as repeat_contacts,
        count(*) filter (where outcome = 'abandoned') as abandoned,
        sum(handle_ms) as handle_ms,
        count(csat) as n_csat,
        avg(cast(csat as double)) as csat_mean,
        count(sentiment_score) as n_sentiment,
        avg(sentiment_score) as sentiment_score
    from contacts
)
select
    s.interactions, s.first_at, s.last_at,
    c.channel as preferred_channel,
    h.hour_utc as preferred_hour_utc,
    s.repeat_contacts, s.abandoned, s.handle_ms, s.n_csat, s.csat_mean, s.n_sentiment, s.sentiment_score
from summed as s
left join channels as c on c.place = 1
left join hours as h on h.place = 1
