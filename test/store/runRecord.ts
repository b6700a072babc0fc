// Plain records for the store's tests, and for the processes they start: no test runner in here.

import type {
  Estimator,
  NewCheckpoint,
  NewEvaluation,
  NewModel,
  NewProblem,
  NewRollout,
  NewRun,
  SampleProvenance,
  Step,
} from '../../src-preload/contract.ts'

export const problemNamed = (key: string, split = 'train'): NewProblem => ({
  key,
  split,
  prompt: `${key} -> 79`,
  answer: { numbers: [5, 4, 15], target: 79 },
  level: 3,
  slices: { source: 'test' },
})

export const newRun = (changes: Partial<NewRun> = {}): NewRun => ({
  name: 'first',
  method: 'mrt-exact',
  algorithm: 'dr-grpo',
  config: { alpha: 1 },
  seed: 1,
  groupKey: 'g',
  modelId: null,
  datasetId: null,
  parentRunId: null,
  parentStep: null,
  plannedSteps: 10,
  environment: { cpu: 'test' },
  note: '',
  createdAtMs: 5,
  ...changes,
})

export const stepOf = (runId: number, step: number, metrics: Record<string, number> = { reward: step / 10 }): Step => ({
  runId,
  step,
  metrics,
  wallMs: 100,
  tokens: 50,
  estimateTokens: 20,
  flops: 1e9,
  learningRate: 3e-4,
  seedState: { counter: step },
  createdAtMs: 1000 + step,
})

export const provenance: SampleProvenance = {
  source: 'sampled',
  checkpointId: null,
  policyStep: 3,
  sampling: { temperature: 1 },
  template: 'countdown',
  device: 'cpu',
  engine: 'test',
  file: null,
}
export const exact: Estimator = {
  method: 'exact',
  samples: 0,
  weights: 'current',
  checkpointId: null,
  step: 3,
  prover: 1,
  template: 'countdown',
  temperature: 1,
}

/** A rollout with two episodes and J rising from 0.25 to 0.75, with values that float32 holds exactly. */
export const rolloutOf = (problemId: number, changes: Partial<NewRollout> = {}): NewRollout => ({
  problemId,
  group: 0,
  sample: 0,
  budgetTokens: 120,
  thinkingTokens: 10,
  finishReason: 'stop',
  correct: true,
  extractedAnswer: '5 * 15 , 75 + 4',
  reward: 1.5,
  rewardParts: { outcome: 1, progress: 0.5 },
  advantage: 0.25,
  used: true,
  discardReason: null,
  overthinkTokens: 4,
  error: null,
  text: '5 + 4 = 9 no Wait 5 * 15 = 75 yes',
  promptTokens: Int32Array.of(1, 19, 18, 29, 14, 93, 3),
  tokens: Int32Array.of(19, 8, 18, 12, 23),
  logps: Float32Array.of(-0.5, -0.25, -1, -2, 0),
  sampled: Uint8Array.of(1, 1, 1, 0, 1),
  advantages: Float32Array.of(0.5, 0.5, 0.5, -0.5, 0.5),
  episodes: [
    { index: 0, startToken: 0, endToken: 3, textStart: 0, textEnd: 12, marker: '', bonus: -0.125 },
    { index: 1, startToken: 3, endToken: 5, textStart: 13, textEnd: 33, marker: 'Wait', bonus: 0.5 },
  ],
  progress: [
    {
      estimator: exact,
      estimates: [0.25, 0.125, 0.75].map((value, boundary) => ({
        boundary,
        tokenOffset: [0, 3, 5][boundary]!,
        value,
        low: null,
        high: null,
        tokensForwarded: 9,
      })),
    },
  ],
  provenance,
  ...changes,
})

export const newEvaluation = (datasetId: number, changes: Partial<NewEvaluation> = {}): NewEvaluation => ({
  name: 'held out',
  runId: null,
  checkpointId: null,
  modelId: null,
  datasetId,
  split: 'eval',
  step: null,
  config: { temperature: 1 },
  budgets: [0, 64, 120],
  trainedBudget: 64,
  samplesPerProblem: 2,
  createdAtMs: 7,
  ...changes,
})

/** A checkpoint of one byte that can be gone on from. */
export const newCheckpoint = (runId: number, contentId: string, changes: Partial<NewCheckpoint> = {}): NewCheckpoint => ({
  contentId,
  runId,
  step: 0,
  kind: 'full',
  modelId: null,
  bytes: 1,
  resumable: true,
  pinned: false,
  createdAtMs: 1,
  ...changes,
})

/** A model of text that is only on record. */
export const newModel = (path: string, sha256: string): NewModel => ({
  name: path,
  kind: 'gguf',
  family: 'llama',
  config: {},
  tokenizer: null,
  parameterCount: 1,
  bytes: 1,
  path,
  sha256,
  provenance: null,
  createdAtMs: 1,
})
