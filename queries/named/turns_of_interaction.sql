-- name: turns_of_interaction
-- about: The turns of one interaction in their order, redacted.
-- params:
--   interaction_id text
-- columns:
--   turn_id text
--   at timestamptz
--   speaker text
--   speaker_id text
--   text text, redacted
-- tables: turns
select turn_id, at, speaker, speaker_id, text
from turns
where interaction_id = $interaction_id
order by at, turn_id
