-- name: operations_channels
-- about: What each channel achieves and what it takes: how many came, how many of these were helped by a person, by
--   menu or bot, or not at all, and the minutes of agents that an interaction and a solved one took.
-- needs: operations_profile
-- params:
--   from timestamptz = null
--   to timestamptz = null
-- columns:
--   channel text
--   interactions bigint
--   answered bigint
--   self_served bigint
--   given_up bigint, in a queue, in the menu or with the bot
--   n_resolved bigint, of which it is said whether they were resolved
--   resolved bigint
--   repeats bigint, the customer had been here with the same reason within 7 days
--   agent_minutes double precision
--   minutes_per_interaction double precision
--   minutes_per_resolved double precision
-- tables: interaction_reasons
select
    channel,
    count(*) as interactions,
    count(*) filter (where outcome = 'answered') as answered,
    count(*) filter (where outcome = 'self_served') as self_served,
    count(*) filter (where outcome in ('abandoned', 'left_ivr', 'left_bot')) as given_up,
    count(resolved) as n_resolved,
    count(*) filter (where resolved) as resolved,
    count(*) filter (where is_repeat) as repeats,
    coalesce(sum(handle_ms), 0) / 60000.0 as agent_minutes,
    coalesce(sum(handle_ms), 0) / 60000.0 / count(*) as minutes_per_interaction,
    coalesce(sum(handle_ms), 0) / 60000.0 / nullif(count(*) filter (where resolved), 0) as minutes_per_resolved
from interaction_reasons
where ($from is null or started_at >= $from) and ($to is null or started_at < $to)
group by channel
order by interactions desc, channel
