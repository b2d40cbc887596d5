-- name: customer_facts
-- about: What the CRM says of a customer, and the cases of the customer by their last state.
-- needs: profiles
-- params:
--   customer_ids text
-- columns:
--   fact text, crm or case
--   id text, the customer's or the case's
--   tier text
--   value_score double precision
--   status text
--   category text
--   at timestamptz
-- tables: customer_updates, cases
-- The ids come as one text, apart by the unit separator, U+001F.
with updates as (
    select
        customer_id,
        last_value(tier order by at, ingested_at, "offset") filter (where tier is not null) as tier,
        last_value(value_score order by at, ingested_at, "offset") filter (where value_score is not null) as value_score,
        last_value(status order by at, ingested_at, "offset") filter (where status is not null) as status,
        max(at) as at
    from customer_updates
    where array_has(string_to_array($1, chr(31)), customer_id)
    group by customer_id
),
changes as (
    select
        case_id, status, category, at,
        row_number() over (partition by case_id order by at desc, revision desc, ingested_at desc, "offset" desc) as place
    from cases
    where array_has(string_to_array($1, chr(31)), customer_id)
)
select 'crm' as fact, customer_id as id, tier, value_score, status, cast(null as varchar) as category, at from updates
union all
select 'case', case_id, null, null, status, category, at from changes where place = 1
order by fact, at desc, id
