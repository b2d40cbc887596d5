-- name: talk_speed_words
-- version: 1
-- about: Words per minute of speaking, turns that are not Chinese.
-- formula: words / minutes of speaking
-- numerator: words, times 60,000
-- denominator: milliseconds of speaking
-- exclusions: turns without start and end, of the other languages, of other speakers
-- clock: when it was said
-- unit: words_per_minute
-- kind: mean
-- grain: turns
-- additive: yes
-- source: ours: characters for Chinese, words for other languages
-- params:
--   speaker text = agent in agent|customer|bot, whose speech
-- dimensions:
--   interaction_id text
--   channel text
--   speaker_id text
--   language text
select
    t.interaction_id, t.channel, t.speaker_id, t.language,
    t.at as m_at,
    60000 * char_length(regexp_replace(regexp_replace(t.text, '\S+', 'x', 'g'), '\s+', '', 'g')) as m_num,
    (cast(t.ended_at as bigint) - cast(t.started_at as bigint)) / 1000 as m_den
from turns as t
where t.speaker = $speaker and t.text is not null and t.ended_at > t.started_at
    and not coalesce(t.language like 'zh%', regexp_like(t.text, '\p{Han}'))
