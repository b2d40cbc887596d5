-- name: known_findings
-- about: The ids of all findings.
-- columns:
--   finding_id text
-- tables: findings
select finding_id from findings
