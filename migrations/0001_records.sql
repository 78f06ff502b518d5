-- What corstap recorded. Times are RFC 3339 UTC text with microseconds. Names in `rejections`, `findings`,
-- `finding_evidence`, `traffic` and `runs` are relied on by other people's queries.

PRAGMA application_id = 1668248179; -- 'cors' in ASCII: a file that is not ours is refused

-- One start of the daemon, or one replay.
CREATE TABLE runs (
    id           INTEGER PRIMARY KEY,
    sensor       TEXT NOT NULL,
    started      TEXT NOT NULL,
    ended        TEXT,
    kind         TEXT NOT NULL, -- live, replay
    source       TEXT NOT NULL,
    packets      INTEGER NOT NULL DEFAULT 0,
    packets_lost INTEGER NOT NULL DEFAULT 0,
    messages     INTEGER NOT NULL DEFAULT 0,
    gaps         INTEGER NOT NULL DEFAULT 0,
    version      TEXT NOT NULL,
    first_packet TEXT,
    last_packet  TEXT,
    counters     TEXT NOT NULL DEFAULT '{}' -- what the engine counted, as JSON
);

-- Transactions worth keeping: each one that the browser refused, and those that a finding cites.
-- The one index grows in order of time. `evidence` is a JSON object: both legs, their heads and the fix by number in `texts`.
CREATE TABLE transactions (
    id                   TEXT NOT NULL,
    time                 TEXT NOT NULL,
    client               TEXT NOT NULL,
    forwarded_for        TEXT,
    server               TEXT NOT NULL,
    origin               TEXT,
    target_origin        TEXT NOT NULL,
    path                 TEXT NOT NULL,
    method               TEXT NOT NULL,
    site                 TEXT NOT NULL,
    mode                 TEXT NOT NULL,
    credentials          TEXT NOT NULL,
    preflight_state      TEXT NOT NULL,
    verdict              TEXT NOT NULL,
    phase                TEXT,
    reason               TEXT,
    cause                TEXT,
    confidence           TEXT NOT NULL,
    browser              TEXT NOT NULL,
    preflight_status     INTEGER,
    actual_status        INTEGER,
    effect               TEXT,
    blocked_after_effect INTEGER NOT NULL,
    detail               TEXT NOT NULL,
    run_id               INTEGER NOT NULL,
    evidence             TEXT NOT NULL,
    UNIQUE (time, id)
);

-- Heads ([[name,value]…], a third element when the value is withheld) and fixes, as JSON: what many transactions share.
CREATE TABLE texts (
    id   INTEGER PRIMARY KEY, -- run_id in the upper half
    text TEXT NOT NULL
);

-- Transactions that the browser refused.
CREATE VIEW rejections AS
SELECT id, time, client, forwarded_for, server, origin, target_origin, path, method, site, mode, credentials,
       preflight_state, phase, reason, cause, confidence, browser, preflight_status, actual_status, effect,
       blocked_after_effect, detail, run_id
FROM transactions
WHERE verdict = 'blocked';

-- What rules saw, updated in place while it goes on.
CREATE TABLE findings (
    id           TEXT NOT NULL PRIMARY KEY,
    rule         TEXT NOT NULL,
    severity     TEXT NOT NULL,
    confidence   TEXT NOT NULL,
    subject      TEXT NOT NULL,
    first_seen   TEXT NOT NULL,
    last_seen    TEXT NOT NULL,
    count        INTEGER NOT NULL,
    detail       TEXT NOT NULL,
    fix          TEXT NOT NULL,
    run_id       INTEGER NOT NULL,
    last_run_id  INTEGER NOT NULL, -- the run whose counting is going on
    count_before INTEGER NOT NULL  -- what earlier runs had counted
) WITHOUT ROWID;

-- What a finding rests on.
CREATE TABLE finding_evidence (
    finding_id     TEXT NOT NULL,
    transaction_id TEXT NOT NULL,
    PRIMARY KEY (finding_id, transaction_id)
) WITHOUT ROWID;

-- An hour of one origin, target, method and path shape.
CREATE TABLE traffic (
    hour          TEXT NOT NULL,
    origin        TEXT NOT NULL,
    target_origin TEXT NOT NULL,
    method        TEXT NOT NULL,
    path_shape    TEXT NOT NULL,
    allowed       INTEGER NOT NULL,
    blocked       INTEGER NOT NULL,
    undecided     INTEGER NOT NULL,
    preflights    INTEGER NOT NULL,
    PRIMARY KEY (hour, origin, target_origin, method, path_shape)
) WITHOUT ROWID;

-- Requests that were counted, so that the same packets replayed again count nothing twice: 8 bytes each, by the minute
-- of their first byte (a digest of addresses, sequence number and time; its lowest bit says "refused").
CREATE TABLE seen (
    minute INTEGER NOT NULL, -- since the Unix epoch
    keys   BLOB NOT NULL
);
CREATE INDEX seen_by_minute ON seen (minute);
