-- name: interaction_legs
-- about: The legs of one interaction, in their order.
-- needs: interactions
-- params:
--   interaction_id text
-- columns:
--   every column of legs but interaction_id, channel and dt
-- tables: legs
select
    leg, handler, queue, agent_id, enqueued_at, started_at, ended_at, outcome,
    wait_ms, ring_ms, talk_ms, hold_ms, wrap_up_ms
from legs
where interaction_id = $1
order by leg
limit 1000
