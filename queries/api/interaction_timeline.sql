-- name: interaction_timeline
-- about: Every event of one interaction but its turns, in the order of time and type.
-- needs: interactions
-- params:
--   interaction_id text
-- columns:
--   the event's identity and the columns that its type fills
-- tables: interaction_events
select
    at, type, event_source, event_id, revision,
    channel, direction, entry, node, action, input, label, queue, priority, announced_wait_ms, outcome,
    agent_id, ring_ms, to_agent_id, transfer_kind, turn_id, end_reason, ended_by, ended_at, disposition,
    resolved, wrap_up_ms
from interaction_events
where interaction_id = $1
order by at, type_rank, "offset"
limit 10000
