-- name: interaction_findings
-- about: The findings of one interaction, in their order.
-- needs: findings
-- params:
--   interaction_id text
-- columns:
--   columns of findings
-- tables: findings
select
    finding_id, rule_id, rule_version, rule_name, severity, interaction_id, turn_id, speaker, agent_id, channel, at,
    evidence
from findings
where interaction_id = $1
order by at, finding_id
limit 1000
