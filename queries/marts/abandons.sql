-- name: abandons
-- about: Why customers gave up: one row an abandon, in a queue, in the menu or with the bot, with its most likely
--   cause and what speaks for it. In a queue: after_hours (the queue took nobody: no answer within half an hour
--   before or none within half an hour after, when the system ended the stay; neither of both when the customer
--   did, within two hours), technical (the system ended the stay while the queue was answering, or the interaction
--   failed), for leaving within 2 s wrong_menu (somebody had sent the customer from another queue) or repeat (the
--   customer was here within the last 24 hours), else own_patience: the wait was longer than this customer was ready
--   to wait.
--   In the menu: ivr_loop (a menu was heard three times), ivr_depth (no loop). With the bot: failed_bot. Whether a
--   customer had been with the bot, in another queue or here before is told for each, whatever the cause.
-- columns:
--   interaction_id text
--   channel text
--   queue text, null in the menu and with the bot
--   enqueued_at timestamptz, null in the menu and with the bot
--   wait_ms bigint
--   cause text
--   ivr_steps bigint
--   ivr_most_visits bigint, to one menu
--   queues_before bigint
--   bot_before boolean
--   hours_since_last_contact double precision, null when there was none or the customer is not known
--   usual_patience_ms bigint, median wait of abandons in the queue
--   stage text, queue, ivr or bot
--   at timestamptz, when the customer came to the queue, else when the interaction began
--   sent_on boolean, an agent or another queue had sent the customer to this queue
-- tables: legs, interactions, interaction_events
with stays as (
    select
        interaction_id, leg, channel, queue, handler, enqueued_at, wait_ms, outcome,
        count(case when handler = 'queue' then 1 end) over before_it as queues_before,
        count(case when handler = 'bot' then 1 end) over before_it as bots_before,
        count(case when handler = 'agent' then 1 end) over before_it as agents_before
    from legs
    window before_it as (partition by interaction_id order by leg rows between unbounded preceding and 1 preceding)
),
answers as (
    select
        *,
        cast(enqueued_at as bigint) + coalesce(wait_ms, 0) * 1000 as at_us,
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
    select interaction_id, node, count(*) as visits, count(*) filter (where action = 'menu') as menus
    from interaction_events
    where type = 'interaction.ivr_step.v1'
    group by interaction_id, node
),
steps as (
    select interaction_id as stepped_id, sum(visits) as ivr_steps, max(menus) as ivr_most_visits
    from visits
    group by interaction_id
),
contacts as (
    select
        interaction_id as contact_id, channel, direction, started_at, end_reason, outcome,
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
),
given_up as (
    select
        a.interaction_id, a.channel, a.queue, a.enqueued_at, a.wait_ms, a.outcome, 'queue' as stage,
        a.enqueued_at as at, a.queues_before, a.bots_before > 0 as bot_before,
        a.agents_before > 0 or a.queues_before > 0 as sent_on,
        a.at_us - a.answered_before_us as since_answer_us,
        a.answered_after_us - a.at_us as until_answer_us,
        c.end_reason, c.hours_since_last_contact
    from answers as a
    left join contacts as c on a.interaction_id = c.contact_id
    where a.outcome in ('abandoned', 'system') and coalesce(c.direction, 'inbound') <> 'outbound'
    union all
    select
        c.contact_id, c.channel, null, null, null, c.outcome,
        case c.outcome when 'left_ivr' then 'ivr' else 'bot' end,
        c.started_at, 0, c.outcome = 'left_bot', false, null, null,
        c.end_reason, c.hours_since_last_contact
    from contacts as c
    where c.outcome in ('left_ivr', 'left_bot') and coalesce(c.direction, 'inbound') <> 'outbound'
)
select
    g.interaction_id,
    g.channel,
    g.queue,
    g.enqueued_at,
    g.wait_ms,
    case
        when g.outcome = 'system' and not coalesce(
            g.since_answer_us <= 1800000000 and g.until_answer_us <= 1800000000, false
        ) then 'after_hours'
        when g.outcome = 'system' or g.end_reason = 'failed' then 'technical'
        when g.stage = 'bot' then 'failed_bot'
        when g.stage = 'ivr' and s.ivr_most_visits >= 3 then 'ivr_loop'
        when g.stage = 'ivr' then 'ivr_depth'
        when coalesce(least(g.since_answer_us, g.until_answer_us) > 7200000000, true) then 'after_hours'
        when g.wait_ms <= 2000 and g.sent_on then 'wrong_menu'
        when g.wait_ms <= 2000 and g.hours_since_last_contact <= 24 then 'repeat'
        else 'own_patience'
    end as cause,
    coalesce(cast(s.ivr_steps as bigint), 0) as ivr_steps,
    coalesce(cast(s.ivr_most_visits as bigint), 0) as ivr_most_visits,
    cast(g.queues_before as bigint) as queues_before,
    g.bot_before,
    g.hours_since_last_contact,
    m.usual_patience_ms,
    g.stage,
    g.at,
    g.sent_on
from given_up as g
left join steps as s on g.interaction_id = s.stepped_id
left join medians as m on g.queue = m.median_queue
