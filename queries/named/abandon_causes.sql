-- name: abandon_causes
-- about: Why customers gave up: one row an abandon, in a queue, in the menu or with the bot, with its most likely
--   cause and what speaks for it; see the relation `abandons`.
-- params:
--   from timestamptz = null
--   to timestamptz = null
--   queue text = null
-- columns:
--   interaction_id text
--   channel text
--   queue text, null in the menu and with the bot
--   enqueued_at timestamptz, null in the menu and with the bot
--   wait_ms bigint
--   cause text
--   ivr_steps bigint
--   ivr_most_visits bigint, to one menu
--   queues_before bigint
--   bot_before boolean
--   hours_since_last_contact double precision, null when there was none or the customer is not known
--   usual_patience_ms bigint, median wait of abandons in the queue
--   stage text, queue, ivr or bot
--   at timestamptz, when the customer came to the queue, else when the interaction began
--   sent_on boolean, an agent or another queue had sent the customer to this queue
-- tables: abandons
select *
from abandons
where ($from is null or at >= $from)
    and ($to is null or at < $to)
    and ($queue is null or queue = $queue)
order by at, interaction_id
