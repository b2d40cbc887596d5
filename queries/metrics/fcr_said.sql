-- name: fcr_said
-- version: 1
-- about: First contact resolution: the customer or the agent said so.
-- formula: interactions said to be solved / interactions of which it was said x 100
-- numerator: answered interactions whose survey, else whose end, says resolved
-- denominator: answered interactions of which either says
-- exclusions: interactions of which neither says lower the coverage
-- clock: when the interaction began
-- unit: percent
-- kind: rate
-- grain: interactions
-- additive: yes
-- source: survey, else disposition
-- target: 85
with said as (
    select
        interaction_id as said_id,
        last_value(resolved order by at, ingested_at, "offset") as said_resolved
    from surveys
    where status = 'answered' and resolved is not null and interaction_id is not null
    group by interaction_id
)
select
    i.*,
    i.started_at as m_at,
    case when coalesce(s.said_resolved, i.resolved) then 1 else 0 end as m_num,
    case when s.said_resolved is null and i.resolved is null then null else 1 end as m_den
from interactions as i
left join said as s on i.interaction_id = s.said_id
where i.outcome = 'answered'
