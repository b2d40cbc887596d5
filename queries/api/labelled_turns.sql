-- name: labelled_turns
-- about: The turns of some interactions that people have said something of, redacted.
-- needs: labels
-- params:
--   interaction_ids text
--   turn_ids text
-- columns:
--   interaction_id text
--   turn_id text
--   speaker text
--   language text
--   text text, redacted
--   topic_id text
-- tables: turns
-- Lists come as one text, apart by the unit separator, U+001F. A turn of one interaction that has the id of a turn
-- of another one comes along; the caller pairs them.
select interaction_id, turn_id, speaker, language, text, topic_id
from turns
where array_has(string_to_array($1, chr(31)), interaction_id)
  and array_has(string_to_array($2, chr(31)), turn_id)
