-- name: self_service_rate
-- version: 1
-- about: Share of interactions that used a self-service.
-- formula: interactions with an IVR, a bot or an article / interactions x 100
-- numerator: interactions that entered an IVR or bot, heard a bot, or in which the customer was shown an article
-- denominator: interactions
-- exclusions: outbound interactions
-- clock: when the interaction began
-- unit: percent
-- kind: rate
-- grain: interactions
-- additive: yes
-- source: contacts that used any self-service / all contacts
with helped as (
    select distinct interaction_id as helped_id
    from knowledge_events
    where actor = 'customer' and interaction_id is not null
)
select
    i.*,
    i.started_at as m_at,
    case
        when coalesce(i.entry, '') in ('ivr', 'bot') or i.ivr_ms is not null or i.bot_turns > 0
            or i.outcome in ('left_ivr', 'left_bot', 'self_served') or h.helped_id is not null then 1
        else 0
    end as m_num,
    1 as m_den
from interactions as i
left join helped as h on i.interaction_id = h.helped_id
where coalesce(i.direction, 'inbound') <> 'outbound'
