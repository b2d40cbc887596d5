-- name: average_handle_time
-- version: 1
-- about: Mean handle time of an agent stay.
-- formula: (talk + hold + wrap-up) / contacts handled
-- numerator: talk, hold and wrap-up of agent stays
-- denominator: agent stays
-- exclusions: stays that last on or whose length is not known lower the coverage
-- clock: when the agent stay began
-- unit: ms
-- kind: mean
-- grain: legs
-- additive: yes
-- source: seed, Amazon Connect and Dynamics 365 voice; states that are no state of a contact are not in it
select
    l.*,
    l.started_at as m_at,
    l.talk_ms + coalesce(l.hold_ms, 0) + coalesce(l.wrap_up_ms, 0) as m_num,
    case when l.talk_ms is null then null else 1 end as m_den
from legs as l
where l.handler = 'agent'
