-- name: sentiment_drift
-- about: Whether the mood of customers moved: interactions of a window against those of a reference window on the
--   same weekdays, by queue, agent, topic or channel. The score of an interaction is the position-weighted mean of
--   its customer turns. The test is Mann-Whitney's with ties and continuity corrected, its effect Cliff's delta, and
--   q is p under Benjamini-Hochberg over all groups of the answer. The change of the mean is split into what comes
--   from other topics (mix) and what comes from another mood on the same topics (rate).
-- params:
--   from timestamptz
--   to timestamptz
--   reference_from timestamptz
--   reference_to timestamptz
--   by text = queue
-- columns:
--   label text, the queue, agent, topic or channel
--   n bigint, interactions of the window
--   n_reference bigint
--   median double precision
--   median_reference double precision
--   drift double precision, median less median of the reference
--   cliffs_delta double precision, -1 to 1; negative when moods are worse
--   p double precision, two-sided
--   q double precision, false discovery rate
--   mix_effect double precision
--   rate_effect double precision
-- tables: interactions, turns
with first_topics as (
    select interaction_id as said_in, first_value(topic_id order by seq) filter (where topic_id is not null) as topic_id
    from turns
    where speaker = 'customer' and sentiment_score is not null
    group by interaction_id
),
placed as (
    select
        i.sentiment_score as score,
        coalesce(s.topic_id, '') as topic,
        case $by when 'agent' then i.agent_id when 'topic' then s.topic_id when 'channel' then i.channel else i.queue end as label,
        date_part('dow', i.started_at) as weekday,
        case when i.started_at >= $from and i.started_at < $to then 1 else 0 end as is_new
    from interactions as i
    left join first_topics as s on i.interaction_id = s.said_in
    where i.sentiment_score is not null
        and ((i.started_at >= $from and i.started_at < $to)
            or (i.started_at >= $reference_from and i.started_at < $reference_to))
),
weekdays as (select distinct weekday as seen from placed where is_new = 1),
compared as (
    select p.label, p.topic, p.score, p.is_new
    from placed as p
    left semi join weekdays as w on p.weekday = w.seen
    where p.label is not null
),
ranked as (
    select
        label, score, is_new,
        rank() over (partition by label order by score) as least_rank,
        count(*) over (partition by label, score) as ties,
        row_number() over (partition by label, is_new order by score) as place,
        count(*) over (partition by label, is_new) as side_n
    from compared
),
sums as (
    select
        label,
        cast(sum(is_new) as bigint) as n,
        cast(sum(1 - is_new) as bigint) as n_reference,
        avg(score) filter (where is_new = 1 and place in ((side_n + 1) / 2, (side_n + 2) / 2)) as median,
        avg(score) filter (where is_new = 0 and place in ((side_n + 1) / 2, (side_n + 2) / 2)) as median_reference,
        sum(case when is_new = 1 then least_rank + (ties - 1) / 2.0 else 0.0 end) as rank_sum,
        -- Each of t equal scores adds t^2 - 1, together t^3 - t.
        sum(cast(ties as double) * ties - 1) as tie_sum
    from ranked
    group by label
),
tested as (
    select
        *,
        rank_sum - n * (n + 1) / 2.0 as u,
        cast(n as double) * n_reference as pairs,
        sqrt(cast(n as double) * n_reference / 12
            * ((n + n_reference + 1) - tie_sum / (cast(n + n_reference as double) * (n + n_reference - 1)))) as sigma
    from sums
    where n > 0 and n_reference > 0
),
distances as (
    select
        *,
        greatest(abs(u - pairs / 2) - 0.5, 0.0) / nullif(sigma, 0.0) / sqrt(2.0) as x
    from tested
),
-- The complementary error function by Abramowitz and Stegun 7.1.26, to 1.5e-7.
chances as (
    select
        *,
        case when x is null then 1.0 else
            (0.254829592 * t + -0.284496736 * t * t + 1.421413741 * t * t * t + -1.453152027 * t * t * t * t
                + 1.061405429 * t * t * t * t * t) * exp(-x * x)
        end as p
    from (select *, 1.0 / (1.0 + 0.3275911 * x) as t from distances)
),
ordered as (
    select *, row_number() over (order by p, label) as p_rank, count(*) over () as groups
    from chances
),
topics as (
    select
        label, topic,
        avg(score) filter (where is_new = 1) as mean_new,
        avg(score) filter (where is_new = 0) as mean_old,
        cast(sum(is_new) as double) as n_new,
        cast(sum(1 - is_new) as double) as n_old
    from compared
    group by label, topic
),
shares as (
    select
        *,
        n_new / nullif(sum(n_new) over (partition by label), 0.0) as share_new,
        n_old / nullif(sum(n_old) over (partition by label), 0.0) as share_old
    from topics
),
effects as (
    select
        label as effect_of,
        -- A topic of one side only has no mood to compare with: its change is mix.
        sum((share_new - share_old) * coalesce(mean_old, mean_new)) as mix_effect,
        sum(share_new * (mean_new - mean_old)) as rate_effect
    from shares
    group by label
)
select
    o.label,
    o.n,
    o.n_reference,
    o.median,
    o.median_reference,
    o.median - o.median_reference as drift,
    2 * o.u / o.pairs - 1 as cliffs_delta,
    o.p,
    least(min(o.p * o.groups / o.p_rank) over (order by o.p_rank desc rows between unbounded preceding and current row), 1.0) as q,
    e.mix_effect,
    coalesce(e.rate_effect, 0.0) as rate_effect
from ordered as o
join effects as e on o.label = e.effect_of
order by o.p, o.label
