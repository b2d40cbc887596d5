-- name: assist_customer
-- about: What an answer to a customer has to know: contacts since a time, open cases, the last disposition.
-- needs: assist
-- params:
--   customer_id text
--   since timestamptz
-- columns:
--   contacts bigint
--   open_cases bigint
--   last_disposition text, of the newest ended interaction
-- tables: interactions, cases
with mine as (
    select started_at, disposition from interactions where customer_id = $1
),
states as (
    select case_id, status, row_number() over (partition by case_id order by at desc) as place
    from cases
    where customer_id = $1
)
select
    (select count(*) from mine where started_at >= $2) as contacts,
    (select count(*) from states where place = 1 and status <> 'closed') as open_cases,
    (select last_value(disposition order by started_at) from mine where disposition is not null) as last_disposition
