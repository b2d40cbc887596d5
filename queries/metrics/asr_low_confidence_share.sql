-- name: asr_low_confidence_share
-- version: 1
-- about: Share of turns that were recognised badly.
-- formula: turns with a confidence below the threshold / turns x 100
-- numerator: turns with a confidence below the threshold
-- denominator: speech turns with a confidence
-- exclusions: speech turns without a confidence lower the coverage
-- clock: when it was said
-- unit: percent
-- kind: rate
-- grain: turns
-- additive: yes
-- source: ours
-- params:
--   below double precision = 0.8 from 0 to 1, the threshold
-- dimensions:
--   interaction_id text
--   speaker text
--   channel text
--   speaker_id text
--   language text
--   asr_engine text
select
    t.interaction_id, t.speaker, t.channel, t.speaker_id, t.language, t.asr_engine,
    t.at as m_at,
    case when t.asr_confidence < $below then 1 else 0 end as m_num,
    case when t.asr_confidence is null then null else 1 end as m_den
from turns as t
where not coalesce(t.recalled, false) and (t.asr_confidence is not null or t.content_type = 'speech')
