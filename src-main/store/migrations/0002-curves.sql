-- One estimator per curve. Evaluations made before cut natural thinking within the budget trained with and, beyond it, read one rollout
-- of each problem that was forced to think on: two estimators on one axis. What is true of either is kept under its own name. Beyond
-- training the accuracy of forced thinking, as the cut fell, stays as points of a curve of its own; regret there mixed cuts with ends of
-- attempts and goes, as do pass@k of more than half of the samples and majorities of fewer than eight.

ALTER TABLE rollouts ADD COLUMN kept_thinking INTEGER NOT NULL DEFAULT 0;
-- `kept_...`: float32, one per budget of the evaluation; empty where thinking was not kept going.
ALTER TABLE evaluation_results ADD COLUMN kept_at_budget BLOB NOT NULL DEFAULT x'';
ALTER TABLE evaluation_results ADD COLUMN kept_whole_at_budget BLOB NOT NULL DEFAULT x'';
ALTER TABLE evaluation_results ADD COLUMN kept_regret_at_budget BLOB NOT NULL DEFAULT x'';

UPDATE evaluation_results AS r SET
  accuracy_at_budget = substr(accuracy_at_budget, 1, 4 * within.budgets),
  regret_at_budget = substr(regret_at_budget, 1, 4 * within.budgets)
FROM (SELECT id, (SELECT count(*) FROM json_each(budgets) WHERE value <= trained_budget) AS budgets FROM evaluations WHERE trained_budget IS NOT NULL) AS within
WHERE within.id = r.evaluation_id;

DELETE FROM evaluation_points WHERE curve = 'regret' AND extrapolated = 1;
DELETE FROM evaluation_points AS p WHERE curve = 'pass@k' AND x > 1 AND 2 * x > (SELECT samples_per_problem FROM evaluations WHERE id = p.evaluation_id);
UPDATE evaluation_points SET curve = 'kept' WHERE curve = 'accuracy' AND extrapolated = 1;
UPDATE evaluation_points SET curve = 'natural' WHERE curve = 'accuracy';
UPDATE evaluation_points SET curve = 'natural-regret' WHERE curve = 'regret';

UPDATE evaluations AS e SET metrics = (
  SELECT json_group_object(key, value) FROM json_each(e.metrics) WHERE NOT (
    ((key GLOB 'ttc/acc@*' OR key GLOB 'ttc/regret@*') AND e.trained_budget IS NOT NULL AND CAST(substr(key, instr(key, '@') + 1) AS INTEGER) > e.trained_budget)
    OR (key GLOB 'pass@*' AND key <> 'pass@1' AND 2 * CAST(substr(key, 6) AS INTEGER) > e.samples_per_problem)
    OR (key GLOB 'maj@*' AND e.samples_per_problem < 8)));
UPDATE evaluations SET budgets = (SELECT json_group_array(value) FROM (SELECT value FROM json_each(budgets) WHERE value <= trained_budget ORDER BY value)) WHERE trained_budget IS NOT NULL;
