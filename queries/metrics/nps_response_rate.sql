-- name: nps_response_rate
-- version: 1
-- about: Share of surveys that were answered with a recommendation.
-- formula: surveys answered with a recommendation / surveys sent x 100
-- numerator: surveys answered with a recommendation
-- denominator: surveys sent
-- exclusions: answers to surveys of which no sending is known
-- clock: when the survey was sent
-- unit: percent
-- kind: rate
-- grain: surveys
-- additive: yes
-- source: answers / sent
-- dimensions:
--   survey_id text
--   interaction_id text
--   channel text
--   about text
with answers as (
    select distinct survey_id as answered_id
    from surveys
    where status = 'answered' and nps is not null
),
sendings as (
    select *, row_number() over (partition by survey_id order by at, ingested_at, "offset") as place
    from surveys
    where status = 'sent'
)
select
    s.survey_id, s.interaction_id, s.channel, s.about,
    s.at as m_at,
    case when a.answered_id is not null then 1 else 0 end as m_num,
    1 as m_den
from sendings as s
left join answers as a on s.survey_id = a.answered_id
where s.place = 1
