-- name: findings
-- about: What quality rules hit: one row a finding. A hit that was found again is one row, the first.
-- columns:
--   finding_id text
--   rule_id text
--   rule_version bigint
--   rule_name text
--   severity text, info, warning or critical
--   interaction_id text
--   turn_id text, the turn that decided; null when the end of the interaction did
--   speaker text
--   agent_id text, the agent who spoke last
--   channel text
--   at timestamptz
--   evidence text, JSON: condition, operator, turn, start, end, value
--   source text
--   partition integer
--   offset bigint
--   item integer
--   ingested_at timestamptz
--   dt date, UTC day of the finding
-- tables: raw.findings
with ranked as (
    select
        *,
        row_number() over (
            partition by finding_id order by ingested_at, source, "partition", "offset", item
        ) as place
    from raw.findings
)
select
    finding_id, rule_id, rule_version, rule_name, severity, interaction_id, turn_id, speaker, agent_id, channel, at,
    evidence, source, "partition", "offset", item, ingested_at, dt
from ranked
where place = 1
