-- name: interactions_by_day
-- about: Interactions by UTC day of their first event and by channel, with how many were answered and abandoned.
-- params:
--   from timestamptz = null
--   to timestamptz = null
--   channel text = null
-- columns:
--   day date, UTC day of the first event
--   channel text, null as long as nothing has said it
--   interactions bigint
--   answered bigint, answered by an agent
--   abandoned bigint, left in a queue or while ringing
--   mean_wait_ms double precision, over interactions that queued
-- tables: interactions
select
    dt as day,
    channel,
    count(*) as interactions,
    count(*) filter (where outcome = 'answered') as answered,
    count(*) filter (where outcome = 'abandoned') as abandoned,
    avg(wait_ms) as mean_wait_ms
from interactions
where ($from is null or started_at >= $from)
    and ($to is null or started_at < $to)
    and ($channel is null or channel = $channel)
group by dt, channel
order by dt, channel
