-- Folders that are followed: what of their files was read, kept in the same transaction as the rows, so that each row comes once.

CREATE TABLE follows (
  id             INTEGER PRIMARY KEY,
  run_id         INTEGER NOT NULL UNIQUE REFERENCES runs ON DELETE CASCADE,
  path           TEXT NOT NULL,
  options        TEXT NOT NULL,
  active         INTEGER NOT NULL,
  -- Rows of files that were read, and of those the rejected ones; metrics are not rows.
  rows           INTEGER NOT NULL DEFAULT 0,
  rejected       INTEGER NOT NULL DEFAULT 0,
  last_row_at_ms INTEGER,
  -- Length of the file of rejected rows that belongs to what was read.
  aside_bytes    INTEGER NOT NULL DEFAULT 0,
  created_at_ms  INTEGER NOT NULL
) STRICT;

-- `path` is inside the folder, with forward slashes. `read_to` is the first byte that was not read and `line` its line; `head` and `tail` are the
-- SHA-256 of the first and the last bytes before it, which tell whether the file is still the one that was read.
CREATE TABLE follow_files (
  id        INTEGER PRIMARY KEY,
  follow_id INTEGER NOT NULL REFERENCES follows ON DELETE CASCADE,
  path      TEXT NOT NULL,
  kind      TEXT NOT NULL,
  inode     TEXT NOT NULL,
  bytes     INTEGER NOT NULL,
  mtime_ms  REAL NOT NULL,
  read_to   INTEGER NOT NULL,
  line      INTEGER NOT NULL,
  head      TEXT NOT NULL,
  tail      TEXT NOT NULL,
  rows      INTEGER NOT NULL,
  rejected  INTEGER NOT NULL,
  source    TEXT,
  reason    TEXT,
  UNIQUE (follow_id, path)
) STRICT;

-- What told problems apart, in the order in which it was met: replayed, it names the problems of later rows as one long reading would.
CREATE TABLE follow_identity (
  id        INTEGER PRIMARY KEY,
  follow_id INTEGER NOT NULL REFERENCES follows ON DELETE CASCADE,
  entry     TEXT NOT NULL
) STRICT;
CREATE INDEX follow_identity_by_follow ON follow_identity (follow_id);

-- How often a row was read of a file, by a digest of its content: the most of any one reading, and of the reading that goes on.
CREATE TABLE follow_rows (
  file_id INTEGER NOT NULL REFERENCES follow_files ON DELETE CASCADE,
  digest  BLOB NOT NULL,
  seen    INTEGER NOT NULL,
  here    INTEGER NOT NULL,
  PRIMARY KEY (file_id, digest)
) STRICT, WITHOUT ROWID;
