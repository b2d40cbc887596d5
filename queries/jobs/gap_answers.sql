-- name: gap_answers
-- about: What agents said in interactions in which the knowledge base was used or a bot spoke, in order.
-- params:
--   from date
--   to date
-- columns:
--   interaction_id text
--   turn_id text
--   at_us bigint
--   agent_id text
--   text text, redacted
-- tables: turns, requests
select t.interaction_id, t.turn_id, cast(t.at as bigint) as at_us, t.speaker_id as agent_id, t.text
from turns as t
where t.speaker = 'agent'
    and t.text is not null
    and t.dt >= $1
    and t.dt < $2
    and t.interaction_id in (select r.interaction_id from requests as r where r.dt >= $1 and r.dt < $2)
order by t.interaction_id, t.seq
