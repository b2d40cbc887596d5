-- name: agent_fair
-- about: Agents compared fairly, by what their mix of cases lets one expect. Each outcome of a stay is its case (the
--   channel, queue and reason) plus the agent plus chance. Cases and agents are fitted together in four rounds, so
--   that a case is not judged by who happens to work on it; the agent is a random effect whose variance comes from
--   the method of moments, so few stays shrink to nothing instead of to an extreme. `skill` puts what handle time,
--   resolution and hand-overs, and rating and mood of cases with the same resolution, say about one latent skill:
--   mean 0 and deviation 1 over the agents, more is better. Intervals are those of the posterior at 90 %.
-- needs: agents
-- params:
--   from timestamptz = null
--   to timestamptz = null
--   agent_id text = null
--   by_reason boolean = false
-- columns:
--   agent_id text
--   reason text, of the case; null for all of the agent's cases
--   stays bigint
--   skill double precision
--   skill_low double precision
--   skill_high double precision
--   handle_n bigint, stays with a known length
--   handle_effect double precision, percent shorter (above 0) or longer than the same cases with others
--   handle_low double precision
--   handle_high double precision
--   resolved_n bigint, last stays of interactions of which it is said whether they were resolved
--   resolved_effect double precision, points of percent above or below
--   resolved_low double precision
--   resolved_high double precision
--   handed_on_n bigint
--   handed_on_effect double precision, points of percent more rarely (above 0) or more often handed on
--   handed_on_low double precision
--   handed_on_high double precision
--   csat_n bigint
--   csat_effect double precision, points of 1 to 5 above or below
--   csat_low double precision
--   csat_high double precision
--   mood_n bigint, stays with at least two turns of the customer
--   mood_effect double precision, by how much more the customer's mood rose
--   mood_low double precision
--   mood_high double precision
-- tables: agent_stays
with stays as (
    select
        agent_id, reason,
        concat(coalesce(channel, ''), chr(31), coalesce(queue, ''), chr(31), coalesce(reason, '')) as cell,
        case when handle_ms > 0 then -ln(handle_ms) end as handle,
        case when is_last then case resolved when true then 100.0 when false then 0.0 end end as resolved,
        case when handed_on then 0.0 else 100.0 end as handed_on,
        cast(csat as double) as csat,
        mood_after - mood_before as mood,
        case resolved when true then 'y' when false then 'n' else '' end as ending
    from agent_stays
    where agent_id is not null and ended_at is not null
        and ($from is null or started_at >= $from)
        and ($to is null or started_at < $to)
),
-- One row a stay and outcome. The last two judge within the same resolution, which `resolved` judges already.
outcomes as (
    select
        agent_id, reason, cell, ending,
        unnest(make_array('handle', 'resolved', 'handed_on', 'csat', 'mood', 'csat_within', 'mood_within')) as measure,
        unnest(make_array(handle, resolved, handed_on, csat, mood, csat, mood)) as y
    from stays
),
cells as (
    select
        measure, agent_id, reason,
        case when measure in ('csat_within', 'mood_within') then concat(cell, chr(31), ending) else cell end as cell,
        cast(count(y) as double) as n, sum(y) as s, sum(y * y) as ss
    from outcomes
    where y is not null
    group by 1, 2, 3, 4
),
-- `n_free`: what is left of an agent's stays to judge him by when the case has been found from them too.
sized as (
    select
        *,
        sum(n) over by_agent as n_agent,
        sum(n) over by_measure as n_all,
        1.0 / count(*) over by_agent as of_agent,
        1.0 / count(*) over by_cell as of_cell,
        n * (1 - n / sum(n) over by_cell) as n_free_here
    from cells
    window
        by_measure as (partition by measure),
        by_agent as (partition by measure, agent_id),
        by_cell as (partition by measure, cell)
),
counted as (
    select
        *,
        sum(of_agent) over by_measure as agents,
        sum(of_cell) over by_measure as all_cells,
        sum(n_free_here) over (partition by measure, agent_id) as n_free,
        n_all - sum(n * n_agent) over by_measure / n_all as n_spread
    from sized
    window by_measure as (partition by measure)
),
cases_1 as (
    select
        *,
        sum(s) over (partition by measure, cell) / sum(n) over (partition by measure, cell) as m
    from counted
),
agents_1 as (
    select
        *,
        sum(s - n * m) over (partition by measure, agent_id) / n_agent as r,
        sum(ss - 2 * m * s + n * m * m) over (partition by measure) / greatest(n_all - all_cells, 1.0) as sigma2
    from cases_1
),
shrunk_1 as (
    select
        *,
        greatest((sum(n * r * r) over (partition by measure) - (agents - 1) * sigma2) / nullif(round(n_spread, 6), 0), 1e-9 * sigma2) as tau2
    from agents_1
),
round_1 as (
    select *, case when sigma2 > 0 then r * n_agent / (n_agent + sigma2 / tau2) else r end as a
    from shrunk_1
),
cases_2 as (
    select
        measure, agent_id, reason, cell, n, s, ss, n_agent, n_all, of_agent, of_cell, n_free_here, agents, all_cells,
        n_free, n_spread,
        sum(s - n * a) over (partition by measure, cell) / sum(n) over (partition by measure, cell) as m
    from round_1
),
agents_2 as (
    select
        *,
        sum(s - n * m) over (partition by measure, agent_id) / n_agent as r,
        sum(ss - 2 * m * s + n * m * m) over (partition by measure) / greatest(n_all - all_cells, 1.0) as sigma2
    from cases_2
),
shrunk_2 as (
    select
        *,
        greatest((sum(n * r * r) over (partition by measure) - (agents - 1) * sigma2) / nullif(round(n_spread, 6), 0), 1e-9 * sigma2) as tau2
    from agents_2
),
round_2 as (
    select *, case when sigma2 > 0 then r * n_agent / (n_agent + sigma2 / tau2) else r end as a
    from shrunk_2
),
cases_3 as (
    select
        measure, agent_id, reason, cell, n, s, ss, n_agent, n_all, of_agent, of_cell, n_free_here, agents, all_cells,
        n_free, n_spread,
        sum(s - n * a) over (partition by measure, cell) / sum(n) over (partition by measure, cell) as m
    from round_2
),
agents_3 as (
    select
        *,
        sum(s - n * m) over (partition by measure, agent_id) / n_agent as r,
        sum(ss - 2 * m * s + n * m * m) over (partition by measure) / greatest(n_all - all_cells, 1.0) as sigma2
    from cases_3
),
shrunk_3 as (
    select
        *,
        greatest((sum(n * r * r) over (partition by measure) - (agents - 1) * sigma2) / nullif(round(n_spread, 6), 0), 1e-9 * sigma2) as tau2
    from agents_3
),
round_3 as (
    select *, case when sigma2 > 0 then r * n_agent / (n_agent + sigma2 / tau2) else r end as a
    from shrunk_3
),
cases_4 as (
    select
        measure, agent_id, reason, cell, n, s, ss, n_agent, n_all, of_agent, of_cell, n_free_here, agents, all_cells,
        n_free, n_spread,
        sum(s - n * a) over (partition by measure, cell) / sum(n) over (partition by measure, cell) as m
    from round_3
),
agents_4 as (
    select
        *,
        sum(s - n * m) over (partition by measure, agent_id) / n_agent as r,
        sum(ss - 2 * m * s + n * m * m) over (partition by measure) / greatest(n_all - all_cells, 1.0) as sigma2
    from cases_4
),
shrunk_4 as (
    select
        *,
        greatest((sum(n * r * r) over (partition by measure) - (agents - 1) * sigma2) / nullif(round(n_spread, 6), 0), 1e-9 * sigma2) as tau2
    from agents_4
),
round_4 as (
    select *, case when sigma2 > 0 then r * n_agent / (n_agent + sigma2 / tau2) else r end as a
    from shrunk_4
),
-- What is left once case and agent are known is chance, or the agent's own way with the reason.
fitted as (
    select
        measure, agent_id, reason, n, n_agent, n_free, n_free_here, a,
        s - n * (m + a) as e,
        greatest(tau2, 1e-12) as tau2,
        greatest(
            sum(ss - 2 * (m + a) * s + n * (m + a) * (m + a)) over (partition by measure)
                / greatest(n_all - all_cells - agents, 1.0),
            1e-9
        ) as sigma2
    from round_4
),
-- Case and agent were found from the same stays, which leaves a part of them to judge the agent's own way by.
told as (
    select
        measure, agent_id, reason, sum(n) as n, sum(e) as e,
        greatest(sum(n_free_here) / sum(n) - sum(n) / max(n_agent), 0.02) as free,
        max(a) as a, max(n_agent) as n_agent, max(n_free) as n_free, max(tau2) as tau2, max(sigma2) as sigma2
    from fitted
    group by measure, agent_id, reason
),
reasons as (
    select
        measure, agent_id, reason, n * free as n, n as n_told, e / (n * free) as own,
        a, n_agent, tau2, sigma2,
        n_free / sigma2 + 1 / tau2 as precision
    from told
),
weighed as (
    select
        *,
        1.0 / count(*) over (partition by measure, agent_id) as share,
        case when measure in ('handle', 'resolved', 'handed_on', 'csat_within', 'mood_within') then 1.0 else 0.0 end as counts,
        greatest(
            (sum(n * own * own) over by_measure - count(*) over by_measure * sigma2)
                / greatest(sum(n) over by_measure - sum(n * n) over by_measure / sum(n) over by_measure, 1.0),
            1e-9 * sigma2
        ) as omega2
    from reasons
    window by_measure as (partition by measure)
),
-- One latent skill: each outcome tells of it as much as agents differ in it and as its noise allows.
skilled as (
    select
        *,
        sum(share * counts * sqrt(tau2) * a * precision) over by_agent
            / (1 + sum(share * counts * (tau2 * precision - 1)) over by_agent) as skill,
        1 / (1 + sum(share * counts * (tau2 * precision - 1)) over by_agent) as skill2,
        sum(counts * sqrt(tau2) * n * own / sigma2) over by_reason as own_told,
        sum(counts * tau2 * n / sigma2) over by_reason as own_known,
        sum(counts * n * omega2 / sigma2) over () / nullif(sum(counts * n * tau2 / sigma2) over (), 0) as own_spread
    from weighed
    window by_agent as (partition by agent_id), by_reason as (partition by agent_id, reason)
),
judged as (
    select
        measure, agent_id, cast(null as varchar) as reason,
        max(n_agent) as n, max(a) as effect, 1.645 * sqrt(1 / max(precision)) as width,
        max(skill) as skill, 1.645 * sqrt(max(skill2)) as skill_width
    from skilled
    where not $by_reason
    group by measure, agent_id
    union all
    select
        measure, agent_id, reason, n_told,
        a + own * n / (n + sigma2 / omega2),
        1.645 * sqrt(1 / precision + sigma2 / (n + sigma2 / omega2)),
        skill + own_told / (1 / greatest(own_spread, 1e-9) + own_known),
        1.645 * sqrt(skill2 + 1 / (1 / greatest(own_spread, 1e-9) + own_known))
    from skilled
    where $by_reason and reason is not null
)
select
    agent_id, reason,
    cast(max(n) filter (where measure = 'handed_on') as bigint) as stays,
    max(skill) as skill,
    max(skill - skill_width) as skill_low,
    max(skill + skill_width) as skill_high,
    cast(max(n) filter (where measure = 'handle') as bigint) as handle_n,
    max(100 * (exp(effect) - 1)) filter (where measure = 'handle') as handle_effect,
    max(100 * (exp(effect - width) - 1)) filter (where measure = 'handle') as handle_low,
    max(100 * (exp(effect + width) - 1)) filter (where measure = 'handle') as handle_high,
    cast(max(n) filter (where measure = 'resolved') as bigint) as resolved_n,
    max(effect) filter (where measure = 'resolved') as resolved_effect,
    max(effect - width) filter (where measure = 'resolved') as resolved_low,
    max(effect + width) filter (where measure = 'resolved') as resolved_high,
    cast(max(n) filter (where measure = 'handed_on') as bigint) as handed_on_n,
    max(effect) filter (where measure = 'handed_on') as handed_on_effect,
    max(effect - width) filter (where measure = 'handed_on') as handed_on_low,
    max(effect + width) filter (where measure = 'handed_on') as handed_on_high,
    cast(max(n) filter (where measure = 'csat') as bigint) as csat_n,
    max(effect) filter (where measure = 'csat') as csat_effect,
    max(effect - width) filter (where measure = 'csat') as csat_low,
    max(effect + width) filter (where measure = 'csat') as csat_high,
    cast(max(n) filter (where measure = 'mood') as bigint) as mood_n,
    max(effect) filter (where measure = 'mood') as mood_effect,
    max(effect - width) filter (where measure = 'mood') as mood_low,
    max(effect + width) filter (where measure = 'mood') as mood_high
from judged
where $agent_id is null or agent_id = $agent_id
group by agent_id, reason
order by skill desc, agent_id, reason
