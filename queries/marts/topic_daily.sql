-- name: topic_daily
-- about: Topics by UTC day and channel, once as they were reported and once restated by the newest run: choose one
--   basis. A topic of null are the unclassified requests, which are always shown.
-- columns:
--   dt date, UTC day of the requests
--   basis text, as_reported or restated
--   topic_id text, null for unclassified requests
--   name text
--   channel text
--   requests bigint
--   interactions bigint, with such a request
--   customers bigint, different known ones
--   handle_ms bigint, of these interactions
--   transferred bigint, interactions with a transfer
--   abandoned bigint, interactions that were abandoned
--   negative bigint, interactions of which the mood is below zero
--   dissatisfied bigint, interactions that ended more likely dissatisfied than not
-- tables: requests, topics, interactions
with judged as (
    select dt, 'as_reported' as basis, topic_id, channel, interaction_id, customer_id
    from requests
    where topic_run is not null
    union all
    select dt, 'restated' as basis, restated_topic_id as topic_id, channel, interaction_id, customer_id
    from requests
    where restated_run is not null
),
asked as (
    select
        dt, basis, topic_id, channel, interaction_id,
        max(customer_id) as customer_id,
        count(*) as requests
    from judged
    group by dt, basis, topic_id, channel, interaction_id
)
select
    a.dt,
    a.basis,
    a.topic_id,
    t.name,
    a.channel,
    cast(sum(a.requests) as bigint) as requests,
    count(*) as interactions,
    count(distinct a.customer_id) as customers,
    cast(sum(i.handle_ms) as bigint) as handle_ms,
    count(*) filter (where i.transfers > 0) as transferred,
    count(*) filter (where i.outcome = 'abandoned') as abandoned,
    count(*) filter (where i.sentiment_score < 0) as negative,
    count(*) filter (where i.dissatisfaction >= 0.5) as dissatisfied
from asked as a
left join interactions as i on a.interaction_id = i.interaction_id
left join topics as t on a.topic_id = t.topic_id
group by a.dt, a.basis, a.topic_id, t.name, a.channel
