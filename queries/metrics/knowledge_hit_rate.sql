-- name: knowledge_hit_rate
-- version: 1
-- about: Share of searches in the knowledge base that found something.
-- formula: searches with an article / searches x 100
-- numerator: searches that name an article, or after which an article was shown before the next search
-- denominator: searches
-- exclusions: searches outside an interaction count by the article that they name
-- clock: when it was searched
-- unit: percent
-- kind: rate
-- grain: searches
-- additive: yes
-- source: WeCom; a failure of the system sends no event and is neither
-- dimensions:
--   interaction_id text
--   actor text
with uses as (
    select
        k.*,
        lead(k.action) over (
            partition by coalesce(k.interaction_id, k.event_id)
            order by k.at, case k.action when 'searched' then 0 else 1 end, k.ingested_at, k."offset"
        ) as action_after
    from knowledge_events as k
)
select
    u.interaction_id, u.actor,
    u.at as m_at,
    case
        when u.article_id is not null then 1
        when u.action_after in ('shown', 'clicked', 'accepted', 'rejected') then 1
        else 0
    end as m_num,
    1 as m_den
from uses as u
where u.action = 'searched'
