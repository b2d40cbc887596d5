-- name: request_interactions
-- about: What requests say of their interaction.
-- columns:
--   interaction_id text
--   channel text
--   queue text, the first
--   customer_id text
-- tables: live.interactions, of the interactions that are read alone
select interaction_id, channel, queue, customer_id
from live.interactions
