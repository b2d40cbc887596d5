-- name: dead_letters_by_code
-- about: Refused records by source and reason, with when the first and the last came.
-- params:
--   from timestamptz = null
--   to timestamptz = null
--   source text = null
-- columns:
--   source text
--   code text
--   pointer text, where in the record
--   refused bigint
--   first_at timestamptz
--   last_at timestamptz
-- tables: dead_letters
select
    source,
    code,
    pointer,
    count(*) as refused,
    min(received_at) as first_at,
    max(received_at) as last_at
from dead_letters
where ($from is null or received_at >= $from)
    and ($to is null or received_at < $to)
    and ($source is null or source = $source)
group by source, code, pointer
order by refused desc, source, code, pointer
