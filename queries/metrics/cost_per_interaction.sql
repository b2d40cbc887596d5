-- name: cost_per_interaction
-- version: 1
-- about: Mean cost of an interaction; group by channel to compare channels.
-- formula: (cost per session + agent minutes x cost per minute) / interactions
-- numerator: cost per session, and per minute of talk, hold and wrap-up, of the channel on that day
-- denominator: interactions with a cost
-- exclusions: interactions without a row of costs lower the coverage
-- clock: when the interaction began
-- unit: currency
-- kind: mean
-- grain: interactions
-- additive: yes
-- source: ours: [[costs]] of the settings
with priced as (
    select
        i.interaction_id as priced_id, c.per_agent_minute, c.per_session,
        row_number() over (
            partition by i.interaction_id
            order by case when c.channel = '*' then 1 else 0 end, c.valid_from desc
        ) as place
    from interactions as i
    cross join $costs as c
    where (c.channel = i.channel or c.channel = '*') and c.valid_from <= i.dt
)
select
    i.*,
    i.started_at as m_at,
    p.per_session + p.per_agent_minute * coalesce(i.handle_ms, 0) / 60000.0 as m_num,
    case when p.priced_id is null then null else 1 end as m_den
from interactions as i
left join priced as p on i.interaction_id = p.priced_id and p.place = 1
