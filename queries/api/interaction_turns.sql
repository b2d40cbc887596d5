-- name: interaction_turns
-- about: The turns of one interaction, in their order.
-- needs: interactions
-- params:
--   interaction_id text
-- columns:
--   what was said, by whom, when, and what was found in it
-- tables: turns
select
    turn_id, seq, speaker, speaker_id, at, started_at, ended_at, content_type, language, text, pii
from turns
where interaction_id = $1
order by seq, turn_id
limit 10000
