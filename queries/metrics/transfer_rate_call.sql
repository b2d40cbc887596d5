-- name: transfer_rate_call
-- version: 1
-- about: Transfers per 100 answered interactions.
-- formula: transfers between people / answered interactions x 100
-- numerator: transfers between people
-- denominator: answered interactions
-- exclusions: transfers of other kinds
-- clock: when the interaction began
-- unit: percent
-- kind: share
-- grain: interactions
-- additive: yes
-- source: Genesys gamification: transferred / calls; kinds kept apart
with moved as (
    select interaction_id as moved_id, count(*) as transferred
    from interaction_events
    where type = 'interaction.transferred.v1' and coalesce(transfer_kind, 'blind') in ('blind', 'consult', 'queue', 'external')
    group by interaction_id
)
select
    i.*,
    i.started_at as m_at,
    coalesce(k.transferred, 0) as m_num,
    1 as m_den
from interactions as i
left join moved as k on i.interaction_id = k.moved_id
where i.outcome = 'answered'
