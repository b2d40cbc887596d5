-- name: silence_share
-- version: 1
-- about: Share of the length of answered calls in which nobody spoke.
-- formula: silences longer than silence_s / length from first to last word x 100
-- numerator: silences between turns of more than silence_s
-- denominator: length from first to last word
-- exclusions: interactions without turns with start and end lower the coverage
-- clock: when the interaction began
-- unit: percent
-- kind: share
-- grain: interactions
-- additive: yes
-- source: ours
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
    s.silence_ms as m_num,
    s.length_ms as m_den
from interactions as i
left join spoken as s on i.interaction_id = s.spoken_in
where i.channel in ('call', 'video') and i.outcome = 'answered'
