-- name: interactions
-- about: One row for each interaction, from its first event of any type.
-- columns:
--   interaction_id text
--   channel text, null as long as nothing has said it
--   direction text
--   customer_id text
--   entry text
--   started_at timestamptz, time of its first event
--   ended_at timestamptz, null while it is open
--   is_open boolean
--   queue text, the first
--   queues text[], in order
--   agent_id text, the first known one
--   agents text[], in order
--   offered boolean, whether it entered a queue
--   outcome text, answered, abandoned, left_ivr, left_bot, self_served, callback, flow_out, failed or open
--   end_reason text
--   ended_by text
--   disposition text
--   resolved boolean
--   ivr_ms bigint
--   wait_ms bigint, sum of its queue stays; null when it never queued
--   ring_ms bigint
--   talk_ms bigint
--   hold_ms bigint
--   wrap_up_ms bigint
--   handle_ms bigint, talk, hold and wrap-up of all agent legs
--   transfers bigint
--   customer_turns bigint
--   agent_turns bigint
--   bot_turns bigint
--   csat integer
--   nps integer
--   sentiment_score double precision, mean of its customer turns, the first weighing 1, the second 2 and so on
--   sentiment_shift double precision, mean of the last quarter of customer turns less that of the first; null for one turn
--   dissatisfaction double precision, of the last customer turn
--   time_source text, made when a mapping counted its times up
--   attributes text, JSON
--   previous_id text, the interaction that this one goes on from
--   language text
--   dt date, UTC day of its first event
-- tables: interaction_events, turns, legs, interaction_surveys
with said as (
    select
        interaction_id, speaker, channel, at, ended_at, seq,
        case when speaker = 'customer' then sentiment_score end as sentiment_score,
        dissatisfaction
    from turns
),
-- The customer's turns with a mood, numbered.
placed as (
    select
        *,
        row_number() over (partition by interaction_id, sentiment_score is null order by seq) as place,
        count(sentiment_score) over (partition by interaction_id) as places
    from said
),
spoken as (
    select
        interaction_id,
        min(at) as first_at,
        max(coalesce(ended_at, at)) as last_at,
        count(*) filter (where speaker = 'customer') as customer_turns,
        count(*) filter (where speaker = 'agent') as agent_turns,
        count(*) filter (where speaker = 'bot') as bot_turns,
        max(channel) as channel,
        -- Rounded, so that the order in which rows are added up does not show.
        round(
            sum(place * sentiment_score)
            / nullif(sum(case when sentiment_score is not null then place end), 0), 6
        ) as sentiment_score,
        case when max(places) > 1 then round(
            avg(sentiment_score) filter (where place > places - (places + 3) / 4)
            - avg(sentiment_score) filter (where place <= (places + 3) / 4), 6)
        end as sentiment_shift,
        max(dissatisfaction) filter (where sentiment_score is not null and place = places) as dissatisfaction
    from placed
    group by interaction_id
),
-- What was said last holds; a start and a transcript say the same things.
happened as (
    select
        interaction_id,
        min(at) as first_at,
        last_value(channel order by revision, ingested_at, "offset") filter (where channel is not null) as channel,
        last_value(direction order by revision, ingested_at, "offset") filter (where direction is not null) as direction,
        last_value(customer_id order by revision, ingested_at, "offset") filter (where customer_id is not null) as customer_id,
        last_value(entry order by revision, ingested_at, "offset") filter (where entry is not null) as entry,
        last_value(language order by revision, ingested_at, "offset") filter (where language is not null) as language,
        last_value(attributes order by revision, ingested_at, "offset") filter (where attributes is not null) as attributes,
        last_value(previous_id order by revision, ingested_at, "offset") filter (where previous_id is not null) as previous_id,
        last_value(time_source order by revision, ingested_at, "offset") filter (where time_source is not null) as time_source,
        last_value(end_reason order by at, revision, ingested_at, "offset") filter (where end_reason is not null) as end_reason,
        last_value(ended_by order by at, revision, ingested_at, "offset") filter (where ended_by is not null) as ended_by,
        last_value(disposition order by at, revision, ingested_at, "offset") filter (where disposition is not null) as disposition,
        last_value(resolved order by at, revision, ingested_at, "offset") filter (where resolved is not null) as resolved,
        max(case when type = 'interaction.ended.v1' then at else ended_at end) as ended_at,
        bool_or(type = 'interaction.transcript.v1') as has_transcript,
        bool_or(type = 'interaction.ivr_step.v1' and action = 'self_service_completed') as self_served,
        count(*) filter (where type = 'interaction.transferred.v1') as transfers
    from interaction_events
    group by interaction_id
),
stayed as (
    select
        interaction_id,
        bool_or(handler = 'queue') as offered,
        bool_or(handler = 'agent') as answered,
        bool_or(handler = 'ivr') as in_ivr,
        bool_or(handler = 'bot') as in_bot,
        count(*) filter (where handler = 'agent') as agent_legs,
        max(ended_at) as last_at,
        first_value(queue order by leg) filter (where handler = 'queue') as queue,
        array_agg(queue order by leg) filter (where handler = 'queue' and queue is not null) as queues,
        first_value(agent_id order by leg) filter (where agent_id is not null) as agent_id,
        array_agg(agent_id order by leg) filter (where agent_id is not null) as agents,
        last_value(coalesce(outcome, 'waiting') order by leg) filter (where handler = 'queue') as queue_outcome,
        sum(case when handler = 'ivr' then (cast(ended_at as bigint) - cast(started_at as bigint)) / 1000 end) as ivr_ms,
        sum(wait_ms) as wait_ms,
        sum(ring_ms) as ring_ms,
        sum(talk_ms) as talk_ms,
        sum(hold_ms) as hold_ms,
        sum(wrap_up_ms) as wrap_up_ms
    from legs
    group by interaction_id
),
joined as (
    select
        coalesce(h.interaction_id, t.interaction_id) as interaction_id,
        coalesce(h.channel, t.channel) as channel,
        h.direction, h.customer_id, h.entry, h.language, h.attributes, h.previous_id,
        coalesce(h.time_source, 'source') as time_source,
        h.end_reason, h.ended_by, h.disposition, h.resolved,
        coalesce(h.transfers, 0) as transfers,
        coalesce(h.self_served, false) as self_served,
        least(h.first_at, t.first_at) as started_at,
        case
            when h.ended_at is not null then h.ended_at
            when h.has_transcript then coalesce(greatest(l.last_at, t.last_at), l.last_at, t.last_at, h.first_at)
        end as ended_at,
        coalesce(t.customer_turns, 0) as customer_turns,
        coalesce(t.agent_turns, 0) as agent_turns,
        coalesce(t.bot_turns, 0) as bot_turns,
        t.sentiment_score,
        t.sentiment_shift,
        t.dissatisfaction,
        coalesce(l.offered, false) as offered,
        coalesce(l.answered, false) as answered,
        coalesce(l.in_ivr, false) as in_ivr,
        coalesce(l.in_bot, false) as in_bot,
        coalesce(l.agent_legs, 0) as agent_legs,
        l.queue, l.queues, l.agent_id, l.agents, l.queue_outcome,
        l.ivr_ms, l.wait_ms, l.ring_ms, l.talk_ms, l.hold_ms, l.wrap_up_ms
    from happened as h
    full join spoken as t on h.interaction_id = t.interaction_id
    left join stayed as l on coalesce(h.interaction_id, t.interaction_id) = l.interaction_id
)
select
    j.interaction_id,
    j.channel,
    j.direction,
    j.customer_id,
    j.entry,
    j.started_at,
    j.ended_at,
    j.ended_at is null as is_open,
    j.queue,
    j.queues,
    j.agent_id,
    j.agents,
    j.offered,
    case
        when j.answered then 'answered'
        when j.queue_outcome = 'waiting' and j.ended_at is null then 'open'
        when j.queue_outcome = 'system' then 'failed'
        when j.queue_outcome = 'answered' then 'answered'
        when j.queue_outcome = 'waiting' then 'abandoned'
        when j.queue_outcome is not null then j.queue_outcome
        when j.end_reason = 'failed' then 'failed'
        when j.self_served then 'self_served'
        when j.agent_turns > 0 then 'answered'
        when j.ended_at is null then 'open'
        when j.in_bot and j.resolved then 'self_served'
        when j.in_ivr then 'left_ivr'
        when j.in_bot then 'left_bot'
        when j.end_reason = 'abandoned' and j.entry in ('queue', 'agent') then 'abandoned'
        when j.entry = 'ivr' then 'left_ivr'
        when j.entry = 'bot' then 'left_bot'
    end as outcome,
    j.end_reason,
    j.ended_by,
    j.disposition,
    j.resolved,
    j.ivr_ms,
    j.wait_ms,
    j.ring_ms,
    j.talk_ms,
    j.hold_ms,
    j.wrap_up_ms,
    case when j.answered then
        coalesce(j.talk_ms, 0) + coalesce(j.hold_ms, 0) + coalesce(j.wrap_up_ms, 0)
    end as handle_ms,
    j.transfers,
    j.customer_turns,
    j.agent_turns,
    j.bot_turns,
    s.csat,
    s.nps,
    j.sentiment_score,
    j.sentiment_shift,
    j.dissatisfaction,
    j.time_source,
    j.attributes,
    j.previous_id,
    j.language,
    cast(j.started_at as date) as dt
from joined as j
left join interaction_surveys as s on j.interaction_id = s.interaction_id
