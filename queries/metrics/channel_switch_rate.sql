-- name: channel_switch_rate
-- version: 1
-- about: Share of interactions that go on from another channel.
-- formula: interactions whose previous one is on another channel within the window / interactions x 100
-- numerator: interactions whose related.previous_id names an interaction on another channel that began at most
--   window_h before
-- denominator: interactions
-- exclusions: none; a previous interaction that is not known lowers the coverage
-- clock: when the interaction began
-- unit: percent
-- kind: rate
-- grain: interactions
-- additive: yes
-- source: ours: 24 h
-- params:
--   window_h double precision = 24 from 0.01 to 720, how far back the other channel may lie
with previous as (
    select interaction_id as previous_one, channel as previous_channel, started_at as previous_at
    from interactions
)
select
    i.*,
    i.started_at as m_at,
    case
        when p.previous_channel <> i.channel
            and cast(i.started_at as bigint) - cast(p.previous_at as bigint) <= $window_h * 3600000000 then 1
        else 0
    end as m_num,
    case when i.previous_id is not null and p.previous_one is null then null else 1 end as m_den
from interactions as i
left join previous as p on i.previous_id = p.previous_one
