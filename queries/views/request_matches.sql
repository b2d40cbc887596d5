-- name: request_matches
-- about: What the knowledge base had for each request and what became of it, with the evidence.
-- columns:
--   request_id text
--   interaction_id text
--   turn_id text, the first of the request
--   at timestamptz
--   customer_id text
--   base text, null when there was none, or it was not matched
--   article_set bigint, how often the base had been changed when it was matched
--   is_restated boolean, true when the base has changed since the request was made
--   matched_at timestamptz
--   best_article_id text, of a full search over the articles that were valid then
--   p_answered double precision, of that article
--   candidates text, JSON
--   article_id text, the article that it is about
--   shown text[], articles that were shown, clicked or judged
--   outcome text, system_failure, out_of_scope, answered, conflict, outdated, rejected, not_found, no_content or
--     undetermined
--   evidence text, JSON
--   gap_id text
--   dt date, UTC day of the request
-- tables: raw.request_matches
select
    request_id, interaction_id, turn_id, at, customer_id, base, article_set, is_restated, matched_at, best_article_id,
    p_answered, candidates, article_id, shown, outcome, evidence, gap_id, dt
from raw.request_matches
