-- What people say of turns. Rows are only ever added: the latest of a turn and kind holds, a null value takes
-- it back. The words of the turn stay in the lake.
CREATE TABLE labels (
    seq            INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    interaction_id TEXT    NOT NULL,
    turn_id        TEXT    NOT NULL,
    kind           TEXT    NOT NULL CHECK (kind IN ('sentiment', 'request', 'topic')),
    value          TEXT,
    actor          TEXT    NOT NULL,
    at_us          INTEGER NOT NULL
) STRICT;

CREATE INDEX labels_of_a_turn ON labels (interaction_id, turn_id, kind, seq);
