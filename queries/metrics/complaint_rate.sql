-- name: complaint_rate
-- version: 1
-- about: Share of interactions with a complaint.
-- formula: interactions with a complaint topic, disposition or words / interactions x 100
-- numerator: interactions with a customer turn on a topic of topics, a disposition of complaint, or a customer
--   turn that matches words
-- denominator: interactions
-- exclusions: none; by_topic, by_disposition, by_words and by_several show the parts and their overlap
-- clock: when the interaction began
-- unit: percent
-- kind: rate
-- grain: interactions
-- additive: yes
-- source: ours
-- params:
--   words text = 投诉|举报|消协|曝光你们|complain|ombudsman|formal grievance, regular expression over customer turns
--   dispositions text = 投诉|complain, regular expression over the disposition
--   topics text = none, topic ids with commas
-- extras:
--   by_topic
--   by_disposition
--   by_words
--   by_several
with spoken as (
    select
        interaction_id as spoken_in,
        max(case when array_has(string_to_array($topics, ','), topic_id) then 1 else 0 end) as by_topic,
        max(case when regexp_like(text, $words, 'i') then 1 else 0 end) as by_words
    from turns
    where speaker = 'customer' and (text is not null or topic_id is not null)
    group by spoken_in
),
parts as (
    select
        i.*,
        coalesce(s.by_topic, 0) as by_topic,
        coalesce(s.by_words, 0) as by_words,
        case when regexp_like(coalesce(i.disposition, ''), $dispositions, 'i') then 1 else 0 end as by_disposition
    from interactions as i
    left join spoken as s on i.interaction_id = s.spoken_in
)
select
    p.*,
    p.started_at as m_at,
    case when p.by_topic + p.by_words + p.by_disposition > 0 then 1 else 0 end as m_num,
    1 as m_den,
    case when p.by_topic + p.by_words + p.by_disposition > 1 then 1 else 0 end as by_several
from parts as p
