-- name: topics
-- about: What customers ask for: one row a topic, as its newest run and people say.
-- columns:
--   topic_id text
--   name text, what people call it, else its label
--   label text, what the run calls it
--   keywords text[], most telling first
--   exemplars text[], redacted requests at its middle
--   size bigint, requests that the run gave to it
--   status text, active, merged (a part of another by people), retired (not in the newest run) or candidate (may be new)
--   pinned boolean, whether it keeps its id whatever a run finds
--   merged_into text, the topic that it is a part of
--   first_run integer
--   run integer, the newest one that has it
--   at timestamptz, when that run was
--   dt date, UTC day of that run
-- tables: raw.topics
with ranked as (
    select
        *,
        row_number() over (partition by topic_id order by run desc) as place,
        min(run) over (partition by topic_id) as first_run,
        max(run) over () as last_run
    from raw.topics
)
select
    topic_id, name, label, keywords, exemplars, size,
    case when run < last_run then 'retired' else status end as status,
    pinned, merged_into, first_run, run, at, dt
from ranked
where place = 1 and (status <> 'candidate' or run = last_run)
