-- name: routing_customers
-- about: What priority has to know of customers: value and tier as the CRM says, what they went through in the last
--   week, and how upset they were, which counts half after two days.
-- needs: routing
-- params:
--   customer_ids text
--   now timestamptz
-- columns:
--   customer_id text
--   value_score double precision
--   tier text
--   crm_at timestamptz, when the CRM said so
--   status text
--   contacts_7d bigint
--   unsolved_7d bigint
--   abandoned_7d bigint
--   channels_7d bigint, different ones
--   open_cases bigint
--   upset double precision, 0 to 1
--   last_at timestamptz, of the last contact
-- tables: customer_updates, interactions, cases
-- The ids come as one text, apart by the unit separator, U+001F. A cast to timestamptz
-- counts nanoseconds, the tables microseconds.
with asked as (
    select distinct unnest(string_to_array($1, chr(31))) as customer_id
),
crm as (
    select
        customer_id,
        last_value(value_score order by at, ingested_at, "offset") filter (where value_score is not null) as value_score,
        last_value(tier order by at, ingested_at, "offset") filter (where tier is not null) as tier,
        last_value(status order by at, ingested_at, "offset") filter (where status is not null) as status,
        max(at) as crm_at
    from customer_updates
    where array_has(string_to_array($1, chr(31)), customer_id)
    group by customer_id
),
contacts as (
    select
        customer_id, channel, outcome, resolved, started_at,
        cast(cast($2 as timestamptz) as bigint) / 1000 - cast(started_at as bigint) as age_us,
        case
            when csat <= 2 then 1.0
            when csat >= 4 then 0.0
            else greatest(coalesce(dissatisfaction, 0.0), -coalesce(sentiment_score, 0.0), 0.0)
        end as upset
    from interactions
    where array_has(string_to_array($1, chr(31)), customer_id) and coalesce(direction, 'inbound') <> 'outbound'
        and started_at <= cast($2 as timestamptz)
),
lately as (
    select
        customer_id,
        count(*) filter (where age_us <= 604800000000) as contacts_7d,
        count(*) filter (
            where age_us <= 604800000000 and (
                not resolved or (resolved is null and outcome in ('abandoned', 'failed', 'left_ivr', 'left_bot'))
            )
        ) as unsolved_7d,
        count(*) filter (where age_us <= 604800000000 and outcome = 'abandoned') as abandoned_7d,
        count(distinct case when age_us <= 604800000000 then channel end) as channels_7d,
        max(upset * exp(-0.6931471805599453 * cast(age_us as double) / 172800000000.0)) as upset,
        max(started_at) as last_at
    from contacts
    group by customer_id
),
changes as (
    select
        customer_id, status,
        row_number() over (partition by case_id order by at desc, revision desc, ingested_at desc, "offset" desc) as place
    from cases
    where array_has(string_to_array($1, chr(31)), customer_id)
),
open_ones as (
    select customer_id, count(*) as open_cases from changes where place = 1 and status <> 'closed' group by customer_id
)
select
    a.customer_id,
    c.value_score,
    c.tier,
    c.crm_at,
    c.status,
    coalesce(l.contacts_7d, 0) as contacts_7d,
    coalesce(l.unsolved_7d, 0) as unsolved_7d,
    coalesce(l.abandoned_7d, 0) as abandoned_7d,
    coalesce(l.channels_7d, 0) as channels_7d,
    coalesce(o.open_cases, 0) as open_cases,
    l.upset,
    l.last_at
from asked as a
left join crm as c on a.customer_id = c.customer_id
left join lately as l on a.customer_id = l.customer_id
left join open_ones as o on a.customer_id = o.customer_id
order by a.customer_id
