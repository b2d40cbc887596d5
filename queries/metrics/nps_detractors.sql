-- name: nps_detractors
-- version: 1
-- about: Share of detractors.
-- formula: answers of 0 to 6 / answers x 100
-- numerator: recommendations of 0 to 6
-- denominator: answers with a recommendation
-- exclusions: surveys that were not answered; of several answers the last counts
-- clock: when the survey was answered
-- unit: percent
-- kind: rate
-- grain: surveys
-- additive: yes
-- source: Genesys counts detractors
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
    where status = 'answered' and nps is not null
)
select
    s.survey_id, s.interaction_id, s.channel, s.about,
    s.at as m_at,
    case when s.nps <= 6 then 1 else 0 end as m_num,
    1 as m_den
from last_answers as s
where s.place = 1
