-- Runs that scored the risks of customers. `content` is what the run learnt, in JSON. One run is current.
CREATE TABLE risk_runs (
    run        TEXT    NOT NULL PRIMARY KEY,
    state      TEXT    NOT NULL CHECK (state IN ('building', 'current')),
    content    TEXT    NOT NULL,
    scored_us  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- The customers of a run. A risk that could not be told is null.
CREATE TABLE risk_scores (
    run            TEXT NOT NULL,
    customer_id    TEXT NOT NULL,
    churn          REAL,
    repeat_contact REAL,
    best_hour_utc  INTEGER,
    reasons        TEXT NOT NULL,
    PRIMARY KEY (run, customer_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX risk_scores_by_churn ON risk_scores (run, churn, customer_id);
