-- name: query_use
-- about: What searches led to, by query and article, most searched first: a use belongs to the search before it in the
--   same interaction.
-- needs: knowledge
-- params:
--   from timestamptz = null
--   to timestamptz = null
--   channel text = null
-- columns:
--   query text
--   article_id text, null where nothing was shown
--   searched bigint
--   shown bigint
--   clicked bigint
--   accepted bigint
--   rejected bigint
-- tables: knowledge_events, interactions
with used as (
    select e.interaction_id, e.at, e.action, e.article_id, e.query, e.event_source, e.event_id,
        sum(case when e.action = 'searched' then 1 else 0 end) over (
            partition by e.interaction_id order by e.at, e.action = 'searched' desc, e."offset"
            rows between unbounded preceding and current row
        ) as search
    from knowledge_events as e
    left join interactions as i on e.interaction_id = i.interaction_id
    where e.interaction_id is not null
        and ($1 is null or e.at >= $1)
        and ($2 is null or e.at < $2)
        and ($3 is null or i.channel = $3)
),
searches as (
    select interaction_id, search, query from used where action = 'searched' and query is not null
),
led as (
    select
        interaction_id, search, article_id,
        count(*) filter (where action = 'shown') as shown,
        count(*) filter (where action = 'clicked') as clicked,
        count(*) filter (where action = 'accepted') as accepted,
        count(*) filter (where action = 'rejected') as rejected
    from used
    where action <> 'searched' and article_id is not null
    group by interaction_id, search, article_id
)
select
    s.query, l.article_id,
    count(*) as searched,
    coalesce(sum(l.shown), 0) as shown,
    coalesce(sum(l.clicked), 0) as clicked,
    coalesce(sum(l.accepted), 0) as accepted,
    coalesce(sum(l.rejected), 0) as rejected
from searches as s
left join led as l on s.interaction_id = l.interaction_id and s.search = l.search
group by s.query, l.article_id
order by searched desc, s.query, l.article_id
limit 1000
