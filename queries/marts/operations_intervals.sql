-- name: operations_intervals
-- about: Queue stays in intervals of 15 minutes by the time of entering the queue, by channel and queue.
-- columns:
--   interval_start timestamptz, UTC
--   channel text
--   queue text
--   offered bigint, entered the queue
--   answered bigint
--   abandoned bigint
--   flowed_out bigint, left to another queue or by callback
--   waiting bigint, still in the queue
--   answered_in_20s bigint
--   wait_ms_sum bigint, of stays that ended
--   answered_wait_ms_sum bigint
--   longest_wait_ms bigint
-- tables: legs
select
    date_bin(interval '15 minutes', enqueued_at) as interval_start,
    channel,
    queue,
    count(*) as offered,
    count(*) filter (where outcome = 'answered') as answered,
    count(*) filter (where outcome = 'abandoned') as abandoned,
    count(*) filter (where outcome in ('flow_out', 'callback')) as flowed_out,
    count(*) filter (where outcome is null) as waiting,
    count(*) filter (where outcome = 'answered' and wait_ms <= 20000) as answered_in_20s,
    sum(wait_ms) as wait_ms_sum,
    sum(wait_ms) filter (where outcome = 'answered') as answered_wait_ms_sum,
    max(wait_ms) as longest_wait_ms
from legs
where handler = 'queue'
group by 1, 2, 3
