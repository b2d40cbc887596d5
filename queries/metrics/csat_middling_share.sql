-- name: csat_middling_share
-- version: 1
-- about: Share of answers that are middling.
-- formula: answers of 3 / answers x 100
-- numerator: scores of 3
-- denominator: answers with a score
-- exclusions: surveys that were not answered; of several answers the last counts
-- clock: when the survey was answered
-- unit: percent
-- kind: rate
-- grain: surveys
-- additive: yes
-- source: WeCom
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
    case when s.csat = 3 then 1 else 0 end as m_num,
    1 as m_den
from last_answers as s
where s.place = 1
