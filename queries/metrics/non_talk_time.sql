-- name: non_talk_time
-- version: 1
-- about: Mean time of an answered call in which nobody spoke.
-- formula: sum of silences longer than silence_s, at least the hold / answered calls
-- numerator: silences between turns of more than silence_s, or the hold where it is longer
-- denominator: answered calls and videos
-- exclusions: interactions without turns with start and end lower the coverage
-- clock: when the interaction began
-- unit: ms
-- kind: mean
-- grain: interactions
-- additive: yes
-- source: Amazon Contact Lens: hold + silences; a hold is a silence unless its music is transcribed
-- params:
--   silence_s double precision = 3 from 0 to 600, a shorter pause is no silence
with spoken as (
    select
        interaction_id as spoken_in,
        max(ends_ms) - min(starts_ms) as length_ms,
        sum(case when starts_ms - ended_before_ms > $silence_s * 1000 then starts_ms - ended_before_ms else 0 end) as silence_ms
    from timed_turns
    group by interaction_id
)
select
    i.*,
    i.started_at as m_at,
    greatest(s.silence_ms, coalesce(i.hold_ms, 0)) as m_num,
    case when s.spoken_in is null then null else 1 end as m_den
from interactions as i
left join spoken as s on i.interaction_id = s.spoken_in
where i.channel in ('call', 'video') and i.outcome = 'answered'
