-- name: routing_interactions
-- about: What routing has to know of interactions that go on: whose they are, and how upset the customer is by now.
-- needs: routing
-- params:
--   interaction_ids text
-- columns:
--   interaction_id text
--   customer_id text
--   queue text
--   language text
--   disposition text
--   upset double precision, 0 to 1; null before the customer said anything
--   at timestamptz, begin
-- tables: interactions
-- The ids come as one text, apart by the unit separator, U+001F.
select
    interaction_id, customer_id, queue, language, disposition,
    case when dissatisfaction is not null or sentiment_score is not null then
        greatest(coalesce(dissatisfaction, 0.0), -coalesce(sentiment_score, 0.0), 0.0)
    end as upset,
    started_at as at
from interactions
where array_has(string_to_array($1, chr(31)), interaction_id)
order by interaction_id
