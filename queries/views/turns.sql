-- name: turns
-- about: Utterances and messages: one row a turn, repeats, superseded revisions and recalled texts removed.
-- columns:
--   interaction_id text
--   turn_id text
--   seq bigint, number of the turn in its interaction, by time and position
--   speaker text, customer, agent, bot or system
--   speaker_id text
--   channel text, null as long as nothing has said it
--   at timestamptz, when it was said
--   started_at timestamptz
--   ended_at timestamptz
--   content_type text
--   language text
--   text text, redacted; null when recalled
--   pii text, JSON list of the tokens in text with offsets
--   asr_confidence double precision
--   asr_engine text
--   arousal double precision
--   loudness_db double precision
--   emotion text
--   signals_confidence double precision
--   signals_engine text
--   sentiment_label text
--   sentiment_score double precision
--   dissatisfaction double precision
--   topic_id text
--   request_id text
--   recalled boolean
--   from_transcript boolean
--   event_source text
--   event_id text
--   revision integer
--   source text
--   partition integer
--   offset bigint
--   item integer
--   ingested_at timestamptz
--   sentiment_model text, name and version of the models that told sentiment and dissatisfaction
--   dt date, UTC day of the event's time
-- tables: raw.turns, raw.interaction_events
-- Only interactions with a row that the writer has marked are cleaned; all
-- others pass through, so that filters reach the files.
with suspects as (
    select distinct interaction_id from raw.turns where suspect
),
channels as (
    select e.interaction_id, max(e.channel) as channel
    from suspects as s
    right semi join raw.interaction_events as e on e.interaction_id = s.interaction_id
    where e.channel is not null
    group by e.interaction_id
),
marked as (
    select
        t.*,
        -- A higher revision of an event replaces all rows of the lower ones.
        dense_rank() over (
            partition by event_source, event_id
            order by revision desc, ingested_at desc, source desc, "partition" desc, "offset" desc
        ) as version_place
    from suspects as s
    right semi join raw.turns as t on t.interaction_id = s.interaction_id
),
ranked as (
    select
        t.*,
        bool_or(recalled) over (partition by interaction_id, turn_id) as is_recalled,
        row_number() over (
            partition by interaction_id, turn_id, recalled
            order by revision desc, ingested_at desc, source desc, "partition" desc, "offset" desc, item desc
        ) as turn_place
    from marked as t
    where version_place = 1
),
current_turns as (
    select
        t.interaction_id,
        t.turn_id,
        t.speaker,
        t.speaker_id,
        t.channel,
        t.at,
        t.started_at,
        t.ended_at,
        t.content_type,
        t.language,
        t.text,
        t.pii,
        t.asr_confidence,
        t.asr_engine,
        t.arousal,
        t.loudness_db,
        t.emotion,
        t.signals_confidence,
        t.signals_engine,
        t.sentiment_label,
        t.sentiment_score,
        t.dissatisfaction,
        t.topic_id,
        t.request_id,
        t.recalled,
        t.from_transcript,
        t.event_source,
        t.event_id,
        t.revision,
        t.source,
        t."partition",
        t."offset",
        t.item,
        t.ingested_at,
        t.sentiment_model,
        t.dt
    from suspects as s
    right anti join raw.turns as t on t.interaction_id = s.interaction_id
    union all
    select
        t.interaction_id,
        t.turn_id,
        t.speaker,
        t.speaker_id,
        coalesce(c.channel, t.channel) as channel,
        t.at,
        t.started_at,
        t.ended_at,
        t.content_type,
        t.language,
        case when t.is_recalled then null else t.text end as text,
        case when t.is_recalled then null else t.pii end as pii,
        t.asr_confidence,
        t.asr_engine,
        t.arousal,
        t.loudness_db,
        t.emotion,
        t.signals_confidence,
        t.signals_engine,
        t.sentiment_label,
        t.sentiment_score,
        t.dissatisfaction,
        t.topic_id,
        t.request_id,
        t.is_recalled as recalled,
        t.from_transcript,
        t.event_source,
        t.event_id,
        t.revision,
        t.source,
        t."partition",
        t."offset",
        t.item,
        t.ingested_at,
        t.sentiment_model,
        t.dt
    from ranked as t
    left join channels as c on t.interaction_id = c.interaction_id
    where t.turn_place = 1 and not t.recalled
)
select
    t.interaction_id,
    t.turn_id,
    row_number() over (
        partition by t.interaction_id
        order by t.at, t.source, t."partition", t."offset", t.item
    ) as seq,
    t.speaker,
    t.speaker_id,
    t.channel,
    t.at,
    t.started_at,
    t.ended_at,
    t.content_type,
    t.language,
    t.text,
    t.pii,
    t.asr_confidence,
    t.asr_engine,
    t.arousal,
    t.loudness_db,
    t.emotion,
    t.signals_confidence,
    t.signals_engine,
    t.sentiment_label,
    t.sentiment_score,
    t.dissatisfaction,
    t.topic_id,
    t.request_id,
    t.recalled,
    t.from_transcript,
    t.event_source,
    t.event_id,
    t.revision,
    t.source,
    t."partition",
    t."offset",
    t.item,
    t.ingested_at,
    t.sentiment_model,
    t.dt
from current_turns as t
