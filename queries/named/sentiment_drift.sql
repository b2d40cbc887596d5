-- name: sentiment_drift
-- about: How the mood of each queue moved between two windows: medians, effect size, Mann-Whitney with false-discovery control.
-- params:
--   reference_from timestamptz
--   reference_to timestamptz
--   from timestamptz
--   to timestamptz
-- columns:
--   queue text
--   n_reference bigint, interactions with a score in the reference window
--   n bigint, interactions with a score in the window
--   median_reference double precision
--   median double precision
--   drift double precision, median less median of the reference
--   cliffs_delta double precision, -1 to 1, above 0 when the mood got better
--   p double precision, Mann-Whitney, two-sided, normal approximation with correction for ties
--   q double precision, p after Benjamini-Hochberg over all queues
-- tables: interactions
-- Choose windows of the same weekdays.
with scored as (
    select
        queue,
        -- A negative zero would tie with no zero.
        sentiment_score + 0.0 as score,
        started_at >= $from and started_at < $to as is_new
    from interactions
    where queue is not null and sentiment_score is not null
        and ((started_at >= $from and started_at < $to)
            or (started_at >= $reference_from and started_at < $reference_to))
),
tied as (
    select
        queue,
        score,
        is_new,
        rank() over (partition by queue order by score) as first_rank,
        count(*) over (partition by queue, score) as alike
    from scored
),
-- U from the mean ranks of ties; the sum of t^3 - t over groups of ties is the sum of t^2 - 1 over their members.
counted as (
    select
        queue,
        cast(count(*) filter (where not is_new) as double precision) as m,
        cast(count(*) filter (where is_new) as double precision) as n,
        median(score) filter (where not is_new) as median_reference,
        median(score) filter (where is_new) as median_new,
        sum(first_rank + (alike - 1) / 2.0) filter (where is_new) as ranks,
        cast(sum(alike * alike - 1) as double precision) as ties
    from tied
    group by queue
),
tested as (
    select
        *,
        ranks - n * (n + 1) / 2.0 as u,
        m * n / 12.0 * ((m + n + 1) - ties / nullif((m + n) * (m + n - 1), 0)) as variance
    from counted
    where m > 0 and n > 0
),
-- The upper tail of the normal distribution after Abramowitz and Stegun 26.2.17, error below 7.5e-8.
tailed as (
    select *, abs(u - m * n / 2.0) / nullif(sqrt(greatest(variance, 0.0)), 0) as z
    from tested
),
expanded as (
    select *, 1.0 / (1.0 + 0.2316419 * z) as k
    from tailed
),
judged as (
    select
        *,
        least(1.0, 2.0 * 0.3989422804014327 * exp(-z * z / 2.0)
            * k * (0.319381530 + k * (-0.356563782 + k * (1.781477937 + k * (-1.821255978 + k * 1.330274429))))) as p
    from expanded
),
ranked as (
    select
        *,
        p * count(p) over () / row_number() over (order by p nulls last, queue) as step,
        row_number() over (order by p nulls last, queue) as place
    from judged
)
select
    queue,
    cast(m as bigint) as n_reference,
    cast(n as bigint) as n,
    median_reference,
    median_new as median,
    median_new - median_reference as drift,
    2.0 * u / (m * n) - 1.0 as cliffs_delta,
    p,
    case when p is not null then
        least(1.0, min(step) over (order by place rows between current row and unbounded following))
    end as q
from ranked
order by q nulls last, queue
