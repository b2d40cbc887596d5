-- name: abandon_summary
-- about: How many gave up and why, by channel and queue; the causes are those of the relation `abandons`.
-- needs: operations_profile
-- params:
--   from timestamptz = null
--   to timestamptz = null
-- columns:
--   cause text
--   stage text, queue, ivr or bot
--   channel text
--   queue text
--   abandons bigint
--   share double precision, percent of all abandons
--   median_wait_ms bigint
--   examples text[], up to five interactions
-- tables: abandons
with counted as (
    select
        cause, stage, channel, queue,
        count(*) as abandons,
        array_agg(wait_ms order by wait_ms) filter (where wait_ms is not null) as waits,
        array_agg(interaction_id order by at desc, interaction_id) as ids
    from abandons
    where ($from is null or at >= $from) and ($to is null or at < $to)
    group by cause, stage, channel, queue
)
select
    cause, stage, channel, queue, abandons,
    100.0 * abandons / sum(abandons) over () as share,
    waits[cast((array_length(waits) + 1) / 2 as bigint)] as median_wait_ms,
    array_slice(ids, 1, 5) as examples
from counted
order by abandons desc, cause, channel, queue
