-- When a target's checklist was last told, in minutes since the Unix epoch: targets that nobody asks for any more go.
ALTER TABLE checklists ADD COLUMN minute INTEGER NOT NULL DEFAULT 0;
