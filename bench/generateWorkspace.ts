// Makes a synthetic workspace of N rollouts (a million unless told) through the store, for timing screens and queries. The
// numbers are plausible, not real: accuracy rises and length falls along each run, traces are countdown arithmetic with slips,
// and three methods differ a little. The same seed makes the same rows. Nothing made here may be mistaken for a result: every
// name begins with "synthetic".
//
//   node bench/generateWorkspace.ts FOLDER [--rollouts 1000000] [--runs 24] [--seed 1]

import { parseArgs } from 'node:util'
import { createRng, deriveSeed, type Rng } from '../src-main/numeric/rng.ts'
import { openStore, type Store } from '../src-main/store/openStore.ts'
import type {
  Episode,
  Estimator,
  EvaluationResult,
  NewProblem,
  NewRollout,
  ProgressEstimate,
  SampleProvenance,
} from '../src-preload/contract.ts'

export interface SyntheticOptions {
  readonly rollouts: number
  readonly runs: number
  readonly seed: number
  /** Told after every step. */
  readonly told?: (done: number, total: number) => void
}

export interface SyntheticResult {
  readonly rollouts: number
  readonly seconds: number
  readonly rolloutsPerSecond: number
  /** Time inside the store alone: making the rows is left out. */
  readonly storeRolloutsPerSecond: number
}

const METHODS = ['outcome', 'length', 'mrt-exact'] as const
const GROUPS = 32
const SAMPLES = 8
const PER_STEP = GROUPS * SAMPLES
const EVALUATED = 512
const BUDGETS = [0, 12, 24, 36, 48, 64, 80, 100, 120, 160, 200]
const TRAINED_BUDGET = 120
const START_MS = Date.UTC(2026, 0, 5)

const clamp = (value: number): number => Math.min(1, Math.max(0, value))

/** How far along its run a step is, 0 to 1, and what that does to each method. */
function skill(method: string, along: number): number {
  const gain = { outcome: 0.2, length: 0.14, 'mrt-exact': 0.26 }[method] ?? 0
  return 0.42 + gain * (1 - Math.exp(-3 * along))
}

function makeProblem(rng: Rng, number: number, split: string): NewProblem {
  const numbers = [rng.between(1, 20), rng.between(1, 20), rng.between(1, 20)]
  const target = rng.between(10, 99)
  return {
    key: `${split}-${number}`,
    split,
    prompt: `${numbers.join(' ')} -> ${target}`,
    answer: { numbers, target },
    level: 3,
    slices: { numbers: 3 },
  }
}

function equation(rng: Rng): string[] {
  const a = rng.between(1, 99)
  const b = rng.between(1, 99)
  const c = rng.between(1, 99)
  return [...`${a} + ${b} = ${a + b} , ${a + b} - ${c} = ${Math.abs(a + b - c)}`.split(' ')]
}

const provenance: SampleProvenance = {
  source: 'sampled',
  checkpointId: null,
  policyStep: null,
  sampling: { temperature: 1, topP: 1 },
  template: 'countdown',
  device: 'cpu',
  engine: 'synthetic',
  file: null,
}
const estimator: Estimator = {
  method: 'exact',
  samples: 0,
  weights: 'current',
  checkpointId: null,
  step: null,
  prover: 1,
  template: 'countdown',
  temperature: 1,
}

function makeRollout(rng: Rng, problemId: number, group: number, sample: number, method: string, along: number): NewRollout {
  const correct = rng.chance(skill(method, along))
  const count = rng.between(1, correct ? 4 : 6)
  const words: string[] = []
  const episodes: Episode[] = []
  const estimates: ProgressEstimate[] = [
    { boundary: 0, tokenOffset: 0, value: 0.3 + 0.1 * rng.float(), low: null, high: null, tokensForwarded: 8 },
  ]
  let textStart = 0
  for (let index = 0; index < count; index++) {
    const startToken = words.length
    const right = correct && index === count - 1
    words.push(...(index === 0 ? [] : ['Wait']), ...equation(rng), right ? 'yes' : 'no')
    const textEnd = textStart + words.slice(startToken).join(' ').length
    episodes.push({
      index,
      startToken,
      endToken: words.length,
      textStart,
      textEnd,
      marker: index === 0 ? '' : 'Wait',
      bonus: rng.float() - 0.4,
    })
    textStart = textEnd + 1
    const value = right ? 0.9 + 0.1 * rng.float() : clamp(estimates.at(-1)!.value + 0.3 * (rng.float() - 0.5))
    estimates.push({ boundary: index + 1, tokenOffset: words.length, value, low: null, high: null, tokensForwarded: 16 })
  }
  const thinkingTokens = words.length
  words.push('</think>', ...equation(rng))
  const length = words.length
  const finished = rng.chance(0.95)
  const outcome = Number(correct)
  const progress = estimates.at(-1)!.value - estimates[0]!.value
  return {
    problemId,
    group,
    sample,
    provenance,
    episodes,
    budgetTokens: TRAINED_BUDGET,
    thinkingTokens,
    finishReason: finished ? 'stop' : 'length',
    correct,
    extractedAnswer: words.slice(thinkingTokens + 1).join(' '),
    reward: outcome + (method === 'mrt-exact' ? progress : 0) - (method === 'length' ? length / 400 : 0),
    rewardParts: { outcome, progress },
    advantage: rng.float() - 0.5,
    used: rng.chance(0.9),
    discardReason: null,
    overthinkTokens: correct ? rng.between(0, 20) : null,
    error: null,
    text: words.join(' '),
    promptTokens: new Int32Array(7).fill(20),
    tokens: Int32Array.from({ length }, () => rng.between(15, 414)),
    logps: Float32Array.from({ length }, () => -2 * rng.float()),
    sampled: null,
    advantages: null,
    progress: [{ estimator, estimates }],
  }
}

function stepMetrics(rng: Rng, method: string, along: number, rollouts: readonly NewRollout[]): Record<string, number> {
  const of = (pick: (rollout: NewRollout) => number): number =>
    rollouts.reduce((total, rollout) => total + pick(rollout), 0) / rollouts.length
  const named = {
    reward: of((rollout) => rollout.reward!),
    'rewards/outcome/mean': of((rollout) => Number(rollout.correct)),
    'completions/mean_length': of((rollout) => rollout.tokens.length),
    'completions/clipped_ratio': of((rollout) => Number(rollout.finishReason === 'length')),
    'mrt/progress_mean': of((rollout) => rollout.rewardParts.progress!),
    'mrt/episodes_mean': of((rollout) => rollout.episodes.length),
    loss: 0.1 * (rng.float() - 0.5),
    entropy: 1.2 - 0.6 * along + 0.05 * rng.float(),
    kl: 0.02 * along,
    grad_norm: 0.5 + 0.2 * rng.float(),
    'ttc/regret@120': 1 - skill(method, along) + 0.01 * rng.float(),
  }
  const parts = Object.fromEntries(Array.from({ length: 24 }, (_, index) => [`timing/part_${index}`, rng.float()]))
  return { ...named, ...parts }
}

function recordEvaluation(
  store: Store,
  rng: Rng,
  runId: number,
  datasetId: number,
  problemIds: readonly number[],
  method: string,
  step: number,
  along: number,
  atMs: number,
): void {
  const { id } = store.evaluations.add({
    name: `synthetic step ${step}`,
    runId,
    checkpointId: null,
    modelId: null,
    datasetId,
    split: 'heldout',
    step,
    config: { samples: 2 },
    budgets: BUDGETS,
    trainedBudget: TRAINED_BUDGET,
    samplesPerProblem: 2,
    createdAtMs: atMs,
  })
  const results = problemIds.map((problemId): EvaluationResult => {
    const ease = clamp(skill(method, along) + 0.6 * (rng.float() - 0.5))
    const accuracyAtBudget = Float32Array.from(BUDGETS, (budget) => ease * (1 - Math.exp(-(budget + 20) / 50)))
    return {
      problemId,
      samples: 2,
      accuracy: accuracyAtBudget.at(-1)!,
      meanTokens: 60 + 20 * rng.float(),
      accuracyAtBudget,
      regretAtBudget: accuracyAtBudget.map((accuracy) => 1 - 0.8 * accuracy),
      keptAtBudget: accuracyAtBudget,
      keptWholeAtBudget: accuracyAtBudget,
      keptRegretAtBudget: accuracyAtBudget.map((accuracy) => 1 - 0.8 * accuracy),
    }
  })
  store.evaluations.addResults(id, results, [])
  const points = BUDGETS.map((x, index) => {
    const value = results.reduce((total, result) => total + result.accuracyAtBudget[index]!, 0) / results.length
    return { curve: 'natural', x, value, low: value - 0.02, high: value + 0.02, n: results.length, extrapolated: x > TRAINED_BUDGET }
  })
  const regret = points.map((point) => ({
    ...point,
    curve: 'natural-regret',
    value: 1 - point.value,
    low: 1 - point.high,
    high: 1 - point.low,
  }))
  store.evaluations.finish(id, {
    status: 'finished',
    atMs,
    wallMs: 9000,
    tokens: 80_000,
    metrics: { accuracy: points.at(-1)!.value },
    points: [...points, ...regret],
  })
}

/** Fills `store`, which should be new, with about `rollouts` rollouts, rounded up to whole steps. */
export function fillWorkspace(store: Store, { rollouts, runs, seed, told = () => {} }: SyntheticOptions): SyntheticResult {
  const began = performance.now()
  const rng = createRng(deriveSeed(seed, 'problems'))
  const datasetId = store.datasets.add({
    name: 'synthetic countdown',
    kind: 'procedural',
    source: { seed },
    roles: null,
    grader: 'countdown',
    note: '',
    createdAtMs: START_MS,
  })
  const evaluated = store.datasets.addProblems(
    datasetId,
    Array.from({ length: EVALUATED }, (_, number) => makeProblem(rng, number, 'eval')),
  )
  const trained = store.datasets.addProblems(
    datasetId,
    Array.from({ length: 4096 }, (_, number) => makeProblem(rng, number, 'train')),
  )
  const steps = Math.ceil(rollouts / PER_STEP)
  const stepsPerRun = Math.ceil(steps / runs)
  let done = 0
  let storeMs = 0
  for (let index = 0; done < steps * PER_STEP; index++) {
    const method = METHODS[index % METHODS.length]!
    const runSeed = Math.floor(index / METHODS.length)
    const dice = createRng(deriveSeed(seed, 'run', index))
    const planned = Math.min(stepsPerRun, steps - done / PER_STEP)
    const { id: runId } = store.runs.add({
      name: `synthetic ${method}`,
      method,
      algorithm: 'dr-grpo',
      config: { alpha: 1, groupSize: SAMPLES, learningRate: 3e-4, method },
      seed: runSeed,
      groupKey: `synthetic-${method}`,
      modelId: null,
      datasetId,
      parentRunId: null,
      parentStep: null,
      plannedSteps: planned,
      environment: { synthetic: true },
      note: '',
      createdAtMs: START_MS + index * 3_600_000,
    })
    store.runs.setStatus(runId, 'running', START_MS + index * 3_600_000)
    for (let step = 0; step < planned; step++) {
      const along = step / planned
      const atMs = START_MS + index * 3_600_000 + step * 4000
      const completions = Array.from({ length: PER_STEP }, (_, at) =>
        makeRollout(
          dice,
          trained[(step * GROUPS + Math.floor(at / SAMPLES)) % trained.length]!,
          Math.floor(at / SAMPLES),
          at % SAMPLES,
          method,
          along,
        ),
      )
      const metrics = stepMetrics(dice, method, along, completions)
      const startedMs = performance.now()
      store.steps.record({
        step: {
          runId,
          step,
          metrics,
          wallMs: 4000,
          tokens: 16_000,
          estimateTokens: 9000,
          flops: 4e11,
          learningRate: 3e-4,
          seedState: { counter: step },
          createdAtMs: atMs,
        },
        rollouts: completions,
        events:
          step % 50 === 0
            ? [{ runId, step, kind: 'log', level: 'info', code: 'synthetic.tick', message: `Step ${step}`, data: null, atMs }]
            : [],
      })
      storeMs += performance.now() - startedMs
      done += PER_STEP
      told(done, steps * PER_STEP)
    }
    for (const along of [0, 0.5, 1])
      recordEvaluation(
        store,
        dice,
        runId,
        datasetId,
        evaluated,
        method,
        Math.round(along * (planned - 1)),
        along,
        START_MS + index * 3_600_000,
      )
    store.runs.setStatus(runId, 'finished', START_MS + index * 3_600_000 + planned * 4000)
  }
  const seconds = (performance.now() - began) / 1000
  return { rollouts: done, seconds, rolloutsPerSecond: done / seconds, storeRolloutsPerSecond: (done / storeMs) * 1000 }
}

if (import.meta.main) {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      rollouts: { type: 'string', default: '1000000' },
      runs: { type: 'string', default: '24' },
      seed: { type: 'string', default: '1' },
    },
  })
  const folder = positionals[0]
  if (folder === undefined) throw new Error('usage: node bench/generateWorkspace.ts FOLDER [--rollouts N] [--runs N] [--seed N]')
  const store = openStore(folder, { create: true })
  const made = fillWorkspace(store, {
    rollouts: Number(values.rollouts),
    runs: Number(values.runs),
    seed: Number(values.seed),
    told: (done, total) => {
      if (done % (PER_STEP * 400) === 0) console.log(`${done} of ${total}`)
    },
  })
  console.log(
    `${made.rollouts} rollouts in ${made.seconds.toFixed(1)} s; the store alone took ${Math.round(made.storeRolloutsPerSecond)} a second; ${(store.workspace().databaseBytes / 2 ** 20).toFixed(0)} MiB`,
  )
  store.close()
}
