-- name: effects_stored
-- about: The verdicts that are stored.
-- tables: effects
select *
from effects
