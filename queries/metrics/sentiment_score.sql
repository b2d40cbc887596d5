-- name: sentiment_score
-- version: 1
-- about: Mean mood of customers, -1 to 1.
-- formula: mean over interactions of the position-weighted mean of the turns' scores
-- numerator: position-weighted mean score of customer turns: the n-th turn weighs n
-- denominator: interactions with a scored customer turn
-- exclusions: interactions without a customer turn; those not scored yet lower the coverage
-- clock: when the interaction began
-- unit: score
-- kind: mean
-- grain: interactions
-- additive: yes
-- source: ours; later turns count more, as at Genesys
select
    i.*,
    i.started_at as m_at,
    i.sentiment_score as m_num,
    case when i.sentiment_score is null then null else 1 end as m_den
from interactions as i
where i.customer_turns > 0
