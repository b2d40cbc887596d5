-- name: alerts_after
-- about: Alerts that were raised since a time, oldest first, for those who have missed some.
-- needs: alerts
-- params:
--   since timestamptz
-- columns:
--   columns of alerts
-- tables: alerts
select
    alert_id, rule_id, rule_version, rule_name, severity, interaction_id, turn_id, agent_id, channel, at, raised_at
from alerts
where raised_at >= $1
order by raised_at, alert_id
limit 10000
