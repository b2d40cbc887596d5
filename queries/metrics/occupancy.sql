-- name: occupancy
-- version: 1
-- about: Share of logged-in time in which an agent had a contact.
-- formula: on-contact wall clock / (on contact + idle) x 100
-- numerator: time in which a logged-in agent had at least one contact or its wrap-up
-- denominator: time logged in: available, on an interaction or wrapping up
-- exclusions: breaks, training, offline; a last state counts up to the newest state that is known
-- clock: by the wall clock: spans are cut at every quarter of an hour
-- unit: percent
-- kind: share
-- grain: agents
-- additive: yes
-- source: Amazon Connect: one chat of a possible four is 100 %
-- dimensions:
--   agent_id text
with spans as (
    select
        agent_id, state, capacity,
        greatest(cast(started_at as bigint), cast($from as bigint)) as starts,
        least(cast(ended_at as bigint), cast($to as bigint)) as ends
    from agent_state_spans
),
logged as (
    select agent_id, coalesce(capacity, 1) as capacity, starts, ends
    from spans
    where state in ('available', 'on_interaction', 'wrap_up') and ends > starts
),
busy as (
    select
        agent_id,
        cast(started_at as bigint) as starts,
        cast(coalesce(ended_at, $to) as bigint) + coalesce(wrap_up_ms, 0) * 1000 as ends
    from legs
    where handler = 'agent' and agent_id is not null
    union all
    select agent_id, starts, ends from spans where state in ('on_interaction', 'wrap_up') and ends > starts
),
marked as (
    select
        *,
        max(ends) over (
            partition by agent_id order by starts, ends rows between unbounded preceding and 1 preceding
        ) as ended_before
    from busy
),
numbered as (
    select
        *,
        sum(case when ended_before is null or starts > ended_before then 1 else 0 end) over (
            partition by agent_id order by starts, ends rows between unbounded preceding and current row
        ) as island
    from marked
),
islands as (
    select agent_id, island, min(starts) as starts, max(ends) as ends
    from numbered
    group by agent_id, island
),
parts as (
    select agent_id, starts, ends, 0 as is_busy from logged
    union all
    select l.agent_id, greatest(l.starts, b.starts), least(l.ends, b.ends), 1
    from logged as l
    join islands as b on l.agent_id = b.agent_id and b.starts < l.ends and b.ends > l.starts
),
cells as (
    select *, unnest(generate_series(starts - starts % 900000000, ends - 1, 900000000)) as cell
    from parts
    where ends > starts
)
select
    agent_id,
    arrow_cast(greatest(cell, starts), 'Timestamp(Microsecond, Some("UTC"))') as m_at,
    case when is_busy = 1 then (least(ends, cell + 900000000) - greatest(starts, cell)) / 1000 else 0 end as m_num,
    case when is_busy = 1 then 0 else (least(ends, cell + 900000000) - greatest(starts, cell)) / 1000 end as m_den
from cells
