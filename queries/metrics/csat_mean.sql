-- name: csat_mean
-- version: 1
-- about: Mean satisfaction, 1 to 5.
-- formula: sum of scores / answers
-- numerator: scores
-- denominator: answers with a score
-- exclusions: surveys that were not answered; of several answers the last counts
-- clock: when the survey was answered
-- unit: score
-- kind: mean
-- grain: surveys
-- additive: yes
-- source: seed: 5 points, target 4.5
-- target: 4.5
-- dimensions:
--   survey_id text
--   interaction_id text
--   channel text
--   about text
with last_answers as (
    select
        *,
        row_number() over (partition by survey_id order by at desc, revision desc, ingested_at desc, "offset" desc) as place
    from surveys
    where status = 'answered' and csat is not null
)
select
    s.survey_id, s.interaction_id, s.channel, s.about,
    s.at as m_at,
    s.csat as m_num,
    1 as m_den
from last_answers as s
where s.place = 1
