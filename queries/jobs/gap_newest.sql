-- name: gap_newest
-- about: When the newest request was made, and how many there are.
-- columns:
--   at_us bigint
--   requests bigint
-- tables: requests
select cast(max(at) as bigint) as at_us, count(*) as requests
from requests
