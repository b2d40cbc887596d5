-- name: gap_outcomes
-- about: Requests of the last 28 days by base and outcome, how many were matched, and how far they go.
-- needs: knowledge
-- params:
--   base text = null
-- columns:
--   outcome text
--   requests bigint
--   matched bigint
--   restated bigint, matched when the base had changed since
--   last_at timestamptz
-- tables: request_matches
select
    outcome,
    count(*) as requests,
    count(matched_at) as matched,
    count(*) filter (where is_restated) as restated,
    max(at) as last_at
from request_matches
where at >= (select max(m.at) from request_matches as m) - interval '28 days'
    and ($1 is null or base = $1)
group by outcome
order by outcome
