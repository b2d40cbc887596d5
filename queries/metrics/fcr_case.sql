-- name: fcr_case
-- version: 1
-- about: First contact resolution: cases closed with one contact.
-- formula: closed cases with exactly one interaction / closed cases x 100
-- numerator: closed cases with one interaction on them
-- denominator: closed cases with an interaction on them
-- exclusions: open cases are pending_n; a case that was reopened and closed again counts by its last state
-- clock: when the case last changed
-- unit: percent
-- kind: rate
-- grain: cases
-- additive: yes
-- source: Amazon Connect Cases
-- target: 85
-- dimensions:
--   case_id text
--   customer_id text
--   category text
--   interaction_id text
-- extras:
--   pending_n
with linked as (
    select case_id, unnest(interaction_ids) as linked_id
    from cases
    where interaction_ids is not null
),
counted as (
    select case_id as linked_case, count(distinct linked_id) as contacts, min(linked_id) as first_id
    from linked
    group by case_id
),
last_states as (
    select
        case_id, customer_id, status, category, at,
        row_number() over (partition by case_id order by at desc, revision desc, ingested_at desc, "offset" desc) as place
    from cases
)
select
    c.case_id, c.customer_id, c.category,
    k.first_id as interaction_id,
    c.at as m_at,
    case when k.contacts = 1 then 1 else 0 end as m_num,
    case when c.status <> 'closed' or k.contacts is null then null else 1 end as m_den,
    case when c.status <> 'closed' then 1 else 0 end as pending_n
from last_states as c
left join counted as k on c.case_id = k.linked_case
where c.place = 1
