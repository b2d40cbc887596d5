-- name: risk_repeats
-- about: Ended contacts since a time with what may bring the customer back, and whether the next contact came within
--   7 days for the same matter: the same disposition, or where one of both has none the same queue.
-- needs: profiles
-- params:
--   from_us bigint
--   every bigint
-- columns:
--   customer_id text
--   at_us bigint, end of the contact, microseconds since 1970
--   came_again boolean
--   and the drivers
-- tables: interactions
with contacts as (
    select
        customer_id, interaction_id, channel, queue, disposition, outcome,
        cast(started_at as bigint) as start_us,
        cast(coalesce(ended_at, started_at) as bigint) as at_us,
        coalesce(wait_ms, 0) / 1000.0 as wait_s,
        coalesce(handle_ms, 0) / 1000.0 as handle_s,
        coalesce(transfers, 0) as transfers,
        case
            when resolved then 'resolved'
            when resolved is not null then 'unresolved'
            else coalesce(outcome, 'unknown')
        end as ending,
        greatest(coalesce(dissatisfaction, 0.0), -coalesce(sentiment_score, 0.0), 0.0) as upset,
        csat
    from interactions
    where customer_id is not null and coalesce(direction, 'inbound') <> 'outbound' and not is_open
        and cast(started_at as bigint) >= cast($1 as bigint) - 604800000000
        and (cast($2 as bigint) <= 1 or (ascii(substr(md5(customer_id), 1, 1)) * 4096
            + ascii(substr(md5(customer_id), 2, 1)) * 64
            + ascii(substr(md5(customer_id), 3, 1))) % cast($2 as bigint) = 0)
),
placed as (
    select
        *,
        lead(start_us) over them as next_us,
        lead(queue) over them as next_queue,
        lead(disposition) over them as next_disposition,
        count(*) over (
            partition by customer_id order by start_us range between 604800000000 preceding and current row
        ) - 1 as contacts_before_7d
    from contacts
    window them as (partition by customer_id order by start_us, interaction_id)
)
select
    customer_id,
    at_us,
    coalesce(
        next_us - at_us <= 604800000000
            and coalesce(next_disposition = disposition, next_queue = queue, disposition is null and queue is null),
        false
    ) as came_again,
    ending,
    channel,
    coalesce(disposition, queue) as matter,
    wait_s,
    handle_s,
    cast(transfers as bigint) as transfers,
    cast(contacts_before_7d as bigint) as contacts_before_7d,
    upset,
    cast(csat as double) as csat
from placed
where start_us >= cast($1 as bigint)
order by customer_id, at_us
