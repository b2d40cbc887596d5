-- name: customer_links
-- about: Who a customer is: every identity that is seen with the customer's id, or with another id that shares one
--   of them, with the event that says so. Nothing is merged in the tables, so a link goes when its events go.
-- needs: profiles
-- params:
--   customer_id text
-- columns:
--   identity text, kind and token
--   customer_id text, null where an event names the identity alone
--   first_at timestamptz
--   last_at timestamptz
--   events bigint
--   event_source text, of the first event
--   event_id text, of the first event
-- tables: interaction_events, customer_updates
with seen as (
    select unnest(identities) as identity, customer_id, at, event_source, event_id
    from interaction_events
    where identities is not null
    union all
    select unnest(identities), customer_id, at, event_source, event_id
    from customer_updates
    where identities is not null
),
own as (
    select distinct identity from seen where customer_id = $1 or identity = $1
),
people as (
    select distinct s.customer_id from seen as s join own as o on s.identity = o.identity where s.customer_id is not null
),
wider as (
    select distinct s.identity from seen as s join people as p on s.customer_id = p.customer_id
    union
    select identity from own
)
select
    s.identity,
    s.customer_id,
    min(s.at) as first_at,
    max(s.at) as last_at,
    count(*) as events,
    first_value(s.event_source order by s.at, s.event_id) as event_source,
    first_value(s.event_id order by s.at, s.event_id) as event_id
from seen as s
join wider as w on s.identity = w.identity
group by s.identity, s.customer_id
order by first_at, s.identity, s.customer_id nulls last
