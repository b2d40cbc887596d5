-- name: asr_confidence
-- version: 1
-- about: Mean confidence of speech recognition, 0 to 1.
-- formula: sum of confidences / turns
-- numerator: confidences
-- denominator: speech turns with a confidence
-- exclusions: speech turns without a confidence lower the coverage
-- clock: when it was said
-- unit: score
-- kind: mean
-- grain: turns
-- additive: yes
-- source: ours
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
    t.asr_confidence as m_num,
    case when t.asr_confidence is null then null else 1 end as m_den
from turns as t
where not coalesce(t.recalled, false) and (t.asr_confidence is not null or t.content_type = 'speech')
