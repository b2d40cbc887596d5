-- name: interaction_surveys
-- about: What customers answered about an interaction: one row each, the last answer of each question.
-- columns:
--   interaction_id text
--   csat integer
--   nps integer
-- tables: surveys
select
    interaction_id,
    last_value(csat order by at, ingested_at) filter (where csat is not null) as csat,
    last_value(nps order by at, ingested_at) filter (where nps is not null) as nps
from surveys
where interaction_id is not null and status = 'answered'
group by interaction_id
