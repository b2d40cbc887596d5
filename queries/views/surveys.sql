-- name: surveys
-- about: Surveys sent and answered. Repeats and superseded revisions removed.
-- columns:
--   survey_id text
--   status text
--   interaction_id text
--   channel text
--   about text
--   csat integer
--   nps integer
--   resolved boolean
--   comment text
--   event_source text
--   event_id text
--   revision integer
--   source text
--   partition integer
--   offset bigint
--   ingested_at timestamptz
--   at timestamptz
--   dt date, UTC day of the event's time
-- tables: raw.surveys
with suspects as (
    select distinct event_source, event_id from raw.surveys where suspect
),
ranked as (
    select
        e.*,
        row_number() over (
            partition by e.event_source, e.event_id
            order by revision desc, ingested_at desc, source desc, "partition" desc, "offset" desc
        ) as version_place
    from suspects as s
    right semi join raw.surveys as e on e.event_source = s.event_source and e.event_id = s.event_id
)
select
    e.survey_id,
    e.status,
    e.interaction_id,
    e.channel,
    e.about,
    e.csat,
    e.nps,
    e.resolved,
    e.comment,
    e.event_source,
    e.event_id,
    e.revision,
    e.source,
    e."partition",
    e."offset",
    e.ingested_at,
    e.at,
    e.dt
from suspects as s
right anti join raw.surveys as e on e.event_source = s.event_source and e.event_id = s.event_id
union all
select
    e.survey_id,
    e.status,
    e.interaction_id,
    e.channel,
    e.about,
    e.csat,
    e.nps,
    e.resolved,
    e.comment,
    e.event_source,
    e.event_id,
    e.revision,
    e.source,
    e."partition",
    e."offset",
    e.ingested_at,
    e.at,
    e.dt
from ranked as e
where e.version_place = 1
