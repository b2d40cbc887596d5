-- name: abandoned_by_queue
-- about: Stays in each queue: offered, answered, abandoned, and waits of either.
-- params:
--   from timestamptz = null
--   to timestamptz = null
--   channel text = null
-- columns:
--   queue text
--   channel text
--   offered bigint, stays that were answered or abandoned
--   answered bigint
--   abandoned bigint
--   abandoned_percent double precision, of offered; null when nothing was offered
--   mean_wait_answered_ms double precision
--   mean_wait_abandoned_ms double precision
-- tables: legs
select
    queue,
    channel,
    count(*) filter (where outcome in ('answered', 'abandoned')) as offered,
    count(*) filter (where outcome = 'answered') as answered,
    count(*) filter (where outcome = 'abandoned') as abandoned,
    100.0 * count(*) filter (where outcome = 'abandoned')
        / nullif(count(*) filter (where outcome in ('answered', 'abandoned')), 0) as abandoned_percent,
    avg(wait_ms) filter (where outcome = 'answered') as mean_wait_answered_ms,
    avg(wait_ms) filter (where outcome = 'abandoned') as mean_wait_abandoned_ms
from legs
where handler = 'queue'
    and ($from is null or enqueued_at >= $from)
    and ($to is null or enqueued_at < $to)
    and ($channel is null or channel = $channel)
group by queue, channel
order by abandoned desc, queue, channel
