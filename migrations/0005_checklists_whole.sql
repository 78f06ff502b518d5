-- A target's checklists in one row: nearly all their items change together, and a row for each was a sixth of what a short
-- replay writes. Who reads `checklists` finds the same columns.
ALTER TABLE checklists RENAME TO checklist_items;

CREATE TABLE target_checklists (
    target_origin TEXT NOT NULL PRIMARY KEY,
    items         TEXT NOT NULL,    -- JSON: [{"list","id","title","state","rules","relevant","note"}…] in the lists' own order
    run_id        INTEGER NOT NULL,
    minute        INTEGER NOT NULL  -- when they were last told, since the Unix epoch
) WITHOUT ROWID;

INSERT INTO target_checklists
SELECT target_origin,
       json_group_array(json_object('list', list, 'id', id, 'title', title, 'state', state, 'rules', rules,
                                    'relevant', relevant, 'note', note) ORDER BY place),
       max(run_id), max(minute)
FROM checklist_items
GROUP BY target_origin;

DROP TABLE checklist_items;

CREATE VIEW checklists AS
SELECT target_origin, key AS place, value ->> 'list' AS list, value ->> 'id' AS id, value ->> 'title' AS title,
       value ->> 'state' AS state, value ->> 'rules' AS rules, value ->> 'relevant' AS relevant, value ->> 'note' AS note,
       run_id, minute
FROM target_checklists, json_each(items);
