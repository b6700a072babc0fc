-- The laboratory's tables. Times are milliseconds since 1970, token offsets count from the start of the completion, JSON is
-- text. Token arrays are little-endian blobs: tokens int32, log-probabilities and advantages float32, masks one byte each.

CREATE TABLE workspace (
  one           INTEGER PRIMARY KEY CHECK (one = 1),
  uid           TEXT NOT NULL,
  created_at_ms INTEGER NOT NULL
) STRICT;

CREATE TABLE settings (
  key   TEXT PRIMARY KEY,
  value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE datasets (
  id            INTEGER PRIMARY KEY,
  name          TEXT NOT NULL,
  kind          TEXT NOT NULL,
  source        TEXT NOT NULL,
  roles         TEXT NOT NULL,
  grader        TEXT NOT NULL,
  note          TEXT NOT NULL,
  created_at_ms INTEGER NOT NULL
) STRICT;

CREATE TABLE problems (
  id         INTEGER PRIMARY KEY,
  dataset_id INTEGER NOT NULL REFERENCES datasets ON DELETE CASCADE,
  key        TEXT NOT NULL,
  split      TEXT NOT NULL,
  prompt     TEXT NOT NULL,
  answer     TEXT NOT NULL,
  level      REAL,
  slices     TEXT NOT NULL,
  UNIQUE (dataset_id, key)
) STRICT;
CREATE INDEX problems_by_split ON problems (dataset_id, split);

CREATE TABLE models (
  id              INTEGER PRIMARY KEY,
  name            TEXT NOT NULL,
  kind            TEXT NOT NULL,
  family          TEXT NOT NULL,
  config          TEXT NOT NULL,
  tokenizer       TEXT NOT NULL,
  parameter_count INTEGER NOT NULL,
  bytes           INTEGER NOT NULL,
  path            TEXT NOT NULL,
  sha256          TEXT NOT NULL,
  provenance      TEXT NOT NULL,
  created_at_ms   INTEGER NOT NULL
) STRICT;

CREATE TABLE runs (
  id             INTEGER PRIMARY KEY,
  uid            TEXT NOT NULL UNIQUE,
  name           TEXT NOT NULL,
  method         TEXT NOT NULL,
  algorithm      TEXT NOT NULL,
  config         TEXT NOT NULL,
  seed           INTEGER NOT NULL,
  group_key      TEXT NOT NULL,
  model_id       INTEGER REFERENCES models,
  dataset_id     INTEGER REFERENCES datasets,
  parent_run_id  INTEGER REFERENCES runs ON DELETE SET NULL,
  parent_step    INTEGER,
  planned_steps  INTEGER NOT NULL,
  environment    TEXT NOT NULL,
  note           TEXT NOT NULL,
  created_at_ms  INTEGER NOT NULL,
  status         TEXT NOT NULL,
  started_at_ms  INTEGER,
  finished_at_ms INTEGER,
  active_ms      REAL NOT NULL DEFAULT 0,
  error          TEXT,
  rollout_count  INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX runs_by_group ON runs (group_key);
CREATE INDEX runs_by_parent ON runs (parent_run_id);
CREATE INDEX runs_by_model ON runs (model_id);
CREATE INDEX runs_by_dataset ON runs (dataset_id);

-- The columns computed from `metrics` are the headline metrics; the index holds them, so every sparkline is one scan of it.
-- (A table with rowids, because SQLite reads the rows again for computed columns indexed on a table without them.)
CREATE TABLE steps (
  run_id          INTEGER NOT NULL REFERENCES runs ON DELETE CASCADE,
  step            INTEGER NOT NULL,
  metrics         TEXT NOT NULL,
  wall_ms         REAL NOT NULL,
  tokens          INTEGER NOT NULL,
  estimate_tokens INTEGER NOT NULL,
  flops           REAL NOT NULL,
  learning_rate   REAL NOT NULL,
  seed_state      TEXT NOT NULL,
  created_at_ms   INTEGER NOT NULL,
  reward          REAL AS (metrics ->> '$."reward"'),
  outcome         REAL AS (metrics ->> '$."rewards/outcome/mean"'),
  mean_length     REAL AS (metrics ->> '$."completions/mean_length"'),
  progress        REAL AS (metrics ->> '$."mrt/progress_mean"'),
  loss            REAL AS (metrics ->> '$."loss"'),
  PRIMARY KEY (run_id, step)
) STRICT;
CREATE INDEX steps_headline ON steps (run_id, step, reward, outcome, mean_length, progress, loss);

CREATE TABLE checkpoints (
  id            INTEGER PRIMARY KEY,
  content_id    TEXT NOT NULL,
  run_id        INTEGER REFERENCES runs ON DELETE CASCADE,
  step          INTEGER NOT NULL,
  kind          TEXT NOT NULL,
  model_id      INTEGER REFERENCES models,
  bytes         INTEGER NOT NULL,
  resumable     INTEGER NOT NULL,
  pinned        INTEGER NOT NULL,
  created_at_ms INTEGER NOT NULL
) STRICT;
CREATE INDEX checkpoints_by_run ON checkpoints (run_id, step);
CREATE INDEX checkpoints_by_content ON checkpoints (content_id);
CREATE INDEX checkpoints_by_model ON checkpoints (model_id);

CREATE TABLE evaluations (
  id                  INTEGER PRIMARY KEY,
  name                TEXT NOT NULL,
  run_id              INTEGER REFERENCES runs ON DELETE CASCADE,
  checkpoint_id       INTEGER REFERENCES checkpoints ON DELETE SET NULL,
  model_id            INTEGER REFERENCES models,
  dataset_id          INTEGER NOT NULL REFERENCES datasets,
  split               TEXT NOT NULL,
  step                INTEGER,
  config              TEXT NOT NULL,
  budgets             TEXT NOT NULL,
  trained_budget      INTEGER,
  samples_per_problem INTEGER NOT NULL,
  created_at_ms       INTEGER NOT NULL,
  status              TEXT NOT NULL,
  finished_at_ms      INTEGER,
  wall_ms             REAL NOT NULL DEFAULT 0,
  tokens              INTEGER NOT NULL DEFAULT 0,
  metrics             TEXT NOT NULL DEFAULT '{}'
) STRICT;
CREATE INDEX evaluations_by_run ON evaluations (run_id, step);
CREATE INDEX evaluations_by_checkpoint ON evaluations (checkpoint_id);
CREATE INDEX evaluations_by_model ON evaluations (model_id);
CREATE INDEX evaluations_by_dataset ON evaluations (dataset_id);

CREATE TABLE evaluation_points (
  evaluation_id INTEGER NOT NULL REFERENCES evaluations ON DELETE CASCADE,
  curve         TEXT NOT NULL,
  x             REAL NOT NULL,
  value         REAL NOT NULL,
  low           REAL,
  high          REAL,
  n             INTEGER NOT NULL,
  extrapolated  INTEGER NOT NULL,
  PRIMARY KEY (evaluation_id, curve, x)
) STRICT, WITHOUT ROWID;

-- `accuracy_at_budget`, `regret_at_budget`: float32, one per budget of the evaluation.
CREATE TABLE evaluation_results (
  evaluation_id      INTEGER NOT NULL REFERENCES evaluations ON DELETE CASCADE,
  problem_id         INTEGER NOT NULL REFERENCES problems,
  samples            INTEGER NOT NULL,
  accuracy           REAL NOT NULL,
  mean_tokens        REAL NOT NULL,
  accuracy_at_budget BLOB NOT NULL,
  regret_at_budget BLOB NOT NULL,
  PRIMARY KEY (evaluation_id, problem_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX evaluation_results_by_problem ON evaluation_results (problem_id);

-- Facts that are the same for many samples are stored once, as the JSON text itself, and pointed at.
CREATE TABLE provenances (
  id   INTEGER PRIMARY KEY,
  spec TEXT NOT NULL UNIQUE
) STRICT;

CREATE TABLE estimators (
  id   INTEGER PRIMARY KEY,
  spec TEXT NOT NULL UNIQUE
) STRICT;

-- Small rows for lists and filters; text and token arrays live beside them. `progress` is J after the last episode minus J
-- at the empty think block, by the first estimator recorded for the rollout.
CREATE TABLE rollouts (
  id                 INTEGER PRIMARY KEY,
  run_id             INTEGER REFERENCES runs ON DELETE CASCADE,
  evaluation_id      INTEGER REFERENCES evaluations ON DELETE CASCADE,
  phase              TEXT NOT NULL,
  step               INTEGER NOT NULL,
  group_index        INTEGER NOT NULL,
  sample_index       INTEGER NOT NULL,
  problem_id         INTEGER NOT NULL REFERENCES problems,
  provenance_id      INTEGER NOT NULL REFERENCES provenances,
  prompt_token_count INTEGER NOT NULL,
  token_count        INTEGER NOT NULL,
  episode_count      INTEGER NOT NULL,
  budget_tokens      INTEGER,
  thinking_tokens    INTEGER,
  finish_reason      TEXT NOT NULL,
  correct            INTEGER,
  reward             REAL,
  advantage          REAL,
  used               INTEGER NOT NULL,
  progress           REAL,
  overthink_tokens   INTEGER,
  extracted_answer   TEXT,
  discard_reason     TEXT,
  error              TEXT,
  reward_parts       TEXT NOT NULL,
  CHECK ((phase = 'eval') = (evaluation_id IS NOT NULL))
) STRICT;
-- Place in the chain run, step, group, sample; the columns after it let a filter be decided without reading the row.
CREATE INDEX rollouts_by_place ON rollouts
  (run_id, evaluation_id, step, group_index, sample_index, finish_reason, correct, used, reward, token_count, progress);
-- First and last id of a run, which bound a text search.
CREATE INDEX rollouts_by_run ON rollouts (run_id, evaluation_id);
CREATE INDEX rollouts_by_problem ON rollouts (problem_id, run_id, step);
CREATE INDEX rollouts_by_evaluation ON rollouts (evaluation_id, group_index, sample_index) WHERE evaluation_id IS NOT NULL;
CREATE INDEX rollouts_by_reward ON rollouts (run_id, reward) WHERE evaluation_id IS NULL;
CREATE INDEX rollouts_by_tokens ON rollouts (run_id, token_count) WHERE evaluation_id IS NULL;
CREATE INDEX rollouts_by_progress ON rollouts (run_id, progress) WHERE evaluation_id IS NULL AND progress IS NOT NULL;
CREATE INDEX rollouts_by_overthink ON rollouts (run_id, overthink_tokens) WHERE evaluation_id IS NULL AND overthink_tokens IS NOT NULL;

CREATE TABLE rollout_bodies (
  rollout_id    INTEGER PRIMARY KEY REFERENCES rollouts ON DELETE CASCADE,
  text          TEXT NOT NULL,
  prompt_tokens BLOB NOT NULL,
  tokens        BLOB NOT NULL,
  logps         BLOB NOT NULL,
  sampled       BLOB,
  advantages    BLOB
) STRICT;

CREATE VIRTUAL TABLE rollout_text USING fts5 (
  text, content = 'rollout_bodies', content_rowid = 'rollout_id', tokenize = 'unicode61 remove_diacritics 2'
);
-- Merging the index's pieces later costs searches little and recording a sixth less.
INSERT INTO rollout_text (rollout_text, rank) VALUES ('automerge', 16);
CREATE TRIGGER rollout_text_insert AFTER INSERT ON rollout_bodies BEGIN
  INSERT INTO rollout_text (rowid, text) VALUES (new.rollout_id, new.text);
END;
CREATE TRIGGER rollout_text_delete AFTER DELETE ON rollout_bodies BEGIN
  INSERT INTO rollout_text (rollout_text, rowid, text) VALUES ('delete', old.rollout_id, old.text);
END;

CREATE TABLE episodes (
  rollout_id    INTEGER NOT NULL REFERENCES rollouts ON DELETE CASCADE,
  episode_index INTEGER NOT NULL,
  start_token   INTEGER NOT NULL,
  end_token     INTEGER NOT NULL,
  text_start    INTEGER NOT NULL,
  text_end      INTEGER NOT NULL,
  marker        TEXT NOT NULL,
  bonus         REAL,
  PRIMARY KEY (rollout_id, episode_index)
) STRICT, WITHOUT ROWID;

CREATE TABLE progress_estimates (
  rollout_id       INTEGER NOT NULL REFERENCES rollouts ON DELETE CASCADE,
  estimator_id     INTEGER NOT NULL REFERENCES estimators,
  boundary         INTEGER NOT NULL,
  token_offset     INTEGER NOT NULL,
  value            REAL NOT NULL,
  low              REAL,
  high             REAL,
  tokens_forwarded INTEGER NOT NULL,
  PRIMARY KEY (rollout_id, estimator_id, boundary)
) STRICT, WITHOUT ROWID;

CREATE TABLE events (
  id      INTEGER PRIMARY KEY,
  run_id  INTEGER REFERENCES runs ON DELETE CASCADE,
  step    INTEGER,
  kind    TEXT NOT NULL,
  level   TEXT NOT NULL,
  code    TEXT NOT NULL,
  message TEXT NOT NULL,
  data    TEXT NOT NULL,
  at_ms   INTEGER NOT NULL
) STRICT;
CREATE INDEX events_by_run ON events (run_id, kind);
CREATE INDEX events_in_order ON events (run_id);
