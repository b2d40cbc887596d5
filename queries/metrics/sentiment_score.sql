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
    s.score as m_num,
    case when s.score is null then null else 1 end as m_den
from interactions as i
left join scored as s on i.interaction_id = s.said_in
where i.customer_turns > 0
