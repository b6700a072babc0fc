import type { RunSpecInput } from '../../src-preload/contract.ts'

/** A run of the first model of the workspace, a tiny one of text (littleText.ts): two steps of arithmetic in words, with exact J. */
export const textSpec = (more: Partial<RunSpecInput> = {}): RunSpecInput => ({
  name: 'text',
  start: 'model:1',
  task: { name: 'arithmetic', options: { level: '2' } },
  algorithm: { name: 'mrt-exact' },
  steps: 2,
  seed: 3,
  promptsPerStep: 2,
  groupSize: 3,
  checkpointEvery: 1,
  observeGroups: 1,
  watch: { problems: 0 },
  microbatchTokens: 512,
  budget: { thinkingTokens: 12, answerTokens: 5 },
  optimizer: { lr: 1e-3 },
  evaluation: { problems: 4, samples: 2, budgets: [4, 12], longest: 20 },
  ...more,
})
