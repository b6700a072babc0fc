-- What the file of an imported problem said that no column here has a place for: columns without a role, worked solutions, conversations
-- as they were structured. Null for problems that were made here.
ALTER TABLE problems ADD COLUMN extra TEXT;
