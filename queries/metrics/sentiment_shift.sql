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
with said as (
    select
        interaction_id as said_in, sentiment_score,
        row_number() over (partition by interaction_id order by seq) as place,
        count(*) over (partition by interaction_id) as turns
    from turns
    where speaker = 'customer' and sentiment_score is not null
),
scored as (
    select
        said_in,
        max(turns) as turns,
        sum(place * sentiment_score) / sum(place) as score,
        avg(sentiment_score) filter (where place > turns - cast(ceil(turns / 4.0) as bigint))
            - avg(sentiment_score) filter (where place <= cast(ceil(turns / 4.0) as bigint)) as shift
    from said
    group by said_in
)
select
    i.*,
    i.started_at as m_at,
    s.shift as m_num,
    case when s.score is null then null when s.turns < 2 then 0 else 1 end as m_den
from interactions as i
left join scored as s on i.interaction_id = s.said_in
where i.customer_turns > 0
