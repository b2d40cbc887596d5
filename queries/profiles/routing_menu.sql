-- name: routing_menu
-- about: What customers choose in the phone menu, all of them and one: an option is a queue that calls come to, with
--   the label of the menu's node of the same name. A contact on another channel belongs to the option to which most
--   calls with its disposition go.
-- needs: routing
-- params:
--   customer_ids text
--   identities text
--   now timestamptz
-- columns:
--   what text, usual, past or open
--   option text
--   label text
--   n bigint, calls of the last 90 days for usual
--   age_days double precision, for past
--   unsolved boolean, for past
-- tables: interactions, interaction_events, cases
-- Lists come as one text, apart by the unit separator, U+001F. A cast to timestamptz counts nanoseconds, the tables
-- microseconds.
with recent as (
    select
        interaction_id, customer_id, channel, queue, disposition, outcome, resolved,
        cast(cast(cast($3 as timestamptz) as bigint) / 1000 - cast(started_at as bigint) as double) / 86400000000.0
            as age_days
    from interactions
    where started_at <= cast($3 as timestamptz)
        and cast(started_at as bigint) >= cast(cast($3 as timestamptz) as bigint) / 1000 - 7776000000000
        and coalesce(direction, 'inbound') <> 'outbound'
),
labels as (
    select node, last_value(label order by at) as label
    from interaction_events
    where type = 'interaction.ivr_step.v1' and label is not null and action = 'menu'
    group by node
),
usual as (
    select queue as option, count(*) as n from recent where channel = 'call' and queue is not null group by queue
),
homes as (
    select disposition, option
    from (
        select
            disposition, queue as option,
            row_number() over (partition by disposition order by count(*) desc, queue) as place
        from recent
        where channel = 'call' and queue is not null and disposition is not null
        group by disposition, queue
    )
    where place = 1
),
named as (
    select interaction_id, unnest(identities) as identity from interaction_events where identities is not null
),
theirs as (
    select interaction_id from recent where array_has(string_to_array($1, chr(31)), customer_id)
    union
    select interaction_id from named where array_has(string_to_array($2, chr(31)), identity)
),
past as (
    select
        coalesce(h.option, r.queue) as option,
        r.age_days,
        coalesce(not r.resolved, r.outcome in ('abandoned', 'failed', 'left_ivr', 'left_bot'), false) as unsolved
    from recent as r
    left semi join theirs as t on r.interaction_id = t.interaction_id
    left join homes as h on r.disposition = h.disposition
),
changes as (
    select
        case_id, category, status,
        row_number() over (partition by case_id order by at desc, revision desc, ingested_at desc, "offset" desc) as place
    from cases
    where array_has(string_to_array($1, chr(31)), customer_id)
)
select 'usual' as what, u.option, l.label, u.n, cast(null as double) as age_days, cast(null as boolean) as unsolved
from usual as u
left join labels as l on u.option = l.node
union all
select 'past', p.option, null, null, p.age_days, p.unsolved from past as p where p.option is not null
union all
select 'open', coalesce(h.option, c.category), null, null, null, null
from changes as c
left join homes as h on c.category = h.disposition
where c.place = 1 and c.status <> 'closed' and coalesce(h.option, c.category) is not null
order by what, n desc nulls last, option, age_days
