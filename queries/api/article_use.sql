-- name: article_use
-- about: How articles are used, most used first: shown, clicked, accepted, rejected, and accepted of judged lately
--   and before, in a time range.
-- needs: knowledge
-- params:
--   from timestamptz = null
--   to timestamptz = null
--   channel text = null
--   recent_from timestamptz = null
-- columns:
--   article_id text
--   shown bigint
--   clicked bigint
--   accepted bigint
--   rejected bigint
--   recent_accepted bigint, from recent_from on
--   recent_judged bigint, accepted or rejected from recent_from on
--   earlier_accepted bigint
--   earlier_judged bigint
-- tables: knowledge_events, interactions
select
    e.article_id,
    count(*) filter (where e.action = 'shown') as shown,
    count(*) filter (where e.action = 'clicked') as clicked,
    count(*) filter (where e.action = 'accepted') as accepted,
    count(*) filter (where e.action = 'rejected') as rejected,
    count(*) filter (where e.action = 'accepted' and e.at >= $4) as recent_accepted,
    count(*) filter (where e.action in ('accepted', 'rejected') and e.at >= $4) as recent_judged,
    count(*) filter (where e.action = 'accepted' and e.at < $4) as earlier_accepted,
    count(*) filter (where e.action in ('accepted', 'rejected') and e.at < $4) as earlier_judged
from knowledge_events as e
left join interactions as i on e.interaction_id = i.interaction_id
where e.article_id is not null
    and ($1 is null or e.at >= $1)
    and ($2 is null or e.at < $2)
    and ($3 is null or i.channel = $3)
group by e.article_id
order by clicked + accepted desc, shown desc, e.article_id
limit 10000
