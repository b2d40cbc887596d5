-- name: agent_parts
-- about: One agent between two times, by queue, by topic of the case and by week.
-- needs: agents
-- params:
--   from timestamptz
--   to timestamptz
--   agent_id text
-- columns:
--   part text, queue, disposition or week
--   label text, the queue, the disposition, or the Monday of the week (UTC)
--   handled bigint
--   average_handle_time_ms double precision
--   csat_mean double precision
--   n_csat bigint
--   resolved_rate double precision, percent of those of which it is known
--   n_resolved bigint
-- tables: legs, interactions
with stays as (
    select
        l.queue, i.disposition, i.csat, i.resolved,
        cast(cast(date_trunc('week', l.started_at) as date) as varchar) as week,
        case when l.talk_ms is not null then
            l.talk_ms + coalesce(l.hold_ms, 0) + coalesce(l.wrap_up_ms, 0)
        end as handle_ms
    from legs as l
    join interactions as i on l.interaction_id = i.interaction_id
    where l.handler = 'agent' and l.agent_id = $3 and l.started_at >= $1 and l.started_at < $2
),
parts as (
    select 'queue' as part, queue as label, csat, resolved, handle_ms from stays
    union all
    select 'disposition', disposition, csat, resolved, handle_ms from stays where disposition is not null
    union all
    select 'week', week, csat, resolved, handle_ms from stays
)
select
    part, label,
    count(*) as handled,
    avg(handle_ms) as average_handle_time_ms,
    avg(cast(csat as double)) as csat_mean,
    count(csat) as n_csat,
    100.0 * count(*) filter (where resolved) / nullif(count(resolved), 0) as resolved_rate,
    count(resolved) as n_resolved
from parts
group by part, label
order by part, case when part = 'week' then label end, handled desc, label
