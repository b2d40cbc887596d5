-- The articles of the knowledge bases, as they stand. `content` is the article in JSON.
CREATE TABLE articles (
    base          TEXT    NOT NULL,
    id            TEXT    NOT NULL,
    version       INTEGER NOT NULL CHECK (version > 0),
    status        TEXT    NOT NULL CHECK (status IN ('draft', 'published', 'retired')),
    content       TEXT    NOT NULL,
    created_at_us INTEGER NOT NULL,
    updated_at_us INTEGER NOT NULL,
    PRIMARY KEY (base, id)
) STRICT, WITHOUT ROWID;

-- Every version that ever stood. A deletion is a version without content.
CREATE TABLE article_versions (
    base    TEXT    NOT NULL,
    id      TEXT    NOT NULL,
    version INTEGER NOT NULL,
    content TEXT,
    actor   TEXT    NOT NULL,
    at_us   INTEGER NOT NULL,
    PRIMARY KEY (base, id, version)
) STRICT, WITHOUT ROWID;

-- How often the articles of a base were changed.
CREATE TABLE article_bases (
    base     TEXT    NOT NULL PRIMARY KEY,
    revision INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
