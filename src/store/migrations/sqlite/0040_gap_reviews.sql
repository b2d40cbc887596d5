-- What people decided about gaps. `review` is the decision in JSON.
CREATE TABLE gap_reviews (
    gap_id        TEXT    NOT NULL PRIMARY KEY,
    version       INTEGER NOT NULL CHECK (version > 0),
    review        TEXT    NOT NULL,
    updated_at_us INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Every change of a decision, with what stood before it.
CREATE TABLE gap_changes (
    gap_id    TEXT    NOT NULL,
    version   INTEGER NOT NULL,
    action    TEXT    NOT NULL,
    before    TEXT    NOT NULL,
    after     TEXT    NOT NULL,
    actor     TEXT    NOT NULL,
    at_us     INTEGER NOT NULL,
    is_undone INTEGER NOT NULL CHECK (is_undone IN (0, 1)),
    PRIMARY KEY (gap_id, version)
) STRICT, WITHOUT ROWID;
