-- name: turns_to_judge
-- about: Every turn of the interactions that have turns on some days, interaction by interaction and in the order of
--   time, for judging history by quality rules. `ended_at` of the interaction stands in `closed_at`.
-- params:
--   from date
--   to date
-- columns:
--   columns of turns, and channel and end of the interaction
-- tables: turns, interaction_events
with wanted as (
    select distinct interaction_id from turns where dt between cast($1 as date) and cast($2 as date)
),
ends as (
    select interaction_id, max(coalesce(ended_at, at)) as closed_at
    from interaction_events
    where type in ('interaction.ended.v1', 'interaction.transcript.v1')
    group by interaction_id
)
select
    t.interaction_id, t.turn_id, t.speaker, t.speaker_id, t.channel, t.at, t.started_at, t.ended_at, t.content_type,
    t.text, t.sentiment_label, e.closed_at
from turns as t
inner join wanted as w on w.interaction_id = t.interaction_id
left join ends as e on e.interaction_id = t.interaction_id
where t.text is not null and not t.recalled
order by t.interaction_id, t.at, t.seq
