-- name: abandon_causes
-- about: Why customers gave up in a queue: one row an abandon with its most likely cause and what speaks for it.
--   The first that holds counts, in this order: technical (the queue or the interaction failed), after_hours
--   (nobody of the queue was answered for half an hour before and after), failed_bot (a bot stay came before),
--   ivr_loop (an IVR node was visited three times, or more than six steps), wrong_menu (another queue came
--   before), repeat (the customer was here within the last 24 hours), own_patience (waited beyond the median
--   patience of those who gave up in the queue), short (gave up within 5 s), other.
-- params:
--   from timestamptz = null
--   to timestamptz = null
--   queue text = null
-- columns:
--   interaction_id text
--   channel text
--   queue text
--   enqueued_at timestamptz
--   wait_ms bigint
--   cause text
--   ivr_steps bigint
--   ivr_most_visits bigint, to one node
--   queues_before bigint
--   bot_before boolean
--   hours_since_last_contact double precision, null when there was none or the customer is not known
--   usual_patience_ms bigint, median wait of abandons in the queue
-- tables: legs, interactions, interaction_events
with stays as (
    select
        interaction_id, leg, channel, queue, handler, enqueued_at, wait_ms, outcome,
        count(case when handler = 'queue' then 1 end) over before_it as queues_before,
        count(case when handler = 'bot' then 1 end) over before_it as bots_before
    from legs
    window before_it as (partition by interaction_id order by leg rows between unbounded preceding and 1 preceding)
),
answers as (
    select
        *,
        cast(enqueued_at as bigint) as at_us,
        cast(last_value(case when outcome = 'answered' then enqueued_at end) ignore nulls over (
            partition by queue order by enqueued_at, interaction_id, leg rows between unbounded preceding and current row
        ) as bigint) as answered_before_us,
        cast(last_value(case when outcome = 'answered' then enqueued_at end) ignore nulls over (
            partition by queue order by enqueued_at desc, interaction_id desc, leg desc
            rows between unbounded preceding and current row
        ) as bigint) as answered_after_us
    from stays
    where handler = 'queue'
),
visits as (
    select interaction_id, node, count(*) as visits
    from interaction_events
    where type = 'interaction.ivr_step.v1'
    group by interaction_id, node
),
steps as (
    select interaction_id as stepped_id, sum(visits) as ivr_steps, max(visits) as ivr_most_visits
    from visits
    group by interaction_id
),
contacts as (
    select
        interaction_id as contact_id, end_reason,
        case when customer_id is not null then
            cast(cast(started_at as bigint) - cast(lag(started_at) over (
                partition by customer_id order by started_at, interaction_id
            ) as bigint) as double) / 3600000000.0
        end as hours_since_last_contact
    from interactions
),
ranked as (
    select
        queue, wait_ms,
        row_number() over (partition by queue order by wait_ms) as place,
        count(*) over (partition by queue) as n
    from legs
    where handler = 'queue' and outcome = 'abandoned' and wait_ms is not null
),
medians as (
    select queue as median_queue, max(wait_ms) as usual_patience_ms
    from ranked
    where place = (n + 1) / 2
    group by queue
)
select
    a.interaction_id,
    a.channel,
    a.queue,
    a.enqueued_at,
    a.wait_ms,
    case
        when a.outcome = 'system' or c.end_reason = 'failed' then 'technical'
        when coalesce(a.at_us - a.answered_before_us > 1800000000, true)
            and coalesce(a.answered_after_us - a.at_us > 1800000000, true) then 'after_hours'
        when a.bots_before > 0 then 'failed_bot'
        when s.ivr_most_visits >= 3 or s.ivr_steps > 6 then 'ivr_loop'
        when a.queues_before > 0 then 'wrong_menu'
        when c.hours_since_last_contact <= 24 then 'repeat'
        when a.wait_ms <= 5000 then 'short'
        when a.wait_ms >= m.usual_patience_ms then 'own_patience'
        else 'other'
    end as cause,
    coalesce(cast(s.ivr_steps as bigint), 0) as ivr_steps,
    coalesce(cast(s.ivr_most_visits as bigint), 0) as ivr_most_visits,
    cast(a.queues_before as bigint) as queues_before,
    a.bots_before > 0 as bot_before,
    c.hours_since_last_contact,
    m.usual_patience_ms
from answers as a
left join steps as s on a.interaction_id = s.stepped_id
left join contacts as c on a.interaction_id = c.contact_id
left join medians as m on a.queue is not distinct from m.median_queue
where a.outcome in ('abandoned', 'system')
    and ($from is null or a.enqueued_at >= $from)
    and ($to is null or a.enqueued_at < $to)
    and ($queue is null or a.queue = $queue)
order by a.enqueued_at, a.interaction_id
