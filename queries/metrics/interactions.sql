-- name: interactions
-- version: 1
-- about: Interactions that began.
-- formula: number of interactions
-- numerator: interactions
-- denominator: none
-- exclusions: nothing
-- clock: when the interaction began
-- unit: count
-- kind: count
-- grain: interactions
-- additive: yes
-- source: ours
select
    i.*,
    i.started_at as m_at,
    1 as m_num,
    1 as m_den
from interactions as i
