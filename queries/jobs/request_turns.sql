-- name: request_turns
-- about: Every turn of the interactions that are read for requests, in the order in which they were said.
-- columns:
--   interaction_id text
--   turn_id text
--   speaker text
--   channel text
--   at timestamptz
--   ended_at timestamptz
--   language text
--   text text, redacted
-- tables: live.turns, of these interactions alone
select interaction_id, turn_id, speaker, channel, at, ended_at, language, text
from live.turns
where not recalled
order by interaction_id, seq
