-- name: operations_intervals
-- about: The operation in intervals of 15 minutes, by channel and queue.
-- params:
--   from timestamptz = null
--   to timestamptz = null
--   channel text = null
--   queue text = null
-- columns:
--   the columns of the relation operations_intervals
-- tables: operations_intervals
select *
from operations_intervals
where ($from is null or interval_start >= $from)
    and ($to is null or interval_start < $to)
    and ($channel is null or channel = $channel)
    and ($queue is null or queue = $queue)
order by interval_start, channel, queue
