-- name: interactions_page
-- about: One page of interactions, newest first, by filters. A page begins after the last row of the page
--   before it (`cursor_at`, `cursor_id`). The door cuts the answer to the page's length.
-- needs: interactions
-- params:
--   from timestamptz = null
--   to timestamptz = null
--   channel text = null
--   queue text = null
--   agent_id text = null
--   customer_id text = null
--   outcome text = null
--   direction text = null
--   is_open boolean = null
--   cursor_at timestamptz = null
--   cursor_id text = null
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
where ($1 is null or started_at >= $1)
    and ($2 is null or started_at < $2)
    and ($3 is null or channel = $3)
    and ($4 is null or array_has(queues, cast($4 as varchar)))
    and ($5 is null or array_has(agents, cast($5 as varchar)))
    and ($6 is null or customer_id = $6)
    and ($7 is null or outcome = $7)
    and ($8 is null or direction = $8)
    and ($9 is null or is_open = $9)
    and ($10 is null or started_at < $10 or (started_at = $10 and interaction_id > $11))
order by started_at desc, interaction_id
limit 1001
