-- name: queries_without_result
-- about: Searches after which no article was shown, clicked or judged within a minute in the same interaction,
--   most frequent first.
-- needs: knowledge
-- params:
--   from timestamptz = null
--   to timestamptz = null
-- columns:
--   query text
--   searches bigint
-- tables: knowledge_events
select s.query, count(*) as searches
from knowledge_events as s
left join knowledge_events as u
    on s.interaction_id = u.interaction_id
    and u.action <> 'searched'
    and u.at >= s.at
    and u.at < s.at + interval '1 minute'
where s.action = 'searched'
    and s.query is not null
    and u.action is null
    and ($1 is null or s.at >= $1)
    and ($2 is null or s.at < $2)
group by s.query
order by searches desc, s.query
limit 1000
