-- name: effects
-- about: What became of interventions: one row for each change and day on which a verdict was given, 14 and 28 days
--   after it. `change` is that of human-handled contacts of its topics against topics alike without a change.
-- columns:
--   intervention_id text
--   kind text, article, ivr_menu, app, policy, script or training
--   intervention_date text, YYYY-MM-DD
--   base text
--   article_id text
--   topics text[]
--   topic_run text, the run that told topics apart
--   days_after integer, 14 or 28
--   verdict text, helped, no_effect, harmed or not_comparable
--   change double precision, -0.2 is a fifth less
--   change_low double precision, of the 90 % interval
--   change_high double precision
--   p_value double precision
--   q_value double precision, among all verdicts of the month (Benjamini-Hochberg)
--   pre_trend_p_value double precision, that both sides moved alike before
--   controls text[], topics that it was compared with
--   active_customers bigint
--   days_before integer, that were compared with
--   contacts_before bigint, human-handled
--   contacts_after bigint
--   rate_before double precision, contacts for each 1,000 active customers and day
--   rate_after double precision
--   transfer_before double precision, share of contacts with a transfer
--   transfer_after double precision
--   repeat_before double precision, share that follows one of the same customer and topic within 7 days
--   repeat_after double precision
--   handle_minutes_before double precision, of a contact
--   handle_minutes_after double precision
--   measured_at timestamptz
--   dt date, UTC day of the verdict
-- tables: raw.effects
select
    intervention_id, kind, intervention_date, base, article_id, topics, topic_run, days_after, verdict, change,
    change_low, change_high, p_value, q_value, pre_trend_p_value, controls, active_customers, days_before,
    contacts_before, contacts_after, rate_before, rate_after, transfer_before, transfer_after, repeat_before,
    repeat_after, handle_minutes_before, handle_minutes_after, measured_at, dt
from raw.effects
