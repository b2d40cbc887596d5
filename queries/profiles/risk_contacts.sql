-- name: risk_contacts
-- about: What happened to customers in the 90 days before each of several dates: the drivers of churn. Griefs fade:
--   a column _7, _14, _30 or _60 is a sum in which a contact counts half after so many days. An unsolved contact was
--   not resolved, or is not said to be and ended without a person. A contact without a customer belongs to who has
--   its identity. Outbound contacts are left out.
-- needs: profiles
-- params:
--   first_us bigint
--   step_us bigint
--   dates bigint
--   every bigint
-- columns:
--   customer_id text
--   date_us bigint, microseconds since 1970
--   and the drivers
-- tables: interactions, interaction_events, customer_updates
with named as (
    select interaction_id, customer_id, unnest(identities) as identity
    from interaction_events
    where identities is not null
),
linked as (
    select identity, customer_id from named where customer_id is not null
    union all
    select unnest(identities) as identity, customer_id
    from customer_updates
    where identities is not null and customer_id is not null
),
owners as (
    select identity, min(customer_id) as owner_id from linked group by identity
),
guessed as (
    select n.interaction_id as guessed_id, min(o.owner_id) as owner_id
    from named as n
    join owners as o on n.identity = o.identity
    group by n.interaction_id
),
contacts as (
    select
        coalesce(i.customer_id, g.owner_id) as customer_id,
        cast(i.started_at as bigint) as at_us,
        i.interaction_id,
        i.channel,
        coalesce(i.disposition, i.queue) as matter,
        coalesce(i.wait_ms, 0) / 1000.0 as wait_s,
        coalesce(i.transfers, 0) as transfers,
        case when i.outcome = 'abandoned' then 1.0 else 0.0 end as abandoned,
        case
            when i.resolved then 0.0
            when i.resolved is not null then 1.0
            when i.outcome in ('abandoned', 'failed', 'left_ivr', 'left_bot') then 1.0
            else 0.0
        end as unsolved,
        case
            when i.csat <= 2 then 1.0
            when i.csat >= 4 then 0.0
            else greatest(coalesce(i.dissatisfaction, 0.0), -coalesce(i.sentiment_score, 0.0), 0.0)
        end as upset
    from interactions as i
    left join guessed as g on i.interaction_id = g.guessed_id
    where coalesce(i.direction, 'inbound') <> 'outbound'
        and coalesce(i.customer_id, g.owner_id) is not null
        and cast(i.started_at as bigint) >= cast($1 as bigint) - 7776000000000
        and cast(i.started_at as bigint) < cast($1 as bigint) + cast($2 as bigint) * cast($3 as bigint)
),
placed as (
    select
        *,
        at_us - lag(at_us) over (partition by customer_id, matter order by at_us, interaction_id) as since_same_us,
        at_us - lag(at_us) over (partition by customer_id order by at_us, interaction_id) as since_any_us,
        lag(channel) over (partition by customer_id order by at_us, interaction_id) as channel_before
    from contacts
    where cast($4 as bigint) <= 1 or (ascii(substr(md5(customer_id), 1, 1)) * 4096
        + ascii(substr(md5(customer_id), 2, 1)) * 64
        + ascii(substr(md5(customer_id), 3, 1))) % cast($4 as bigint) = 0
),
dates as (
    select cast($1 as bigint) + cast($2 as bigint) * step as date_us
    from (select unnest(range(0, cast($3 as bigint))) as step)
),
aged as (
    select
        p.*,
        d.date_us,
        cast(d.date_us - p.at_us as double) / 86400000000.0 as age_d
    from placed as p
    join dates as d on p.at_us < d.date_us and p.at_us >= d.date_us - 7776000000000
)
select
    customer_id,
    date_us,
    count(*) filter (where age_d < 7) as contacts_7d,
    count(*) filter (where age_d < 30) as contacts_30d,
    count(*) as contacts_90d,
    count(*) filter (where age_d < 30 and since_same_us <= 604800000000) as repeats_30d,
    count(*) filter (where age_d < 30 and since_any_us <= 604800000000 and channel <> channel_before)
        as channel_switches_30d,
    sum(case when age_d < 30 then transfers else 0 end) as transfers_30d,
    max(case when age_d < 30 then wait_s else 0.0 end) as longest_wait_30d_s,
    min(age_d) as days_since_last,
    sum(unsolved * exp(-0.6931471805599453 * age_d / 7)) as unsolved_7,
    sum(unsolved * exp(-0.6931471805599453 * age_d / 14)) as unsolved_14,
    sum(unsolved * exp(-0.6931471805599453 * age_d / 30)) as unsolved_30,
    sum(unsolved * exp(-0.6931471805599453 * age_d / 60)) as unsolved_60,
    sum(upset * exp(-0.6931471805599453 * age_d / 7)) as upset_7,
    sum(upset * exp(-0.6931471805599453 * age_d / 14)) as upset_14,
    sum(upset * exp(-0.6931471805599453 * age_d / 30)) as upset_30,
    sum(upset * exp(-0.6931471805599453 * age_d / 60)) as upset_60,
    sum(abandoned * exp(-0.6931471805599453 * age_d / 7)) as abandoned_7,
    sum(abandoned * exp(-0.6931471805599453 * age_d / 14)) as abandoned_14,
    sum(abandoned * exp(-0.6931471805599453 * age_d / 30)) as abandoned_30,
    sum(abandoned * exp(-0.6931471805599453 * age_d / 60)) as abandoned_60
from aged
group by customer_id, date_us
order by customer_id, date_us
