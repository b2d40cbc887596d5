-- name: agent_parts
-- about: One agent between two times: all stays, and by queue, by reason of the case, by week, and by week in service,
--   which is the agent's course.
-- needs: agents
-- params:
--   from timestamptz
--   to timestamptz
--   agent_id text
-- columns:
--   part text, all, queue, disposition (the reason), week or week_in_service
--   label text, the queue, the reason, the Monday of the week (UTC), or the number of the week from 0
--   handled bigint
--   average_handle_time_ms double precision
--   csat_mean double precision
--   n_csat bigint
--   resolved_rate double precision, percent of those of which it is known
--   n_resolved bigint
--   handed_on_rate double precision, percent
--   mood_before double precision, of customers at the beginning of a stay
--   mood_after double precision, at its end
--   n_mood bigint, stays with both
--   tone double precision, of the agent's own words
--   searches bigint, in the knowledge base
--   accepted bigint, answers taken from it
-- tables: agent_stays, agent_states
with stays as (
    select
        s.*,
        cast(cast(date_trunc('week', s.started_at) as date) as varchar) as week,
        cast((cast(s.started_at as bigint) - cast(a.since as bigint)) / 604800000000 as varchar) as week_in_service
    from agent_stays as s
    left join (select agent_id as known_agent, max(since) as since from agent_states group by agent_id) as a
        on s.agent_id = a.known_agent
    where s.agent_id = $3 and s.started_at >= $1 and s.started_at < $2
),
parts as (
    select
        unnest(make_array('all', 'queue', 'disposition', 'week', 'week_in_service')) as part,
        unnest(make_array(cast(null as varchar), queue, reason, week, week_in_service)) as label,
        handle_ms, csat, resolved, handed_on, mood_before, mood_after, tone, searches, accepted
    from stays
)
select
    part, label,
    count(*) as handled,
    avg(handle_ms) as average_handle_time_ms,
    avg(cast(csat as double)) as csat_mean,
    count(csat) as n_csat,
    100.0 * count(*) filter (where resolved) / nullif(count(resolved), 0) as resolved_rate,
    count(resolved) as n_resolved,
    100.0 * count(*) filter (where handed_on) / count(*) as handed_on_rate,
    avg(mood_before) as mood_before,
    avg(mood_after) as mood_after,
    count(mood_after) as n_mood,
    avg(tone) as tone,
    sum(searches) as searches,
    sum(accepted) as accepted
from parts
where part in ('all', 'queue') or label is not null
group by part, label
order by
    part,
    case when part = 'week' then label end,
    case when part = 'week_in_service' then cast(label as bigint) end,
    handled desc, label
