// A run small enough for a test: a two-layer model over the real vocabulary, a few short rollouts, and a workspace in a temporary folder.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { RunSpecInput } from '../../src-preload/contract.ts'
import type { OpenedContext } from '../../src-main/lab/process/openContext.ts'
import { openContext } from '../../src-main/lab/process/openContext.ts'
import { saveCheckpoint } from '../../src-main/model/checkpoint.ts'
import { initialWeights, parameterSpecs } from '../../src-main/model/config.ts'
import type { LlamaConfig } from '../../src-main/model/config.ts'

export const MICRO_CONFIG: LlamaConfig = {
  architecture: 'llama',
  vocabSize: 416,
  hiddenSize: 32,
  intermediateSize: 64,
  layers: 2,
  heads: 2,
  kvHeads: 1,
  headDim: 16,
  ropeTheta: 10_000,
  rmsEps: 1e-5,
  maxPositions: 256,
}

export interface Bench {
  readonly folder: string
  readonly start: string
  open(name: string): OpenedContext
  dispose(): void
}

/** A temporary folder with a micro checkpoint (random weights, for tests that need no skill); `open` makes workspaces in it. */
export async function openBench(): Promise<Bench> {
  const folder = mkdtempSync(join(tmpdir(), 'mrt-lab-'))
  const weights = initialWeights(MICRO_CONFIG, 3)
  const { path } = await saveCheckpoint(join(folder, 'start'), {
    config: MICRO_CONFIG,
    tensors: new Map(parameterSpecs(MICRO_CONFIG).map(({ name, dims }) => [name, { dims, data: weights.get(name)! }])),
    meta: { name: 'micro' },
  })
  return {
    folder,
    start: path,
    open: (name) => openContext({ folder: join(folder, name), create: true, program: 'test' }),
    dispose: () => rmSync(folder, { recursive: true, force: true }),
  }
}

export function microSpec(start: string, algorithm: RunSpecInput['algorithm'], more: Partial<RunSpecInput> = {}): RunSpecInput {
  return {
    name: 'micro',
    start,
    algorithm,
    steps: 4,
    seed: 5,
    promptsPerStep: 3,
    groupSize: 4,
    checkpointEvery: 2,
    observeGroups: 1,
    watch: { problems: 0 },
    budget: { thinkingTokens: 24, answerTokens: 8 },
    optimizer: { lr: 1e-3 },
    evaluation: { problems: 8, samples: 2, budgets: [8, 16, 24, 32] },
    ...more,
  }
}
