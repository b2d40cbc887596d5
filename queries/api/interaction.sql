-- name: interaction
-- about: One interaction.
-- needs: interactions
-- params:
--   interaction_id text
-- columns:
--   every column of interactions but dt
-- tables: interactions
select
    interaction_id, channel, direction, customer_id, entry, started_at, ended_at, is_open,
    queue, queues, agent_id, agents, offered, outcome, end_reason, ended_by, disposition, resolved,
    ivr_ms, wait_ms, ring_ms, talk_ms, hold_ms, wrap_up_ms, handle_ms, transfers,
    customer_turns, agent_turns, bot_turns, csat, nps, sentiment_score, sentiment_shift, dissatisfaction,
    time_source, attributes,
    previous_id, language
from interactions
where interaction_id = $1
limit 1
