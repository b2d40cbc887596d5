-- name: ivr_robot_only_rate
-- version: 1
-- about: Share of IVR sessions that stayed with the robot.
-- formula: k > 1 and ended in the IVR / interactions in the IVR x 100
-- numerator: k > 1 and ended in the IVR
-- denominator: interactions that were in the IVR and ended
-- exclusions: interactions whose steps are not known lower the coverage
-- clock: when the interaction began
-- unit: percent
-- kind: rate
-- grain: interactions
-- additive: yes
-- source: Huawei: classes by the number of steps k
with steps as (
    select interaction_id as stepped_id, count(*) as k
    from interaction_events
    where type = 'interaction.ivr_step.v1'
    group by interaction_id
),
walked as (
    select i.*, s.k, not i.offered and i.outcome <> 'answered' as ended_there
    from interactions as i
    left join steps as s on i.interaction_id = s.stepped_id
    where not i.is_open and (coalesce(i.entry, '') = 'ivr' or i.ivr_ms is not null or s.k is not null)
)
select
    w.*,
    w.started_at as m_at,
    case when w.k > 1 and w.ended_there then 1 else 0 end as m_num,
    case when w.k is null then null else 1 end as m_den
from walked as w
