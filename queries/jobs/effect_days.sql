-- name: effect_days
-- about: The last day with a contact, and how many customers were active in some days.
-- params:
--   from date
--   to date
-- columns:
--   last_day text
--   active_customers bigint
-- tables: interactions
select
    cast(max(dt) as varchar) as last_day,
    count(distinct customer_id) filter (where dt >= cast($1 as date) and dt < cast($2 as date)) as active_customers
from interactions
