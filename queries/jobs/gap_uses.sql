-- name: gap_uses
-- about: Uses of the knowledge base within interactions, in order.
-- params:
--   from date
--   to date
-- columns:
--   interaction_id text
--   at_us bigint
--   action text
--   article_id text
-- tables: knowledge_events
select interaction_id, cast(at as bigint) as at_us, action, article_id
from knowledge_events
where dt >= $1 and dt < $2 and interaction_id is not null
order by at, "offset"
