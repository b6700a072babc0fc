-- The task of a specification is a name and the options of that task: `numbers` of Countdown became its `level`. Runs that were grouped by
-- their whole specification keep their groups.
UPDATE runs SET config = json_set(json_remove(config, '$.task.numbers'), '$.task.options', json_object('level', CAST(json_extract(config, '$.task.numbers') AS TEXT)))
  WHERE json_valid(config) AND json_extract(config, '$.task.numbers') IS NOT NULL;
UPDATE runs SET group_key = replace(group_key, '"name":"countdown","numbers":3', '"name":"countdown","options":{"level":"3"}');
UPDATE runs SET group_key = replace(group_key, '"name":"countdown","numbers":4', '"name":"countdown","options":{"level":"4"}');
UPDATE runs SET group_key = replace(group_key, '"name":"countdown","numbers":5', '"name":"countdown","options":{"level":"5"}');
UPDATE evaluations SET config = json_set(json_remove(config, '$.task.numbers'), '$.task.options', json_object('level', CAST(json_extract(config, '$.task.numbers') AS TEXT)))
  WHERE json_valid(config) AND json_extract(config, '$.task.numbers') IS NOT NULL;
UPDATE study_cells SET spec = json_set(json_remove(spec, '$.task.numbers'), '$.task.options', json_object('level', CAST(json_extract(spec, '$.task.numbers') AS TEXT)))
  WHERE json_valid(spec) AND json_extract(spec, '$.task.numbers') IS NOT NULL;
