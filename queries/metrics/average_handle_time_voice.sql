-- name: average_handle_time_voice
-- version: 1
-- about: Mean handle time of an agent stay on a call or video.
-- formula: (talk + hold + wrap-up) / contacts handled
-- numerator: talk, hold and wrap-up of agent stays on call and video
-- denominator: agent stays on call and video
-- exclusions: other channels; stays that last on lower the coverage
-- clock: when the agent stay began
-- unit: ms
-- kind: mean
-- grain: legs
-- additive: yes
-- source: Dynamics 365 voice
select
    l.*,
    l.started_at as m_at,
    l.talk_ms + coalesce(l.hold_ms, 0) + coalesce(l.wrap_up_ms, 0) as m_num,
    case when l.talk_ms is null then null else 1 end as m_den
from legs as l
where l.handler = 'agent'
    and l.channel in ('call', 'video')
