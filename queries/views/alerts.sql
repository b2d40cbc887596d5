-- name: alerts
-- about: Findings that someone must see now: one row an alert. An alert that was raised again is one row, the first.
-- columns:
--   alert_id text, the id of its finding
--   rule_id text
--   rule_version bigint
--   rule_name text
--   severity text, info, warning or critical
--   interaction_id text
--   turn_id text
--   agent_id text
--   channel text
--   at timestamptz
--   raised_at timestamptz
--   source text
--   partition integer
--   offset bigint
--   item integer
--   dt date, UTC day of the finding
-- tables: raw.alerts
with ranked as (
    select
        *,
        row_number() over (
            partition by alert_id order by raised_at, source, "partition", "offset", item
        ) as place
    from raw.alerts
)
select
    alert_id, rule_id, rule_version, rule_name, severity, interaction_id, turn_id, agent_id, channel, at, raised_at,
    source, "partition", "offset", item, dt
from ranked
where place = 1
