-- name: gap_matches
-- about: What was stored of requests by the last run, oldest first.
-- params:
--   from date
--   to date
-- columns:
--   request_id text
--   interaction_id text
--   at_us bigint
--   base text
--   article_set bigint
--   is_restated boolean
--   matched_at_us bigint, null when it was never matched
--   candidates text, JSON
--   outcome text
--   evidence text, JSON
--   article_id text
--   gap_id text
-- tables: raw.request_matches
select
    request_id, interaction_id, cast(at as bigint) as at_us, base, article_set, is_restated,
    cast(matched_at as bigint) as matched_at_us, candidates, outcome, evidence, article_id, gap_id
from raw.request_matches
where dt >= $1 and dt < $2
order by at, request_id
