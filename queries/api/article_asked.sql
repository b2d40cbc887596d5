-- name: article_asked
-- about: Which articles are asked for, whether they are shown or not: requests about each, and how many of these were
--   answered or failed, most asked first.
-- needs: knowledge
-- params:
--   base text
--   from timestamptz = null
--   to timestamptz = null
--   channel text = null
-- columns:
--   article_id text
--   asked bigint
--   answered bigint
--   failed bigint
-- tables: request_matches, interactions
select
    m.article_id,
    count(*) as asked,
    count(*) filter (where m.outcome = 'answered') as answered,
    count(*) filter (where m.outcome in ('conflict', 'outdated', 'rejected', 'not_found')) as failed
from request_matches as m
left join interactions as i on m.interaction_id = i.interaction_id
where m.base = $1
    and m.article_id is not null
    and ($2 is null or m.at >= $2)
    and ($3 is null or m.at < $3)
    and ($4 is null or i.channel = $4)
group by m.article_id
order by asked desc, m.article_id
limit 1000
