// The record of a study whose values are the same for every problem unless said otherwise, so that what is read of it can be worked out in the head.
import type { RecordedCell, StudyRecord, Values } from '../../src-main/lab/study/record.ts'
import type { StudyCell } from '../../src-main/store/studies.ts'

export const BUDGETS = [60, 120, 240, 360]
/** Four problems in two clusters. */
export const CLUSTERS = [0, 0, 1, 1]

export interface Level {
  /** Shares at the budgets, of natural thinking and of thinking that is kept going. */
  readonly natural?: readonly number[]
  readonly kept?: readonly number[]
  readonly regret?: number
  readonly tokens?: number
}

export const valuesOf = (
  { natural = [0.4, 0.5, 0.5, 0.5], kept = natural, regret = 0.6, tokens = 80 }: Level = {},
  problems = 4,
): Values => {
  const flat = (value: number): number[] => new Array<number>(problems).fill(value)
  return {
    natural: natural.map((share) => flat(Math.round(10_000 * share))),
    kept: kept.map((share) => flat(Math.round(10_000 * share))),
    regret: flat(Math.round(10_000 * regret)),
    tokens: flat(Math.round(100 * tokens)),
  }
}

export const cellOf = (arm: string, seed: number, level: Level = {}, more: Partial<RecordedCell> = {}): RecordedCell => ({
  arm,
  seed,
  status: 'finished',
  learningRate: 3e-4,
  steps: 40,
  revision: 'abc1234',
  engine: '1.30.0',
  wallMs: 60_000,
  cost: { tokens: 2000, estimateTokens: 500, flops: 4e12 },
  evaluations: { heldout: valuesOf(level) },
  equalCost: null,
  validation: [],
  ...more,
})

/** A cell of a study as the store has it. */
export const studyCell = (id: number, arm: string, seed: number, more: Partial<StudyCell> = {}): StudyCell => ({
  id,
  studyId: 1,
  arm,
  seed,
  spec: {},
  runId: null,
  status: 'waiting',
  notes: {},
  wallMs: 0,
  finishedAtMs: null,
  ...more,
})

export const armsOf = (keys: readonly string[]): StudyRecord['arms'] =>
  keys.map((key) => ({ key, title: key, role: 'method', algorithm: { outcome: 'dr-grpo' }[key] ?? key, options: {}, sweep: [] }))

export const recordWith = (cells: readonly RecordedCell[], more: Partial<StudyRecord> = {}): StudyRecord => ({
  format: 1,
  study: 'headline',
  title: 'A study',
  uid: 'u',
  baseline: 'outcome',
  subject: 'mrt-exact',
  budgets: BUDGETS,
  trainedBudget: 120,
  conditions: { steps: 40, problems: 4, samples: 2, learningRate: 'fixed', validation: 4, checkpointEvery: 5, changes: {} },
  spec: {
    task: { name: 'countdown', options: { level: '3' } },
    budget: { thinkingTokens: 120, answerTokens: 24 },
    sampling: { temperature: 1, topK: 0, topP: 1, minP: 0 },
    promptsPerStep: 32,
    groupSize: 8,
    start: 'starter',
    kept: 2,
    seed: 1,
  },
  environment: { cpu: 'a processor', cores: 2, program: '0.1.0', node: 'v24' },
  start: { parameters: 100, sha256: 'f00', evaluations: { heldout: valuesOf({ natural: [0.3, 0.3, 0.3, 0.3] }) } },
  arms: armsOf(['outcome', 'length-0.5', 'mrt-exact']),
  clusters: { heldout: CLUSTERS },
  cells,
  ...more,
})
