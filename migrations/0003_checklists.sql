-- How each target stands by the developer's and the infrastructure checklist, as last told.
CREATE TABLE checklists (
    target_origin TEXT NOT NULL,
    place         INTEGER NOT NULL, -- in the lists' own order
    list          TEXT NOT NULL,    -- developer, infrastructure
    id            TEXT NOT NULL,
    title         TEXT NOT NULL,
    state         TEXT NOT NULL,    -- pass, fail, not_seen
    rules         TEXT NOT NULL,    -- those that say so, with blanks between
    relevant      INTEGER NOT NULL, -- answers that could have shown it
    note          TEXT NOT NULL,
    run_id        INTEGER NOT NULL,
    PRIMARY KEY (target_origin, place)
) WITHOUT ROWID;
