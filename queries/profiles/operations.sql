-- name: operations
-- about: The operation by interval, channel and queue: how much came, how long it waited, how long it was
--   handled. Queue figures count queue legs at the time they were enqueued, handle figures count agent legs at
--   their start, the volume counts interactions at their start. A leg without a known wait is in no wait figure.
--   Percentiles are nearest-rank on the exact values. Intervals of rates are Wilson's at 95 %.
-- needs: operations_profile
-- params:
--   from timestamptz
--   to timestamptz
--   granularity text
--   by_channel boolean
--   by_queue boolean
-- columns:
--   interval_start text, local time in the zone that is asked for
--   channel text
--   queue text
--   interactions bigint
--   offered bigint
--   answered bigint
--   abandoned bigint
--   n_wait bigint, queue legs with a known wait
--   handled bigint, agent legs with a talk time
--   and the figures made of them
-- tables: legs, interactions
with measured as (
    select
        'queue' as part, enqueued_at as at, channel, queue, outcome, wait_ms,
        cast(null as bigint) as handle_ms
    from legs
    where handler = 'queue' and enqueued_at >= $1 and enqueued_at < $2
    union all
    select
        'agent', started_at, channel, queue, cast(null as varchar), cast(null as bigint),
        case when talk_ms is not null then talk_ms + coalesce(hold_ms, 0) + coalesce(wrap_up_ms, 0) end
    from legs
    where handler = 'agent' and started_at >= $1 and started_at < $2
    union all
    select
        'interaction', started_at, channel, queue, cast(null as varchar), cast(null as bigint),
        cast(null as bigint)
    from interactions
    where started_at >= $1 and started_at < $2
),

placed as (
    select
        arrow_cast(at, 'Timestamp(Microsecond, Some(":timezone"))') as local_at,
        case when $4 then channel end as channel,
        case when $5 then queue end as queue,
        part, outcome, wait_ms, handle_ms
    from measured
),

counted as (
    select
        case $3
            when 'month' then date_trunc('month', local_at)
            when 'week' then date_trunc('week', local_at)
            when 'day' then date_trunc('day', local_at)
            when 'hour' then date_trunc('hour', local_at)
            when '30m' then date_trunc('hour', local_at)
                + case when date_part('minute', local_at) >= 30 then interval '30 minutes' else interval '0 minutes' end
            when '15m' then date_trunc('hour', local_at)
                + case
                    when date_part('minute', local_at) >= 45 then interval '45 minutes'
                    when date_part('minute', local_at) >= 30 then interval '30 minutes'
                    when date_part('minute', local_at) >= 15 then interval '15 minutes'
                    else interval '0 minutes'
                end
        end as interval_start,
        channel,
        queue,
        count(*) filter (where part = 'interaction') as interactions,
        count(*) filter (where part = 'queue') as offered,
        count(*) filter (where outcome = 'answered') as answered,
        count(*) filter (where outcome = 'abandoned') as abandoned,
        count(*) filter (where outcome = 'answered' and wait_ms <= 20000) as answered_in_20_s,
        count(wait_ms) as n_wait,
        avg(wait_ms) filter (where outcome = 'answered') as asa_ms,
        avg(wait_ms) filter (where outcome = 'abandoned') as abandon_wait_ms,
        array_agg(wait_ms order by wait_ms) filter (where wait_ms is not null) as waits,
        count(handle_ms) as handled,
        avg(handle_ms) as aht_ms
    from placed
    group by 1, 2, 3
),

figures as (
    select
        *,
        cast(abandoned as double) / nullif(offered, 0) as abandonment_rate,
        cast(answered_in_20_s as double) / nullif(offered, 0) as service_level,
        waits[cast(ceil(0.5 * n_wait) as bigint)] as wait_p50_ms,
        waits[cast(ceil(0.9 * n_wait) as bigint)] as wait_p90_ms,
        cast(offered as double) as n,
        -- The square of 1.96, the normal quantile of 95 %.
        3.8414588206941254 as z2
    from counted
)

select
    interval_start, channel, queue, interactions, offered, answered, abandoned, answered_in_20_s, n_wait,
    asa_ms, abandon_wait_ms, wait_p50_ms, wait_p90_ms, handled, aht_ms,
    100 * abandonment_rate as abandonment_rate,
    100 * service_level as service_level,
    100 * (abandonment_rate + z2 / (2 * n) - sqrt(z2 * (abandonment_rate * (1 - abandonment_rate) + z2 / (4 * n)) / n))
        / (1 + z2 / n) as abandonment_rate_low,
    100 * (abandonment_rate + z2 / (2 * n) + sqrt(z2 * (abandonment_rate * (1 - abandonment_rate) + z2 / (4 * n)) / n))
        / (1 + z2 / n) as abandonment_rate_high,
    100 * (service_level + z2 / (2 * n) - sqrt(z2 * (service_level * (1 - service_level) + z2 / (4 * n)) / n))
        / (1 + z2 / n) as service_level_low,
    100 * (service_level + z2 / (2 * n) + sqrt(z2 * (service_level * (1 - service_level) + z2 / (4 * n)) / n))
        / (1 + z2 / n) as service_level_high
from figures
order by interval_start nulls first, channel nulls last, queue nulls last
