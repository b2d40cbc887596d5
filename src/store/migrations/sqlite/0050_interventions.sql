-- Dated changes whose effect is measured. `topics` is a JSON array of topic ids, as the run `topic_run` knew them.
CREATE TABLE interventions (
    id              TEXT    NOT NULL PRIMARY KEY,
    kind            TEXT    NOT NULL CHECK (kind IN ('article', 'ivr_menu', 'app', 'policy', 'script', 'training')),
    title           TEXT    NOT NULL,
    day             INTEGER NOT NULL,
    topics          TEXT    NOT NULL,
    topic_run       TEXT,
    base            TEXT,
    article_id      TEXT,
    article_version INTEGER,
    gap_id          TEXT,
    origin          TEXT    NOT NULL CHECK (origin IN ('recorded', 'published')),
    created_by      TEXT    NOT NULL,
    created_at_us   INTEGER NOT NULL
) STRICT;

-- Publishing an article twice on one day is one change.
CREATE UNIQUE INDEX interventions_of_publishing ON interventions (base, article_id, day) WHERE origin = 'published';
CREATE INDEX interventions_by_article ON interventions (base, article_id);
CREATE INDEX interventions_by_day ON interventions (day, id);
