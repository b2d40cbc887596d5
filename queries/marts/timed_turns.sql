-- name: timed_turns
-- about: Turns whose beginning and end are known, and until when the interaction had been spoken before each.
-- columns:
--   interaction_id text
--   speaker text
--   starts_ms bigint
--   ends_ms bigint
--   ended_before_ms bigint, the latest end of the turns before
--   customer_until_ms bigint, the same of the customer's
--   agent_until_ms bigint, the same of agents'
-- tables: turns
select
    interaction_id, speaker,
    cast(started_at as bigint) / 1000 as starts_ms,
    cast(ended_at as bigint) / 1000 as ends_ms,
    max(cast(ended_at as bigint) / 1000) over w as ended_before_ms,
    max(case when speaker = 'customer' then cast(ended_at as bigint) / 1000 end) over w as customer_until_ms,
    max(case when speaker = 'agent' then cast(ended_at as bigint) / 1000 end) over w as agent_until_ms
from turns
where started_at is not null and ended_at >= started_at and not coalesce(recalled, false)
window w as (
    partition by interaction_id order by started_at, seq rows between unbounded preceding and 1 preceding
)
