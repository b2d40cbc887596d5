-- name: bot_to_human_rate
-- version: 1
-- about: Share of sessions with a bot that went to a person.
-- formula: sessions with the bot that reached a person / sessions in which the customer wrote to the bot x 100
-- numerator: interactions with the bot that an agent answered
-- denominator: interactions with the bot in which the customer wrote
-- exclusions: sessions in which the customer wrote nothing
-- clock: when the interaction began
-- unit: percent
-- kind: rate
-- grain: interactions
-- additive: yes
-- source: WeCom, per natural day
select
    i.*,
    i.started_at as m_at,
    case when i.outcome = 'answered' then 1 else 0 end as m_num,
    1 as m_den
from interactions as i
where (i.entry = 'bot' or i.bot_turns > 0) and i.customer_turns > 0
