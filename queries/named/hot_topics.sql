-- name: hot_topics
-- about: What customers come for, and what grows: each reason with its share, against the time of equal length
--   before (rate ratio with an interval at 95 %, by the logarithm of two Poisson counts), and what it costs. The
--   row without a reason is what could not be classified.
-- needs: operations_profile
-- params:
--   from timestamptz
--   to timestamptz
--   limit bigint = 50
-- columns:
--   reason text
--   interactions bigint
--   share double precision, percent
--   interactions_before bigint
--   ratio double precision, against the time before; null when there was nothing
--   ratio_low double precision
--   ratio_high double precision
--   is_rising boolean, the interval lies above 1
--   handle_minutes double precision
--   negative_share double precision, percent of those with a mood
--   transfer_share double precision, percent of those that a person handled
--   repeat_share double precision, percent
-- tables: interaction_reasons
with counted as (
    select
        reason,
        count(*) filter (where started_at >= $from) as interactions,
        count(*) filter (where started_at < $from) as interactions_before,
        sum(handle_ms) filter (where started_at >= $from) / 60000.0 as handle_minutes,
        count(*) filter (where started_at >= $from and sentiment_score < -0.2) as negative,
        count(sentiment_score) filter (where started_at >= $from) as with_mood,
        count(*) filter (where started_at >= $from and transfers > 0) as handed_on,
        count(*) filter (where started_at >= $from and outcome = 'answered') as handled,
        count(*) filter (where started_at >= $from and is_repeat) as repeats
    from interaction_reasons
    where cast(started_at as bigint) >= 2 * cast($from as bigint) - cast($to as bigint) and started_at < $to
    group by reason
),
compared as (
    select
        *,
        cast(interactions as double) / nullif(interactions_before, 0) as ratio,
        1.96 * sqrt(1.0 / nullif(interactions, 0) + 1.0 / nullif(interactions_before, 0)) as width
    from counted
    where interactions > 0
)
select
    reason, interactions,
    100.0 * interactions / sum(interactions) over () as share,
    interactions_before,
    ratio,
    ratio * exp(-width) as ratio_low,
    ratio * exp(width) as ratio_high,
    coalesce(ratio * exp(-width) > 1, false) as is_rising,
    coalesce(handle_minutes, 0.0) as handle_minutes,
    100.0 * negative / nullif(with_mood, 0) as negative_share,
    100.0 * handed_on / nullif(handled, 0) as transfer_share,
    100.0 * repeats / interactions as repeat_share
from compared
order by interactions desc, reason
limit $limit
