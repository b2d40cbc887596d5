-- name: risk_customers
-- about: What the CRM said of customers, one row each time, and when each was first seen: the ground on which churn
--   is learnt. A customer is sampled by a hash of the id, so that all rows of a customer are there or none.
-- needs: profiles
-- params:
--   every bigint
-- columns:
--   customer_id text
--   at_us bigint, microseconds since 1970
--   status text, null for the row of the first contact
--   tier text
--   value_score double precision
--   attributes text, JSON
-- tables: customer_updates, interactions
with rows as (
    select
        customer_id, cast(coalesce(status_at, at) as bigint) as at_us, status, tier, value_score, attributes
    from customer_updates
    where customer_id is not null
    union all
    select customer_id, min(cast(started_at as bigint)), null, null, null, null
    from interactions
    where customer_id is not null
    group by customer_id
)
select customer_id, at_us, status, tier, value_score, attributes
from rows
where cast($1 as bigint) <= 1 or (ascii(substr(md5(customer_id), 1, 1)) * 4096
    + ascii(substr(md5(customer_id), 2, 1)) * 64 + ascii(substr(md5(customer_id), 3, 1))) % cast($1 as bigint) = 0
order by customer_id, at_us
