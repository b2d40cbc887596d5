-- name: over_talk
-- version: 1
-- about: Mean time that the speaker spoke over the other one.
-- formula: over-talk / answered calls
-- numerator: time from the beginning of such a turn to the end of either
-- denominator: answered calls and videos
-- exclusions: interactions without turns with start and end lower the coverage
-- clock: when the interaction began
-- unit: ms
-- kind: mean
-- grain: interactions
-- additive: yes
-- source: Amazon Contact Lens: per interrupter
-- params:
--   speaker text = agent in agent|customer, who interrupts
with timed as (
    select
        interaction_id, speaker,
        cast(started_at as bigint) / 1000 as starts,
        cast(ended_at as bigint) / 1000 as ends,
        max(cast(ended_at as bigint) / 1000) over w as ended_before,
        max(case when speaker = 'customer' then cast(ended_at as bigint) / 1000 end) over w as customer_until,
        max(case when speaker = 'agent' then cast(ended_at as bigint) / 1000 end) over w as agent_until
    from turns
    where started_at is not null and ended_at >= started_at and not coalesce(recalled, false)
    window w as (
        partition by interaction_id order by started_at, seq rows between unbounded preceding and 1 preceding
    )
),
spoken as (
    select
        interaction_id as spoken_in,
        max(ends) - min(starts) as length_ms,
        sum(case when speaker = $speaker and starts < case when $speaker = 'agent' then customer_until else agent_until end then least(ends, case when $speaker = 'agent' then customer_until else agent_until end) - starts else 0 end) as amount
    from timed
    group by interaction_id
)
select
    i.*,
    i.started_at as m_at,
    s.amount as m_num,
    case when s.spoken_in is null then null else 1 end as m_den
from interactions as i
left join spoken as s on i.interaction_id = s.spoken_in
where i.channel in ('call', 'video') and i.outcome = 'answered'
