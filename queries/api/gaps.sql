-- name: gaps
-- about: Gaps of the newest run in the order of rank, without their evidence.
-- needs: knowledge
-- params:
--   gap_id text = null
-- columns:
--   gap_id text
--   run_at timestamptz
--   rank bigint
--   base text
--   type text
--   title text
--   article_id text
--   rival_article_id text
--   failed bigint
--   answered bigint
--   minutes_per_week double precision
--   minutes_per_week_low double precision
--   customers_per_week double precision
--   customers_per_week_low double precision
--   p_failed double precision
--   p_failed_low double precision
--   handle_minutes double precision
--   repeat_share double precision
--   repeat_share_low double precision
--   negative_share double precision
--   negative_share_low double precision
--   trend double precision
--   trend_low double precision
--   trend_high double precision
--   first_seen_at timestamptz
--   last_seen_at timestamptz
--   outcomes text
--   topic_ids text[]
--   evidence text, of the gap that was asked for
--   drafts text, of the gap that was asked for
-- tables: gaps
select
    gap_id, run_at, rank, base, type, title, article_id, rival_article_id, failed, answered, minutes_per_week,
    minutes_per_week_low, customers_per_week, customers_per_week_low, p_failed, p_failed_low, handle_minutes,
    repeat_share, repeat_share_low, negative_share, negative_share_low, trend, trend_low, trend_high, first_seen_at,
    last_seen_at, outcomes, topic_ids,
    case when $1 is not null then evidence end as evidence,
    case when $1 is not null then drafts end as drafts
from gaps
where $1 is null or gap_id = $1
order by rank
