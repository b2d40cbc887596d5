-- name: transfer_rate_session
-- version: 1
-- about: Share of handled interactions that were transferred.
-- formula: transferred interactions / handled interactions x 100
-- numerator: answered interactions with a transfer or more than one agent stay
-- denominator: answered interactions
-- exclusions: from bot to human and call backs, which are no transfers between people
-- clock: when the interaction began
-- unit: percent
-- kind: rate
-- grain: interactions
-- additive: yes
-- source: Dynamics 365: by session
with moved as (
    select interaction_id
    from interaction_events
    where type = 'interaction.transferred.v1'
        and coalesce(transfer_kind, 'blind') in ('blind', 'consult', 'queue', 'external')
    union all
    select interaction_id
    from legs
    where handler = 'agent'
    group by interaction_id
    having count(*) > 1
),
known as (select distinct interaction_id as moved_id from moved)
select
    i.*,
    i.started_at as m_at,
    case when k.moved_id is not null then 1 else 0 end as m_num,
    1 as m_den
from interactions as i
left join known as k on i.interaction_id = k.moved_id
where i.outcome = 'answered'
