-- When a text was written, in minutes since the Unix epoch: one that no row can cite any more may go.
ALTER TABLE texts ADD COLUMN minute INTEGER NOT NULL DEFAULT 0;
