-- name: patience_curve
-- about: How long customers are ready to wait: Kaplan-Meier's estimate by queue and local hour. An abandon is an
--   end of patience; who was answered, called back or sent on would have waited at least so long (censored).
-- params:
--   from timestamptz = null
--   to timestamptz = null
--   queue text = null
--   by_hour boolean = false
--   timezone_offset_minutes bigint = 0
-- columns:
--   queue text
--   hour bigint, local hour of entering the queue; null for all
--   wait_ms bigint, a wait after which somebody gave up
--   at_risk bigint, who had waited at least so long
--   abandoned bigint, who gave up after exactly so long
--   still_waiting double precision, estimated share that is ready to wait longer than this
--   standard_error double precision, Greenwood's
--   hazard double precision, abandoned / at_risk
--   n bigint, stays of the group
-- tables: legs
with stays as (
    select
        queue,
        case when $by_hour then (cast(enqueued_at as bigint) / 60000000 + $timezone_offset_minutes) / 60 % 24 end as hour,
        wait_ms,
        case when outcome = 'abandoned' then 1 else 0 end as gave_up
    from legs
    where handler = 'queue' and wait_ms is not null
        and ($from is null or enqueued_at >= $from)
        and ($to is null or enqueued_at < $to)
        and ($queue is null or queue = $queue)
),
times as (
    select queue, hour, wait_ms, count(*) as ended, sum(gave_up) as abandoned
    from stays
    group by queue, hour, wait_ms
),
risks as (
    select
        *,
        -- Stays of equal length: those who gave up were at risk together with those who were answered then.
        sum(ended) over (partition by queue, hour order by wait_ms desc rows between unbounded preceding and current row) as at_risk,
        sum(ended) over (partition by queue, hour) as n
    from times
),
curves as (
    select
        queue, hour, wait_ms, at_risk, abandoned, n,
        sum(case when abandoned < at_risk then ln(1.0 - cast(abandoned as double) / at_risk) else -1000.0 end) over w as log_share,
        sum(case when abandoned < at_risk then cast(abandoned as double) / (at_risk * (at_risk - abandoned)) else 0.0 end) over w as variance
    from risks
    where abandoned > 0
    window w as (partition by queue, hour order by wait_ms rows between unbounded preceding and current row)
)
select
    queue,
    hour,
    wait_ms,
    cast(at_risk as bigint) as at_risk,
    cast(abandoned as bigint) as abandoned,
    exp(log_share) as still_waiting,
    exp(log_share) * sqrt(variance) as standard_error,
    cast(abandoned as double) / at_risk as hazard,
    cast(n as bigint) as n
from curves
order by queue nulls last, hour nulls first, wait_ms
