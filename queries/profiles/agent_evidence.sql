-- name: agent_evidence
-- about: The interactions that show an agent's strengths and coaching points: much longer or shorter than is usual
--   in their channel and queue, badly or well rated.
-- needs: agents
-- params:
--   from timestamptz
--   to timestamptz
--   agent_id text
-- columns:
--   point text, long, short, praised or criticised
--   interaction_id text
--   queue text
--   handle_ms bigint
--   usual_handle_ms double precision
--   csat integer
-- tables: legs, interactions
with stays as (
    select
        l.agent_id, l.interaction_id, l.channel, l.queue,
        l.talk_ms + coalesce(l.hold_ms, 0) + coalesce(l.wrap_up_ms, 0) as handle_ms
    from legs as l
    where l.handler = 'agent' and l.talk_ms is not null and l.started_at >= $1 and l.started_at < $2
),
usual as (
    select s.*, avg(handle_ms) over (partition by channel, queue) as usual_handle_ms
    from stays as s
),
pointed as (
    select
        u.interaction_id, u.queue, u.handle_ms, u.usual_handle_ms, i.csat,
        case
            when i.csat <= 2 then 'criticised'
            when i.csat >= 5 then 'praised'
            when u.handle_ms > 1.5 * u.usual_handle_ms then 'long'
            when u.handle_ms < 0.67 * u.usual_handle_ms and coalesce(i.resolved, false) then 'short'
        end as point,
        abs(ln((u.handle_ms + 1.0) / (u.usual_handle_ms + 1.0))) as distance
    from usual as u
    join interactions as i on u.interaction_id = i.interaction_id
    where u.agent_id = $3
),
placed as (
    select
        *,
        row_number() over (
            partition by point order by distance desc, interaction_id
        ) as place
    from pointed
    where point is not null
)
select point, interaction_id, queue, handle_ms, usual_handle_ms, csat
from placed
where place <= 5
order by point, place
