-- name: legs
-- about: One row for each stay with one handler; every per-queue and per-agent figure comes from here.
-- columns:
--   interaction_id text
--   leg bigint, number of the stay in its interaction, from 1
--   handler text, ivr, bot, queue or agent
--   channel text, null as long as nothing has said it
--   queue text, on queue legs and on the agent leg after one
--   agent_id text, on agent legs; null when unknown
--   enqueued_at timestamptz, on queue legs
--   started_at timestamptz
--   ended_at timestamptz, null while it lasts
--   outcome text, on queue legs: answered, abandoned, flow_out, callback, system; null while waiting
--   wait_ms bigint, on queue legs; null while waiting and where times were made up
--   ring_ms bigint, on agent legs
--   talk_ms bigint, on agent legs: the stay less hold
--   hold_ms bigint, on agent legs
--   wrap_up_ms bigint, on agent legs
--   dt date, UTC day of the interaction's first event
-- tables: interaction_events, turns
-- A transcript's own legs win over legs derived from events.
with transcripts as (
    select
        interaction_id, channel, time_source, legs,
        row_number() over (
            partition by interaction_id
            order by revision desc, ingested_at desc, source desc, "partition" desc, "offset" desc
        ) as place
    from interaction_events
    where type = 'interaction.transcript.v1' and legs is not null
),
reported_legs as (
    select interaction_id, channel, time_source, unnest(legs) as leg
    from transcripts
    where place = 1
),
reported as (
    select
        interaction_id,
        leg['handler'] as handler,
        channel,
        leg['queue'] as queue,
        case when leg['handler'] = 'agent' then leg['agent_id'] end as agent_id,
        leg['started_at'] as started_at,
        leg['ended_at'] as ended_at,
        case when leg['handler'] = 'queue' then leg['outcome'] end as outcome,
        leg['ring_ms'] as ring_ms,
        coalesce(leg['hold_ms'], 0) as hold_ms,
        leg['wrap_up_ms'] as wrap_up_ms,
        coalesce(time_source, 'source') as time_source
    from reported_legs
),
events as (
    select
        e.interaction_id, e.type, e.type_rank, e.at, e.source, e."partition", e."offset",
        e.channel, e.entry, e.queue, e.outcome, e.agent_id, e.ring_ms, e.wrap_up_ms, e.end_reason,
        case
            when e.type = 'interaction.started.v1' and e.entry in ('ivr', 'bot') then e.entry
            when e.type = 'interaction.ivr_step.v1' then 'ivr'
            when e.type = 'interaction.queued.v1' then 'queue'
            when e.type = 'interaction.answered.v1' then 'agent'
            when e.type in ('interaction.transferred.v1', 'interaction.ended.v1') then 'none'
        end as state
    from (select interaction_id from transcripts where place = 1) as r
    right anti join interaction_events as e
        on r.interaction_id = e.interaction_id
    where e.type <> 'interaction.transcript.v1'
),
-- For each event what came before it and what closes it. Frames look one way
-- only: ascending for the past, descending for the future.
placed as (
    select
        *,
        max(channel) over (partition by interaction_id) as known_channel,
        last_value(state) ignore nulls over (
            partition by interaction_id
            order by at, type_rank, source, "partition", "offset"
            rows between unbounded preceding and 1 preceding
        ) as state_before,
        last_value(case when state = 'queue' then queue end) ignore nulls over (
            partition by interaction_id
            order by at, type_rank, source, "partition", "offset"
            rows between unbounded preceding and current row
        ) as last_queue,
        count(case when state = 'agent' then 1 end) over (
            partition by interaction_id
            order by at, type_rank, source, "partition", "offset"
            rows between unbounded preceding and current row
        ) as agent_leg,
        last_value(case when type in ('interaction.queued.v1', 'interaction.answered.v1', 'interaction.ended.v1') then at end) ignore nulls over (
            partition by interaction_id
            order by at desc, type_rank desc, source desc, "partition" desc, "offset" desc
            rows between unbounded preceding and 1 preceding
        ) as closing_at,
        last_value(
            case when type in ('interaction.queued.v1', 'interaction.answered.v1', 'interaction.ended.v1') then concat(type, ' ', coalesce(end_reason, '')) end
        ) ignore nulls over (
            partition by interaction_id
            order by at desc, type_rank desc, source desc, "partition" desc, "offset" desc
            rows between unbounded preceding and 1 preceding
        ) as closing,
        last_value(case when type = 'interaction.transferred.v1' then at end) ignore nulls over (
            partition by interaction_id
            order by at desc, type_rank desc, source desc, "partition" desc, "offset" desc
            rows between unbounded preceding and 1 preceding
        ) as any_transfer_at,
        last_value(case when type = 'interaction.transferred.v1' then at end) ignore nulls over (
            partition by interaction_id, agent_id
            order by at desc, type_rank desc, source desc, "partition" desc, "offset" desc
            rows between unbounded preceding and 1 preceding
        ) as own_transfer_at,
        last_value(case when type = 'interaction.dequeued.v1' then at end) ignore nulls over (
            partition by interaction_id, queue
            order by at desc, type_rank desc, source desc, "partition" desc, "offset" desc
            rows between unbounded preceding and 1 preceding
        ) as dequeued_at,
        last_value(case when type = 'interaction.dequeued.v1' then outcome end) ignore nulls over (
            partition by interaction_id, queue
            order by at desc, type_rank desc, source desc, "partition" desc, "offset" desc
            rows between unbounded preceding and 1 preceding
        ) as dequeued,
        last_value(
            case
                when type in ('interaction.resumed.v1', 'interaction.answered.v1',
                              'interaction.transferred.v1', 'interaction.ended.v1') then at
            end
        ) ignore nulls over (
            partition by interaction_id
            order by at desc, type_rank desc, source desc, "partition" desc, "offset" desc
            rows between unbounded preceding and 1 preceding
        ) as hold_end_at,
        max(case when state = 'agent' then at end) over (
            partition by interaction_id, agent_id
            order by at, type_rank, source, "partition", "offset"
            rows between unbounded preceding and current row
        ) as own_answer_at
    from events
),
-- Time on hold belongs to the stay with the agent in which it began. Work after the call belongs to the last stay
-- with that agent; what only the end of the interaction says belongs to the last stay of all. Frames over the whole
-- partition instead of joins: each event is read once.
settled as (
    select
        *,
        sum(case when type = 'interaction.held.v1' then (cast(hold_end_at as bigint) - cast(at as bigint)) / 1000 end)
            over (partition by interaction_id, agent_leg) as held_ms,
        sum(case when type = 'interaction.wrapped_up.v1' then wrap_up_ms end)
            over (partition by interaction_id, agent_id, own_answer_at) as wrapped_ms,
        bool_or(type = 'interaction.wrapped_up.v1') over (partition by interaction_id) as is_wrapped,
        max(case when type = 'interaction.ended.v1' and wrap_up_ms is not null then agent_leg end)
            over (partition by interaction_id) as end_leg,
        max(case when type = 'interaction.ended.v1' then wrap_up_ms end)
            over (partition by interaction_id) as end_wrap_up_ms
    from placed
),
derived as (
    select
        p.interaction_id,
        p.state as handler,
        p.known_channel as channel,
        case
            when p.state = 'queue' then p.queue
            when p.state = 'agent' then coalesce(p.queue, p.last_queue)
        end as queue,
        case when p.state = 'agent' then p.agent_id end as agent_id,
        p.at as started_at,
        case
            when p.state = 'queue' then least(p.dequeued_at, p.closing_at)
            when p.state = 'agent' then least(p.closing_at, p.own_transfer_at)
            else least(p.closing_at, p.any_transfer_at)
        end as ended_at,
        case
            when p.state <> 'queue' then null
            when p.dequeued_at is not null and (p.closing_at is null or p.dequeued_at <= p.closing_at)
                then p.dequeued
            when p.closing like 'interaction.answered.v1 %' then 'answered'
            when p.closing like 'interaction.queued.v1 %' then 'flow_out'
            when p.closing = 'interaction.ended.v1 failed' then 'system'
            when p.closing like 'interaction.ended.v1 %' then 'abandoned'
        end as outcome,
        p.ring_ms,
        coalesce(p.held_ms, 0) as hold_ms,
        coalesce(
            p.wrapped_ms,
            case when not p.is_wrapped and p.agent_leg = p.end_leg then p.end_wrap_up_ms end
        ) as wrap_up_ms,
        'source' as time_source
    from settled as p
    where p.state in ('queue', 'agent')
        or (p.state in ('ivr', 'bot') and p.state is distinct from p.state_before)
),
stays as (
    select * from reported
    union all
    select * from derived
),
first_events as (
    select interaction_id, min(at) as first_at
    from (
        select interaction_id, at from interaction_events
        union all
        select interaction_id, at from turns
    )
    group by interaction_id
)
select
    s.interaction_id,
    row_number() over (
        partition by s.interaction_id
        order by s.started_at,
            case s.handler when 'ivr' then 0 when 'bot' then 1 when 'queue' then 2 else 3 end,
            s.ended_at
    ) as leg,
    s.handler,
    s.channel,
    case when s.handler = 'agent' then coalesce(s.queue, last_value(s.queue) ignore nulls over (
        partition by s.interaction_id
        order by s.started_at,
            case s.handler when 'ivr' then 0 when 'bot' then 1 when 'queue' then 2 else 3 end,
            s.ended_at
        rows between unbounded preceding and current row
    )) when s.handler = 'queue' then s.queue end as queue,
    s.agent_id,
    case when s.handler = 'queue' then s.started_at end as enqueued_at,
    s.started_at,
    s.ended_at,
    s.outcome,
    case when s.handler = 'queue' and s.time_source <> 'made'
        then (cast(s.ended_at as bigint) - cast(s.started_at as bigint)) / 1000 end as wait_ms,
    case when s.handler = 'agent' then s.ring_ms end as ring_ms,
    case when s.handler = 'agent' then
        greatest((cast(s.ended_at as bigint) - cast(s.started_at as bigint)) / 1000 - s.hold_ms, 0)
    end as talk_ms,
    case when s.handler = 'agent' then s.hold_ms end as hold_ms,
    case when s.handler = 'agent' then s.wrap_up_ms end as wrap_up_ms,
    cast(f.first_at as date) as dt
from stays as s
join first_events as f on s.interaction_id = f.interaction_id
