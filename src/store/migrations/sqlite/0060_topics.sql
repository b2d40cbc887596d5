-- What people decided about topics: what one is called, and whether it keeps its id whatever a run finds.
CREATE TABLE topic_decisions (
    topic_id      TEXT    NOT NULL PRIMARY KEY,
    version       INTEGER NOT NULL CHECK (version > 0),
    name          TEXT,
    pinned        INTEGER NOT NULL CHECK (pinned IN (0, 1)),
    updated_at_us INTEGER NOT NULL
) STRICT;

-- Topics that people made a part of others. A merge that was taken back stays as a row.
CREATE TABLE topic_merges (
    id           TEXT    NOT NULL PRIMARY KEY,
    from_topic   TEXT    NOT NULL,
    into_topic   TEXT    NOT NULL,
    at_us        INTEGER NOT NULL,
    undone_at_us INTEGER
) STRICT;
