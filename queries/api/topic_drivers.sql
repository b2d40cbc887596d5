-- name: topic_drivers
-- about: Interactions with a request, what they were about, and whether an outcome happened in them; the newest first.
-- needs: topics
-- params:
--   from timestamptz = null
--   to timestamptz = null
--   restated boolean = true
--   outcome text
--   field text = null
--   values text = null
--   channel text = null
-- columns:
--   interaction_id text
--   topics text[]
--   text text, redacted
--   outcome boolean
-- tables: requests, interactions, customer_updates
with asked as (
    select
        interaction_id,
        array_agg(distinct case when $3 then restated_topic_id else topic_id end) as topics,
        string_agg(text, chr(10)) as text,
        bool_or(regexp_like(text, '投诉|举报|消协|曝光你们|complain|ombudsman|formal grievance', 'i')) as complained
    from requests
    where ($1 is null or at >= $1) and ($2 is null or at < $2) and ($7 is null or channel = $7)
    group by interaction_id
),
lost as (
    select customer_id, max(coalesce(status_at, at)) as lost_at
    from customer_updates
    where status in ('leaving', 'left')
    group by customer_id
),
seen as (
    select
        *,
        lead(started_at) over (partition by customer_id order by started_at, interaction_id) as next_at
    from interactions
)
select
    a.interaction_id,
    a.topics,
    a.text,
    coalesce(
        case $4
            when 'abandoned' then i.outcome = 'abandoned'
            when 'dissatisfied' then coalesce(i.dissatisfaction >= 0.5, false) or coalesce(i.csat <= 2, false)
            when 'complained' then a.complained or regexp_like(coalesce(i.disposition, ''), '投诉|complain', 'i')
            when 'refused' then regexp_like(coalesce(i.disposition, ''), '拒绝|不需要|refus|declin|not.interested', 'i')
            when 'churned' then l.lost_at is not null and l.lost_at >= i.started_at
            when 'transferred' then i.transfers > 0
            when 'unresolved' then not i.resolved
            when 'repeated' then i.customer_id is not null and i.next_at is not null
                and cast(i.next_at as bigint) - cast(i.started_at as bigint) <= 7 * 86400000000
            when 'field' then array_has(
                string_to_array($6, chr(10)),
                case $5
                    when 'outcome' then i.outcome
                    when 'disposition' then i.disposition
                    when 'end_reason' then i.end_reason
                    when 'ended_by' then i.ended_by
                    when 'queue' then i.queue
                    when 'channel' then i.channel
                    when 'agent_id' then i.agent_id
                    when 'direction' then i.direction
                    when 'language' then i.language
                    else attribute_of(i.attributes, $5)
                end
            )
        end,
        false
    ) as outcome
from asked as a
join seen as i on a.interaction_id = i.interaction_id
left join lost as l on i.customer_id = l.customer_id
order by i.started_at desc, a.interaction_id
