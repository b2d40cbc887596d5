-- name: longest_waits
-- about: The longest stays in a queue, the longest first.
-- params:
--   from timestamptz = null
--   to timestamptz = null
--   queue text = null
--   outcome text = null
--   limit bigint = 100
-- columns:
--   interaction_id text
--   leg bigint, number of the stay in its interaction
--   queue text
--   channel text
--   enqueued_at timestamptz
--   wait_ms bigint
--   outcome text
-- tables: legs
select interaction_id, leg, queue, channel, enqueued_at, wait_ms, outcome
from legs
where handler = 'queue'
    and wait_ms is not null
    and ($from is null or enqueued_at >= $from)
    and ($to is null or enqueued_at < $to)
    and ($queue is null or queue = $queue)
    and ($outcome is null or outcome = $outcome)
order by wait_ms desc, interaction_id, leg
limit $limit
