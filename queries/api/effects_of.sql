-- name: effects_of
-- about: The verdicts on one change, or on the changes of one article.
-- needs: interventions
-- params:
--   intervention_id text = null
--   base text = null
--   article_id text = null
-- columns:
--   intervention_id text
--   topic_run text
--   days_after integer
--   verdict text
--   change double precision
--   change_low double precision
--   change_high double precision
--   p_value double precision
--   q_value double precision
--   pre_trend_p_value double precision
--   controls text[]
--   active_customers bigint
--   days_before integer
--   contacts_before bigint
--   contacts_after bigint
--   rate_before double precision
--   rate_after double precision
--   transfer_before double precision
--   transfer_after double precision
--   repeat_before double precision
--   repeat_after double precision
--   handle_minutes_before double precision
--   handle_minutes_after double precision
--   measured_at timestamptz
-- tables: effects
select
    intervention_id, topic_run, days_after, verdict, change, change_low, change_high, p_value, q_value,
    pre_trend_p_value, controls, active_customers, days_before, contacts_before, contacts_after, rate_before,
    rate_after, transfer_before, transfer_after, repeat_before, repeat_after, handle_minutes_before,
    handle_minutes_after, measured_at
from effects
where ($1 is null or intervention_id = $1)
    and ($2 is null or (base = $2 and article_id = $3))
order by intervention_id, days_after
