-- What many transactions have in common is written once: 26 values a row were most of what recording cost. Who reads
-- `transactions`, `rejections`, `finding_evidence` and `traffic` finds the columns that were there.
DROP VIEW rejections;

-- How transactions went. Numbers of `kinds`, `peers` and `texts` grow with time and have their run in the upper half.
CREATE TABLE kinds (
    id                   INTEGER PRIMARY KEY,
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
    effect               TEXT,
    blocked_after_effect INTEGER NOT NULL,
    preflight_status     INTEGER,
    actual_status        INTEGER,
    minute               INTEGER NOT NULL -- when it was written, since the Unix epoch
);

-- Who spoke with whom.
CREATE TABLE peers (
    id            INTEGER PRIMARY KEY,
    client        TEXT NOT NULL,
    forwarded_for TEXT,
    server        TEXT NOT NULL,
    origin        TEXT,
    target_origin TEXT NOT NULL,
    browser       TEXT NOT NULL,
    minute        INTEGER NOT NULL
);

-- Transactions worth keeping: each one that the browser refused, and those that a finding cites.
-- The one index grows in order of time. `evidence` is a JSON object: both legs, their heads and the fix by number in `texts`.
CREATE TABLE kept_transactions (
    id       TEXT NOT NULL,
    time     TEXT NOT NULL,
    kind     INTEGER NOT NULL,
    peers    INTEGER NOT NULL,
    path     TEXT NOT NULL,
    detail   TEXT NOT NULL,
    evidence TEXT NOT NULL,
    UNIQUE (time, id)
);

-- What was there keeps a row of its own in each table.
INSERT INTO kinds
SELECT (run_id << 32) + rowid, method, site, mode, credentials, preflight_state, verdict, phase, reason, cause, confidence,
       effect, blocked_after_effect, preflight_status, actual_status, unixepoch() / 60
FROM transactions
ORDER BY 1;
INSERT INTO peers
SELECT (run_id << 32) + rowid, client, forwarded_for, server, origin, target_origin, browser, unixepoch() / 60
FROM transactions
ORDER BY 1;
INSERT INTO kept_transactions
SELECT id, time, (run_id << 32) + rowid, (run_id << 32) + rowid, path, detail, evidence
FROM transactions
ORDER BY rowid;
DROP TABLE transactions;

CREATE VIEW transactions AS
SELECT t.id, t.time, p.client, p.forwarded_for, p.server, p.origin, p.target_origin, t.path, k.method, k.site, k.mode,
       k.credentials, k.preflight_state, k.verdict, k.phase, k.reason, k.cause, k.confidence, p.browser, k.preflight_status,
       k.actual_status, k.effect, k.blocked_after_effect, t.detail, t.kind >> 32 AS run_id, t.evidence
FROM kept_transactions t
LEFT JOIN kinds k ON k.id = t.kind
LEFT JOIN peers p ON p.id = t.peers;

-- Transactions that the browser refused. A cross join keeps its order, that of time.
CREATE VIEW rejections AS
SELECT t.id, t.time, p.client, p.forwarded_for, p.server, p.origin, p.target_origin, t.path, k.method, k.site, k.mode,
       k.credentials, k.preflight_state, k.phase, k.reason, k.cause, k.confidence, p.browser, k.preflight_status,
       k.actual_status, k.effect, k.blocked_after_effect, t.detail, t.kind >> 32 AS run_id
FROM kept_transactions t
CROSS JOIN kinds k ON k.id = t.kind
LEFT JOIN peers p ON p.id = t.peers
WHERE k.verdict = 'blocked';

-- What a finding rests on, with it: a JSON array of ids of transactions.
ALTER TABLE findings ADD COLUMN evidence TEXT NOT NULL DEFAULT '[]';
UPDATE findings
SET evidence = (SELECT json_group_array(transaction_id) FROM finding_evidence WHERE finding_id = findings.id);
DROP TABLE finding_evidence;
CREATE VIEW finding_evidence AS
SELECT findings.id AS finding_id, cited.value AS transaction_id
FROM findings, json_each(findings.evidence) cited;

-- An hour of one origin, target, method and path shape, which are a JSON array.
CREATE TABLE hours (
    id   INTEGER PRIMARY KEY, -- since the Unix epoch
    hour TEXT NOT NULL UNIQUE
);
CREATE TABLE endpoint_hours (
    hour       INTEGER NOT NULL,
    endpoint   TEXT NOT NULL,
    allowed    INTEGER NOT NULL,
    blocked    INTEGER NOT NULL,
    undecided  INTEGER NOT NULL,
    preflights INTEGER NOT NULL,
    PRIMARY KEY (hour, endpoint)
) WITHOUT ROWID;
INSERT INTO hours
SELECT DISTINCT unixepoch(hour) / 3600, hour FROM traffic;
INSERT INTO endpoint_hours
SELECT unixepoch(hour) / 3600, json_array(origin, target_origin, method, path_shape), allowed, blocked, undecided, preflights
FROM traffic;
DROP TABLE traffic;
CREATE VIEW traffic AS
SELECT h.hour, e.endpoint ->> 0 AS origin, e.endpoint ->> 1 AS target_origin, e.endpoint ->> 2 AS method,
       e.endpoint ->> 3 AS path_shape, e.allowed, e.blocked, e.undecided, e.preflights
FROM endpoint_hours e
LEFT JOIN hours h ON h.id = e.hour;

-- A row of it is too long for a table WITHOUT ROWID: each took a page of its own.
DROP VIEW checklists;
CREATE TABLE told_checklists (
    target_origin TEXT NOT NULL UNIQUE,
    items         TEXT NOT NULL,    -- JSON: [{"list","id","title","state","rules","relevant","note"}…] in the lists' own order
    run_id        INTEGER NOT NULL,
    minute        INTEGER NOT NULL  -- when they were last told, since the Unix epoch
);
INSERT INTO told_checklists
SELECT target_origin, items, run_id, minute FROM target_checklists;
DROP TABLE target_checklists;
CREATE VIEW checklists AS
SELECT target_origin, key AS place, value ->> 'list' AS list, value ->> 'id' AS id, value ->> 'title' AS title,
       value ->> 'state' AS state, value ->> 'rules' AS rules, value ->> 'relevant' AS relevant, value ->> 'note' AS note,
       run_id, minute
FROM told_checklists, json_each(items);
