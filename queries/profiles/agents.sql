-- name: agents
-- about: Agents between two times: how much they handled, how long it took, what customers said, each beside what
--   their mix of cases would let one expect. The expectation is the mean of all agents in the same channel and queue,
--   weighted by the agent's own stays, so that hard queues do not count against those who work there. A rating
--   belongs to every agent of its interaction. Intervals are at 95 %: Wilson's for shares, normal for means.
-- needs: agents
-- params:
--   from timestamptz
--   to timestamptz
--   agent_id text
-- columns:
--   agent_id text
--   and the figures
-- tables: legs, interactions, interaction_events, agent_states
with stays as (
    select
        l.agent_id, l.interaction_id, l.leg, l.channel, l.queue, l.started_at,
        case when l.talk_ms is not null then
            l.talk_ms + coalesce(l.hold_ms, 0) + coalesce(l.wrap_up_ms, 0)
        end as handle_ms,
        lead(l.agent_id) over (partition by l.interaction_id order by l.leg) as agent_after
    from legs as l
    where l.handler = 'agent' and l.agent_id is not null and l.started_at >= $1 and l.started_at < $2
),
judged as (
    select
        s.*, i.csat, i.resolved, i.sentiment_score,
        case when s.agent_after is not null then 1 else 0 end as handed_on
    from stays as s
    join interactions as i on s.interaction_id = i.interaction_id
),
normed as (
    select
        *,
        avg(handle_ms) over (partition by channel, queue) as usual_handle_ms,
        avg(csat) over (partition by channel, queue) as usual_csat,
        avg(cast(handed_on as double)) over (partition by channel, queue) as usual_handed_on
    from judged
),
known as (
    select
        agent_id as known_agent,
        max(since) as since,
        last_value(skills order by at, ingested_at) filter (where skills is not null) as skills
    from agent_states
    group by agent_id
),
summed as (
    select
        agent_id,
        count(*) as handled,
        count(distinct interaction_id) as interactions,
        count(handle_ms) as n_handle,
        avg(handle_ms) as average_handle_time_ms,
        stddev(handle_ms) as handle_deviation_ms,
        avg(usual_handle_ms) filter (where handle_ms is not null) as expected_handle_time_ms,
        count(csat) as n_csat,
        avg(cast(csat as double)) as csat_mean,
        stddev(cast(csat as double)) as csat_deviation,
        avg(usual_csat) filter (where csat is not null) as expected_csat,
        sum(handed_on) as transferred,
        avg(usual_handed_on) as expected_transfer_share,
        count(resolved) as n_resolved,
        count(*) filter (where resolved) as resolved,
        avg(sentiment_score) as sentiment_score,
        min(started_at) as first_at,
        max(started_at) as last_at
    from normed
    group by agent_id
)
select
    s.agent_id,
    k.since,
    k.skills,
    s.handled,
    s.interactions,
    s.n_handle,
    s.average_handle_time_ms,
    s.average_handle_time_ms - 1.96 * s.handle_deviation_ms / sqrt(s.n_handle) as average_handle_time_low_ms,
    s.average_handle_time_ms + 1.96 * s.handle_deviation_ms / sqrt(s.n_handle) as average_handle_time_high_ms,
    s.expected_handle_time_ms,
    s.n_csat,
    s.csat_mean,
    s.csat_mean - 1.96 * s.csat_deviation / sqrt(s.n_csat) as csat_low,
    s.csat_mean + 1.96 * s.csat_deviation / sqrt(s.n_csat) as csat_high,
    s.expected_csat,
    cast(s.transferred as bigint) as transferred,
    100.0 * s.transferred / s.handled as transfer_rate,
    100 * s.expected_transfer_share as expected_transfer_rate,
    s.n_resolved,
    s.resolved,
    100.0 * s.resolved / nullif(s.n_resolved, 0) as resolved_rate,
    s.sentiment_score,
    s.first_at,
    s.last_at
from summed as s
left join known as k on s.agent_id = k.known_agent
where $3 is null or s.agent_id = $3
order by s.handled desc, s.agent_id
