-- name: gap_requests
-- about: Requests with what became of their interaction, oldest first.
-- params:
--   from date
--   to date
-- columns:
--   request_id text
--   interaction_id text
--   turn_id text, the first
--   at_us bigint
--   text text, redacted
--   topic_id text
--   customer_id text
--   channel text
--   had_bot boolean
--   reached_person boolean
--   has_failed boolean
--   handle_minutes double precision, of people, shared by the requests of the interaction
--   was_transferred boolean
--   is_negative boolean
--   resolved boolean
--   attributes text, JSON
-- tables: requests, interactions
select
    r.request_id,
    r.interaction_id,
    r.turn_ids[1] as turn_id,
    cast(r.at as bigint) as at_us,
    r.text,
    coalesce(r.restated_topic_id, r.topic_id) as topic_id,
    coalesce(r.customer_id, i.customer_id) as customer_id,
    coalesce(r.channel, i.channel) as channel,
    coalesce(i.bot_turns > 0, false) as had_bot,
    coalesce(i.agent_turns > 0 or i.agent_id is not null, false) as reached_person,
    coalesce(i.outcome = 'failed' or i.end_reason = 'failed', false) as has_failed,
    i.handle_ms / 60000.0 / count(*) over (partition by r.interaction_id) as handle_minutes,
    coalesce(i.transfers > 0, false) as was_transferred,
    coalesce(i.dissatisfaction >= 0.5 or i.sentiment_score <= -0.25, false) as is_negative,
    i.resolved,
    i.attributes
from requests as r
left join interactions as i on r.interaction_id = i.interaction_id
where r.dt >= $1 and r.dt < $2
order by r.at, r.request_id
