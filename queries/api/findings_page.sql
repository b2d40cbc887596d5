-- name: findings_page
-- about: One page of findings, newest first, by filters. A page begins after the last row of the page before it
--   (`cursor_at`, `cursor_id`). The door cuts the answer to the page's length.
-- needs: findings
-- params:
--   from timestamptz = null
--   to timestamptz = null
--   rule_id text = null
--   severity text = null
--   interaction_id text = null
--   agent_id text = null
--   channel text = null
--   cursor_at timestamptz = null
--   cursor_id text = null
-- columns:
--   columns of findings
-- tables: findings
select
    finding_id, rule_id, rule_version, rule_name, severity, interaction_id, turn_id, speaker, agent_id, channel, at,
    evidence
from findings
where ($1 is null or at >= $1)
    and ($2 is null or at < $2)
    and ($3 is null or rule_id = $3)
    and ($4 is null or severity = $4)
    and ($5 is null or interaction_id = $5)
    and ($6 is null or agent_id = $6)
    and ($7 is null or channel = $7)
    and ($8 is null or at < $8 or (at = $8 and finding_id > $9))
order by at desc, finding_id
limit 1001
