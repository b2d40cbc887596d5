-- name: average_handle_time_interaction
-- version: 1
-- about: Mean handle time of an interaction, over all its agents.
-- formula: (talk + hold + wrap-up of all agent stays) / answered interactions
-- numerator: handle time of answered interactions
-- denominator: answered interactions
-- exclusions: interactions that no agent answered; those whose length is not known lower the coverage
-- clock: when the interaction began
-- unit: ms
-- kind: mean
-- grain: interactions
-- additive: yes
-- source: Genesys: total handle time / interactions
select
    i.*,
    i.started_at as m_at,
    i.handle_ms as m_num,
    case when i.handle_ms is null or i.is_open then null else 1 end as m_den
from interactions as i
where i.outcome = 'answered'
