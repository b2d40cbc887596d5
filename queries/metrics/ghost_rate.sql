-- name: ghost_rate
-- version: 1
-- about: Share of answered interactions in which the customer said nothing.
-- formula: answered without a customer turn / answered with any turn x 100
-- numerator: answered interactions without a customer turn
-- denominator: answered interactions with at least one turn
-- exclusions: interactions without any turn, whose words are not known, lower the coverage
-- clock: when the interaction began
-- unit: percent
-- kind: rate
-- grain: interactions
-- additive: yes
-- source: Dynamics 365: ghost conversations
select
    i.*,
    i.started_at as m_at,
    case when i.customer_turns = 0 then 1 else 0 end as m_num,
    case when i.customer_turns + i.agent_turns + i.bot_turns = 0 then null else 1 end as m_den
from interactions as i
where i.outcome = 'answered'
