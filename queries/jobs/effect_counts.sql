-- name: effect_counts
-- about: Contacts that people handled, by UTC day and topic as the newest run tells topics apart; `repeated` follow one
--   of the same customer and topic within 7 days.
-- params:
--   from date
--   to date
-- columns:
--   day text
--   topic_id text
--   contacts bigint
--   transferred bigint
--   repeated bigint
--   handle_ms bigint
--   run text
-- tables: requests, interactions
with asked as (
    select r.restated_topic_id as topic_id, r.interaction_id, max(r.restated_run) as run
    from requests as r
    where r.restated_topic_id is not null
        and r.dt >= cast($1 as date) - interval '7 days' and r.dt < cast($2 as date)
    group by r.restated_topic_id, r.interaction_id
),
handled as (
    select
        i.dt, a.topic_id, a.run, i.customer_id, i.transfers, i.handle_ms, i.started_at,
        lag(i.started_at) over (
            partition by a.topic_id, i.customer_id order by i.started_at, i.interaction_id
        ) as before
    from asked as a
    inner join interactions as i on a.interaction_id = i.interaction_id
    where i.agent_id is not null
        and i.direction is distinct from 'outbound'
        and i.dt >= cast($1 as date) - interval '7 days' and i.dt < cast($2 as date)
)
select
    cast(dt as varchar) as day,
    topic_id,
    count(*) as contacts,
    count(*) filter (where transfers > 0) as transferred,
    count(*) filter (where customer_id is not null and started_at - before <= interval '7 days') as repeated,
    cast(coalesce(sum(handle_ms), 0) as bigint) as handle_ms,
    cast(max(run) as varchar) as run
from handled
where dt >= cast($1 as date)
group by dt, topic_id
order by day, topic_id
