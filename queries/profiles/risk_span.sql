-- name: risk_span
-- about: From when to when customers are known, how many, and how many said that they leave.
-- needs: profiles
-- columns:
--   first_us bigint, microseconds since 1970 of the first contact
--   last_us bigint, of the last contact or news of the CRM
--   customers bigint
--   leavers bigint
-- tables: interactions, customer_updates
with contacts as (
    select
        min(cast(started_at as bigint)) as first_us,
        max(cast(started_at as bigint)) as last_us,
        count(distinct customer_id) as customers
    from interactions
),
updates as (
    select
        max(cast(at as bigint)) as last_us,
        count(distinct customer_id) as customers,
        count(distinct case when status in ('leaving', 'left') then customer_id end) as leavers
    from customer_updates
)
select
    c.first_us,
    greatest(c.last_us, coalesce(u.last_us, c.last_us)) as last_us,
    greatest(c.customers, u.customers) as customers,
    u.leavers
from contacts as c
cross join updates as u
