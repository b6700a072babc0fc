-- Studies: grids of runs, one cell for each arm and seed.

CREATE TABLE studies (
  id            INTEGER PRIMARY KEY,
  uid           TEXT NOT NULL UNIQUE,
  name          TEXT NOT NULL,
  title         TEXT NOT NULL,
  conditions    TEXT NOT NULL,
  environment   TEXT NOT NULL,
  created_at_ms INTEGER NOT NULL
) STRICT;

CREATE TABLE study_cells (
  id             INTEGER PRIMARY KEY,
  study_id       INTEGER NOT NULL REFERENCES studies ON DELETE CASCADE,
  arm            TEXT NOT NULL,
  seed           INTEGER NOT NULL,
  spec           TEXT NOT NULL,
  run_id         INTEGER REFERENCES runs ON DELETE SET NULL,
  status         TEXT NOT NULL,
  notes          TEXT NOT NULL,
  wall_ms        REAL NOT NULL,
  finished_at_ms INTEGER,
  UNIQUE (study_id, arm, seed)
) STRICT;
CREATE INDEX study_cells_by_run ON study_cells (run_id);
