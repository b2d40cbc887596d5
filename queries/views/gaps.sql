-- name: gaps
-- about: Where the knowledge bases fail, by the newest run, in the order of rank. What people decided about a gap is in
--   `GET /v1/knowledge/gaps`.
-- columns:
--   gap_id text
--   run_at timestamptz
--   rank bigint, by minutes_per_week_low
--   base text
--   type text, conflict, outdated, rejected, not_found or no_content
--   title text, the question at its middle, redacted
--   article_id text, the article that fails or is not found
--   rival_article_id text, the article that it disagrees with
--   failed bigint, requests of the last 28 days
--   answered bigint, requests about the same that were answered
--   minutes_per_week double precision, of people: customers × p_failed × handle_minutes × (1 + repeat_share)
--     × (1 + negative_share)
--   minutes_per_week_low double precision, the same of the lower 90 % bounds
--   customers_per_week double precision
--   customers_per_week_low double precision
--   p_failed double precision
--   p_failed_low double precision
--   handle_minutes double precision
--   repeat_share double precision
--   repeat_share_low double precision
--   negative_share double precision
--   negative_share_low double precision
--   trend double precision, rate of the last 7 days to that of the days before
--   trend_low double precision
--   trend_high double precision
--   first_seen_at timestamptz
--   last_seen_at timestamptz
--   outcomes text, failed requests by outcome, JSON
--   topic_ids text[], most frequent first
--   evidence text, requests that show it, JSON
--   drafts text, what people answered, JSON
--   dt date, UTC day of the run
-- tables: raw.gaps
select
    gap_id, run_at, rank, base, type, title, article_id, rival_article_id, failed, answered, minutes_per_week,
    minutes_per_week_low, customers_per_week, customers_per_week_low, p_failed, p_failed_low, handle_minutes,
    repeat_share, repeat_share_low, negative_share, negative_share_low, trend, trend_low, trend_high, first_seen_at,
    last_seen_at, outcomes, topic_ids, evidence, drafts, dt
from raw.gaps
