-- name: interruptions
-- version: 1
-- about: Mean number of times that the speaker began while the other one spoke.
-- formula: interruptions / answered calls
-- numerator: turns that began before the other side had ended
-- denominator: answered calls and videos
-- exclusions: interactions without turns with start and end lower the coverage
-- clock: when the interaction began
-- unit: count
-- kind: mean
-- grain: interactions
-- additive: yes
-- source: Amazon Contact Lens: per interrupter
-- params:
--   speaker text = agent in agent|customer, who interrupts
with spoken as (
    select
        interaction_id as spoken_in,
        max(ends_ms) - min(starts_ms) as length_ms,
        sum(case when speaker = $speaker and starts_ms < case when $speaker = 'agent' then customer_until_ms else agent_until_ms end then 1 else 0 end) as amount
    from timed_turns
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
