// What can be chosen: presets, algorithms, tasks, and the words that explain them.

import { z } from 'zod'
import { runSpec } from './runSpec.ts'
import { method, none } from './shared.ts'
import { count, name, type Of } from './values.ts'

const option = z.object({
  name,
  kind: z.enum(['number', 'choice', 'flag']),
  default: z.union([z.number(), z.string(), z.boolean()]),
  min: z.number().nullable(),
  max: z.number().nullable(),
  integer: z.boolean(),
  /** Choice to its meaning; empty unless `kind` is choice. */
  choices: z.record(z.string(), z.string()),
  unit: z.string(),
  reason: z.string(),
  aliases: z.array(z.string()),
})
export type OptionDescription = Of<typeof option>
export const algorithmDescription = z.object({
  name,
  title: z.string(),
  /** What it rewards, as runs record it; the first word is its family. */
  method: name,
  /** The credit rule in one sentence, and the paper it follows. */
  rule: z.string(),
  source: z.string(),
  /** What must be sampled for it, with its default options. */
  needs: z.object({ data: z.enum(['demonstrations', 'rollouts', 'arms']), J: z.enum(['none', 'sampled', 'exact']) }),
  options: z.array(option),
})
export type AlgorithmDescription = Of<typeof algorithmDescription>
export const taskDescription = z.object({
  name,
  title: z.string(),
  /** What its problems ask, in one sentence. */
  about: z.string(),
  /** The dial, the easiest first: what can be chosen as `level`. `problems`: how many different ones there are, where they are few. Empty where there is no dial. */
  levels: z.array(z.object({ id: name, label: z.string(), problems: count.nullable() })),
  options: z.array(option),
})
export type TaskDescription = Of<typeof taskDescription>
export const preset = z.object({
  id: name,
  title: z.string(),
  about: z.string(),
  /** What its algorithm rewards. */
  method: name,
  spec: runSpec,
  /** One of the runs a newcomer compares first. */
  quickstart: z.boolean(),
})
export type PresetDescription = Of<typeof preset>
export const term = z.object({
  /** As the paper writes it; empty where it has no symbol. */
  symbol: z.string(),
  term: name,
  meaning: z.string(),
  source: z.string(),
})
export type Term = Of<typeof term>
export const metricDescription = z.object({
  /** A name, or a pattern with `<...>` parts such as `ttc/regret@<budget>`. */
  name,
  title: z.string(),
  meaning: z.string(),
  unit: z.enum(['', 'tokens', 'share', 'nats', 'ms', 'tokens/s', 'bytes']),
  better: z.enum(['higher', 'lower', 'neither']),
  section: z.enum(['reward', 'thinking', 'answers', 'stability', 'performance', 'evaluation']),
})
export type MetricDescription = Of<typeof metricDescription>

export const choicesMethods = {
  presets: { list: method(none, z.array(preset)) },
  algorithms: { list: method(none, z.array(algorithmDescription)) },
  /** Problem sets a run can be trained on, with what can be chosen of each; imported sets are one task that names its dataset. */
  tasks: { list: method(none, z.array(taskDescription)) },
  glossary: { list: method(none, z.array(term)), metrics: method(none, z.array(metricDescription)) },
}
