-- Quality rules and scorecards, as they stand. `content` is the document in JSON.
CREATE TABLE quality_documents (
    kind          TEXT    NOT NULL CHECK (kind IN ('rule', 'scorecard')),
    id            TEXT    NOT NULL,
    version       INTEGER NOT NULL CHECK (version > 0),
    content       TEXT    NOT NULL,
    created_at_us INTEGER NOT NULL,
    updated_at_us INTEGER NOT NULL,
    PRIMARY KEY (kind, id)
) STRICT, WITHOUT ROWID;

-- Every version that ever stood. A deletion is a version without content.
CREATE TABLE quality_versions (
    kind    TEXT    NOT NULL,
    id      TEXT    NOT NULL,
    version INTEGER NOT NULL,
    content TEXT,
    actor   TEXT    NOT NULL,
    at_us   INTEGER NOT NULL,
    PRIMARY KEY (kind, id, version)
) STRICT, WITHOUT ROWID;

-- How often documents of a kind were changed.
CREATE TABLE quality_revisions (
    kind     TEXT    NOT NULL PRIMARY KEY,
    revision INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Where alerts are sent. The secret signs what is sent, so it can't be a hash.
CREATE TABLE webhooks (
    id            TEXT    NOT NULL PRIMARY KEY,
    url           TEXT    NOT NULL,
    secret        TEXT    NOT NULL,
    filter        TEXT    NOT NULL,
    created_at_us INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Answers of people to the questions of a scorecard, beside those of the machine. Rows are only ever added; of one
-- reviewer and interaction the newest counts.
CREATE TABLE reviews (
    id                TEXT    NOT NULL PRIMARY KEY,
    scorecard_id      TEXT    NOT NULL,
    scorecard_version INTEGER NOT NULL,
    interaction_id    TEXT    NOT NULL,
    agent_id          TEXT,
    reviewer          TEXT    NOT NULL,
    machine           TEXT    NOT NULL,
    human             TEXT    NOT NULL,
    at_us             INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX reviews_of_scorecards ON reviews (scorecard_id, interaction_id);
