-- name: sentiment_shift
-- version: 1
-- about: How the mood of customers changes within an interaction, -2 to 2.
-- formula: mean over interactions of (mean score of the last quarter - of the first quarter of customer turns)
-- numerator: mean score of the last quarter less that of the first
-- denominator: interactions with at least two scored customer turns
-- exclusions: interactions with fewer turns; those not scored yet lower the coverage
-- clock: when the interaction began
-- unit: score
-- kind: mean
-- grain: interactions
-- additive: yes
-- source: ours; quarters are rounded up to whole turns
select
    i.*,
    i.started_at as m_at,
    i.sentiment_shift as m_num,
    case when i.sentiment_score is null then null when i.sentiment_shift is null then 0 else 1 end as m_den
from interactions as i
where i.customer_turns > 0
