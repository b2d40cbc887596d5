-- name: self_service_funnel
-- about: What becomes of those who begin in the menu or with the bot, step by step. `stayed` made a choice or said
--   something; `reached` got what they came for; `contained` of these did not come to a person within 24 hours.
-- needs: operations_profile
-- params:
--   from timestamptz = null
--   to timestamptz = null
-- columns:
--   entry text, ivr or bot
--   channel text
--   entered bigint
--   stayed bigint, two steps in the menu or a message to the bot
--   left_early bigint, hung up or left there
--   reached bigint
--   contained bigint
--   asked_for_person bigint, came to a queue or an agent
--   answered bigint, of these
-- tables: interactions, interaction_events
with steps as (
    select interaction_id as stepped_id, count(*) as steps
    from interaction_events
    where type = 'interaction.ivr_step.v1'
    group by interaction_id
),
followed as (
    select
        i.*,
        coalesce(s.steps, 0) as steps,
        min(case when i.outcome = 'answered' then i.started_at end) over (
            partition by i.customer_id order by i.started_at desc, i.interaction_id desc
            rows between unbounded preceding and 1 preceding
        ) as next_person_at
    from interactions as i
    left join steps as s on i.interaction_id = s.stepped_id
    where coalesce(i.direction, 'inbound') <> 'outbound'
)
select
    entry, channel,
    count(*) as entered,
    count(*) filter (where steps > 1 or customer_turns > 0) as stayed,
    count(*) filter (where outcome in ('left_ivr', 'left_bot')) as left_early,
    count(*) filter (where outcome = 'self_served') as reached,
    count(*) filter (where outcome = 'self_served' and coalesce(
        cast(next_person_at as bigint) - cast(coalesce(ended_at, started_at) as bigint) > 86400000000, true
    )) as contained,
    count(*) filter (where offered or outcome = 'answered') as asked_for_person,
    count(*) filter (where (offered or entry = 'bot') and outcome = 'answered') as answered
from followed
where entry in ('ivr', 'bot')
    and ($from is null or started_at >= $from) and ($to is null or started_at < $to)
group by entry, channel
order by entered desc, entry, channel
