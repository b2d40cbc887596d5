-- name: sentiment_negative_share
-- version: 1
-- about: Share of customer turns that are negative.
-- formula: negative customer turns / scored customer turns x 100
-- numerator: negative customer turns
-- denominator: scored customer turns
-- exclusions: turns not scored yet lower the coverage
-- clock: when it was said
-- unit: percent
-- kind: rate
-- grain: turns
-- additive: yes
-- source: ours
-- dimensions:
--   interaction_id text
--   speaker text
--   channel text
--   speaker_id text
--   language text
select
    t.interaction_id, t.speaker, t.channel, t.speaker_id, t.language,
    t.at as m_at,
    case when t.sentiment_label = 'negative' then 1 else 0 end as m_num,
    case when t.sentiment_label is null then null else 1 end as m_den
from turns as t
where t.speaker = 'customer' and not coalesce(t.recalled, false) and t.text is not null
