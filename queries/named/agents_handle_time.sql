-- name: agents_handle_time
-- about: Legs of each agent with talk, hold and wrap-up time, and the mean handle time.
-- params:
--   from timestamptz = null
--   to timestamptz = null
--   channel text = null
-- columns:
--   agent_id text, null for answers by an unknown agent
--   legs bigint
--   talk_ms bigint, sum
--   hold_ms bigint, sum
--   wrap_up_ms bigint, sum
--   mean_handle_ms double precision, talk, hold and wrap-up of a leg whose talk time is known
-- tables: legs
select
    agent_id,
    count(*) as legs,
    sum(talk_ms) as talk_ms,
    sum(hold_ms) as hold_ms,
    sum(wrap_up_ms) as wrap_up_ms,
    avg(talk_ms + coalesce(hold_ms, 0) + coalesce(wrap_up_ms, 0)) as mean_handle_ms
from legs
where handler = 'agent'
    and ($from is null or started_at >= $from)
    and ($to is null or started_at < $to)
    and ($channel is null or channel = $channel)
group by agent_id
order by legs desc, agent_id
