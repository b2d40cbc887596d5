-- name: improvement_opportunities
-- about: What could be better, each with the size of the prize in minutes of agents a week and the interactions behind
--   it. repeats: the same customer came again with the same reason, beyond the share that the best quarter of reasons
--   has. transfers: more of a reason is handed on than in the best quarter; the prize is the time of the stays that
--   followed, as an average. to_self_service: menu and bot already solve this reason for some; the prize is the same
--   share (its lower end at 90 %) of those who did not try. to_messages: a reason that takes less of an agent in chat
--   or message than in a call, where both resolve alike; the prize is half of the calls at the difference. The prize is what history
--   lets one expect, not a promise: publish a change as an intervention and measure its effect.
-- needs: operations_profile
-- params:
--   from timestamptz
--   to timestamptz
--   limit bigint = 30
-- columns:
--   kind text
--   reason text
--   interactions bigint, that the opportunity is about
--   prize_minutes_per_week double precision
--   current double precision, percent; for to_messages minutes
--   reachable double precision, the figure that others reach
--   examples text[], up to ten interactions
-- tables: interaction_reasons
with contacts as (
    select
        reason, interaction_id, channel, outcome, resolved, tried_self_service, is_repeat, started_at,
        transfers > 0 as handed_on,
        coalesce(handle_ms, 0) / 60000.0 as minutes,
        case when outcome = 'answered' then 1 else 0 end as handled
    from interaction_reasons
    where started_at >= $from and started_at < $to and reason is not null
),
reasons as (
    select
        reason,
        count(*) as n,
        sum(handled) as handled,
        sum(minutes) / nullif(sum(handled), 0) as minutes_each,
        avg(case when is_repeat then 1.0 else 0.0 end) as repeat_share,
        avg(case when handed_on then 1.0 else 0.0 end) filter (where handled = 1) as handed_share,
        avg(minutes) filter (where handled = 1 and handed_on) - avg(minutes) filter (where handled = 1 and not handed_on) as handed_minutes,
        cast(count(*) filter (where tried_self_service) as double) as tried,
        cast(count(*) filter (where tried_self_service and outcome = 'self_served') as double) as served,
        count(*) filter (where not tried_self_service and handled = 1) as untried,
        count(*) filter (where handled = 1 and channel in ('call', 'video')) as calls,
        avg(minutes) filter (where handled = 1 and channel in ('call', 'video')) as call_minutes,
        avg(case when resolved then 1.0 else 0.0 end) filter (where handled = 1 and channel in ('call', 'video') and resolved is not null) as call_resolved,
        count(*) filter (where handled = 1 and channel in ('chat', 'wechat', 'app', 'email')) as messages,
        -- Agents serve several of these at a time.
        avg(minutes) filter (where handled = 1 and channel in ('chat', 'wechat', 'app', 'email')) / 2.0 as message_minutes,
        avg(case when resolved then 1.0 else 0.0 end) filter (where handled = 1 and channel in ('chat', 'wechat', 'app', 'email') and resolved is not null) as message_resolved
    from contacts
    group by reason
),
best as (
    select
        *,
        first_value(repeat_share) over (order by abs(by_repeat - 0.25), reason) as best_repeat,
        first_value(handed_share) over (order by abs(by_handed - 0.25), reason) as best_handed
    from (
        select
            *,
            percent_rank() over (order by repeat_share) as by_repeat,
            percent_rank() over (order by handed_share) as by_handed
        from reasons
        where n >= 20
    ) as ranked
),
found as (
    select
        'repeats' as kind, reason, cast(n * repeat_share as bigint) as interactions,
        n * (repeat_share - best_repeat) * minutes_each as minutes,
        100 * repeat_share as current, 100 * best_repeat as reachable
    from best
    where repeat_share > best_repeat
    union all
    select
        'transfers', reason, cast(handled * handed_share as bigint),
        handled * (handed_share - best_handed) * handed_minutes,
        100 * handed_share, 100 * best_handed
    from best
    where handed_share > best_handed and handed_minutes > 0
    union all
    select
        'to_self_service', reason, untried,
        untried * minutes_each * greatest(
            (served / tried + 2.706 / (2 * tried) - 1.645 * sqrt(served / tried * (1 - served / tried) / tried + 2.706 / (4 * tried * tried)))
                / (1 + 2.706 / tried), 0.0
        ),
        0.0, 100 * served / tried
    from best
    where tried >= 10 and served > 0 and untried > 0
    union all
    select
        'to_messages', reason, calls, 0.5 * calls * (call_minutes - message_minutes), call_minutes, message_minutes
    from best
    where calls >= 20 and messages >= 20 and call_minutes > message_minutes
        and coalesce(message_resolved >= call_resolved - 0.03, true)
),
sized as (
    select *, minutes * 604800000000.0 / (cast($to as bigint) - cast($from as bigint)) as prize_minutes_per_week
    from found
    where minutes > 0
),
numbered as (
    select
        *,
        row_number() over (partition by reason order by started_at desc, interaction_id) as place_any,
        row_number() over (partition by reason, is_repeat order by started_at desc, interaction_id) as place_repeat,
        row_number() over (partition by reason, handed_on order by started_at desc, interaction_id) as place_handed,
        row_number() over (partition by reason, not tried_self_service and handled = 1 order by started_at desc, interaction_id) as place_untried,
        row_number() over (partition by reason, channel in ('call', 'video') and handled = 1 order by started_at desc, interaction_id) as place_call
    from contacts
),
shown as (
    select
        reason as shown_reason,
        array_agg(interaction_id order by place_repeat) filter (where is_repeat and place_repeat <= 10) as repeats,
        array_agg(interaction_id order by place_handed) filter (where handed_on and place_handed <= 10) as handed,
        array_agg(interaction_id order by place_untried) filter (where not tried_self_service and handled = 1 and place_untried <= 10) as untried,
        array_agg(interaction_id order by place_call) filter (where channel in ('call', 'video') and handled = 1 and place_call <= 10) as calls
    from numbered
    group by reason
)
select
    s.kind, s.reason, s.interactions, s.prize_minutes_per_week, s.current, s.reachable,
    case s.kind
        when 'repeats' then e.repeats
        when 'transfers' then e.handed
        when 'to_self_service' then e.untried
        else e.calls
    end as examples
from sized as s
join shown as e on s.reason = e.shown_reason
order by s.prize_minutes_per_week desc, s.kind, s.reason
limit $limit
