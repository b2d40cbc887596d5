-- name: risk_hours
-- about: The hour of the day, UTC, in which each customer is reached best: in which most contacts since a time began,
--   the latest of equals.
-- needs: profiles
-- params:
--   from_us bigint
-- columns:
--   customer_id text
--   hour_utc bigint
-- tables: interactions
with hours as (
    select
        customer_id,
        cast(date_part('hour', started_at) as bigint) as hour_utc,
        count(*) as n,
        max(started_at) as last_at
    from interactions
    where customer_id is not null and coalesce(direction, 'inbound') <> 'outbound'
        and cast(started_at as bigint) >= cast($1 as bigint)
    group by 1, 2
),
ranked as (
    select
        customer_id, hour_utc,
        row_number() over (partition by customer_id order by n desc, last_at desc) as place
    from hours
)
select customer_id, hour_utc from ranked where place = 1 order by customer_id
