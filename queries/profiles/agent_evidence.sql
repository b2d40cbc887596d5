-- name: agent_evidence
-- about: The interactions that show an agent's strengths and coaching points: much longer or shorter than is usual
--   for the same channel, queue and reason, badly or well rated, not resolved, handed on, or with a mood that rose or
--   fell. Up to five of each, the clearest first.
-- needs: agents
-- params:
--   from timestamptz
--   to timestamptz
--   agent_id text
-- columns:
--   point text, long, short, praised, criticised, unresolved, resolved, handed_on, cheered or upset
--   interaction_id text
--   queue text
--   reason text
--   handle_ms bigint
--   usual_handle_ms double precision
--   csat integer
--   mood_change double precision
-- tables: agent_stays
with usual as (
    select
        *,
        avg(handle_ms) over (partition by channel, queue, reason) as usual_handle_ms,
        avg(case when resolved then 1.0 when not resolved then 0.0 end) over (partition by channel, queue, reason) as usual_resolved
    from agent_stays
    where started_at >= $1 and started_at < $2
),
pointed as (
    select
        interaction_id, queue, reason, handle_ms, usual_handle_ms, csat, mood_after - mood_before as mood_change,
        unnest(make_array(
            case when handle_ms > 1.5 * usual_handle_ms then 'long' end,
            case when handle_ms < 0.67 * usual_handle_ms and coalesce(resolved, false) then 'short' end,
            case when csat >= 5 then 'praised' end,
            case when csat <= 2 then 'criticised' end,
            case when is_last and not resolved then 'unresolved' end,
            case when is_last and resolved then 'resolved' end,
            case when handed_on then 'handed_on' end,
            case when mood_after - mood_before > 0.3 then 'cheered' end,
            case when mood_after - mood_before < -0.3 then 'upset' end
        )) as point,
        unnest(make_array(
            ln((handle_ms + 1.0) / (usual_handle_ms + 1.0)),
            -ln((handle_ms + 1.0) / (usual_handle_ms + 1.0)),
            cast(csat as double), -cast(csat as double),
            usual_resolved, 1 - usual_resolved, usual_resolved,
            mood_after - mood_before, mood_before - mood_after
        )) as clearness
    from usual
    where agent_id = $3
),
placed as (
    select
        *,
        row_number() over (partition by point order by clearness desc nulls last, interaction_id) as place
    from pointed
    where point is not null
)
select point, interaction_id, queue, reason, handle_ms, usual_handle_ms, csat, mood_change
from placed
where place <= 5
order by point, place
