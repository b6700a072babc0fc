// A workspace full of small records made by hand, so that what the queries say can be worked out on paper: two configurations with two
// seeds each, four steps of one group, and one evaluation per run on the same four problems. Also the start's own evaluation.
import { cpus } from 'node:os'
import { runSpec, type Json, type NewRollout, type RunSpecInput } from '../../src-preload/contract.ts'
import { openStore, type Store } from '../../src-main/store/openStore.ts'
import { STARTER_CONFIG } from '../../src-main/model/config.ts'

export const AT_MS = 1_800_000_000_000
export const BUDGETS = [10, 20, 40]

export const specOf = (algorithm: string, seed: number, more: Partial<RunSpecInput> = {}) =>
  runSpec.parse({
    name: algorithm,
    algorithm: { name: algorithm },
    seed,
    steps: 4,
    budget: { thinkingTokens: 20, answerTokens: 4 },
    ...more,
  })

/** Nine tokens of thinking in two episodes, one to close it, two of answer. J goes 0.1 -> 0.3 -> 0.9 when right, 0.1 -> 0.2 -> 0.1 when wrong. */
export function rollout(problemId: number, group: number, sample: number, correct: boolean): NewRollout {
  const J = correct ? [0.1, 0.3, 0.9] : [0.1, 0.2, 0.1]
  return {
    problemId,
    group,
    sample,
    budgetTokens: 20,
    thinkingTokens: 9,
    finishReason: 'stop',
    correct,
    extractedAnswer: correct ? '9 * 5' : null,
    reward: correct ? 1 : 0,
    rewardParts: { outcome: correct ? 1 : 0 },
    advantage: correct ? 0.5 : -0.5,
    used: true,
    discardReason: null,
    overthinkTokens: correct ? 0 : null,
    error: null,
    text: '1 + 2 = 3 no Wait 9 * 5 </think> 45 <eos>',
    promptTokens: Int32Array.from([1, 15, 16]),
    tokens: Int32Array.from([15, 8, 16, 12, 17, 5, 23, 10, 19, 4, 59, 2]),
    logps: new Float32Array(12).fill(-0.5),
    sampled: null,
    advantages: new Float32Array(12).fill(correct ? 0.5 : -0.5),
    episodes: [
      { index: 0, startToken: 0, endToken: 5, textStart: 0, textEnd: 12, marker: '', bonus: null },
      { index: 1, startToken: 5, endToken: 9, textStart: 13, textEnd: 23, marker: 'Wait', bonus: null },
    ],
    progress: [
      {
        estimator: {
          method: 'exact',
          samples: 0,
          weights: 'current',
          checkpointId: null,
          step: 0,
          prover: 1,
          template: 'bare',
          temperature: 1,
        },
        estimates: J.map((value, boundary) => ({
          boundary,
          tokenOffset: [0, 5, 9][boundary]!,
          value,
          low: null,
          high: null,
          tokensForwarded: 3,
        })),
      },
    ],
    provenance: {
      source: 'sampled',
      checkpointId: null,
      policyStep: 0,
      sampling: {},
      template: 'bare',
      device: 'cpu',
      engine: 'none',
      file: null,
    },
  }
}

export interface Filled {
  readonly runIds: number[]
  readonly problemIds: number[]
  readonly evaluationIds: number[]
  readonly startEvaluationId: number
}

/** Kept thinking of a problem: half of its accuracy as the cut falls; after the last whole attempt what natural thinking says. */
const kept = (most: number) => ({
  keptAtBudget: Float32Array.from([most / 8, most / 4, most / 2]),
  keptWholeAtBudget: Float32Array.from([most / 4, most / 2, most]),
  keptRegretAtBudget: Float32Array.from([1 - most / 8, 1 - most / 4, 1 - most / 2]),
})

/** Accuracy at the largest budget of problem p under run r: hand-picked, so that means are round. */
const ACCURACY = [
  [0.2, 0.4, 0.6, 0.8],
  [0.2, 0.4, 0.6, 0.8],
  [0.4, 0.6, 0.8, 1],
  [0.4, 0.6, 0.8, 1],
] as const

/** Problems of Countdown with two numbers, held out, one to a target. */
export function addCountdown({ datasets }: Store, targets: readonly number[], createdAtMs: number) {
  const datasetId = datasets.add({
    name: 'countdown-3',
    kind: 'procedural',
    source: {},
    roles: null,
    grader: 'countdown',
    note: '',
    createdAtMs,
  })
  const problemIds = datasets.addProblems(
    datasetId,
    targets.map((target, at) => ({
      key: `p${at + 1}`,
      split: 'heldout',
      prompt: `problem ${at + 1}`,
      answer: { numbers: [1, 2], target },
      level: 3,
      slices: {},
    })),
  )
  return { datasetId, problemIds }
}

export function fill(store: Store): Filled {
  const { datasetId, problemIds } = addCountdown(store, [1, 2, 3, 4], AT_MS)
  const modelId = store.models.add({
    name: 'starter',
    kind: 'starter',
    family: 'llama',
    config: { ...STARTER_CONFIG },
    tokenizer: {},
    parameterCount: 10,
    bytes: 40,
    path: 'starter',
    sha256: 'abc',
    provenance: {},
    createdAtMs: AT_MS,
  })
  const evaluation = (runId: number | null, step: number, accuracies: readonly number[]): number => {
    const { id } = store.evaluations.add({
      name: 'evaluation',
      runId,
      checkpointId: null,
      modelId,
      datasetId,
      split: 'heldout',
      step,
      config: {},
      budgets: BUDGETS,
      trainedBudget: 20,
      samplesPerProblem: 2,
      createdAtMs: AT_MS,
    })
    store.evaluations.addResults(
      id,
      problemIds.map((problemId, index) => {
        const most = accuracies[index]!
        return {
          problemId,
          samples: 2,
          accuracy: most,
          meanTokens: 10 + 2 * index,
          accuracyAtBudget: Float32Array.from([most / 4, most / 2, most]),
          regretAtBudget: Float32Array.from([1 - most / 8, 1 - most / 4, 1 - most / 2]),
          ...kept(most),
        }
      }),
      [],
    )
    store.evaluations.finish(id, {
      status: 'finished',
      atMs: AT_MS,
      wallMs: 5,
      tokens: 100,
      metrics: { accuracy: 0.5, 'completions/mean_length': 13, 'ttc/acc@40': 0.5 },
      points: BUDGETS.map((x) => ({ curve: 'natural', x, value: x / 80, low: null, high: null, n: 4, extrapolated: x > 20 })),
    })
    return id
  }
  const startEvaluationId = evaluation(null, 0, [0, 0.2, 0.4, 0.6])
  const runIds = ['dr-grpo', 'dr-grpo', 'mrt-exact', 'mrt-exact'].map((algorithm, index) => {
    const seed = (index % 2) + 1
    const run = store.runs.add({
      name: algorithm,
      method: algorithm,
      algorithm,
      config: specOf(algorithm, seed) as unknown as Json,
      seed,
      groupKey: algorithm,
      modelId,
      datasetId,
      parentRunId: null,
      parentStep: null,
      plannedSteps: 4,
      environment: { cpu: cpus()[0]!.model.trim(), cores: cpus().length },
      note: '',
      createdAtMs: AT_MS,
    })
    store.runs.setStatus(run.id, 'running', AT_MS)
    for (let step = 1; step <= 4; step++) {
      store.steps.record({
        step: {
          runId: run.id,
          step,
          metrics: {
            reward: step / 10 + index / 100,
            loss: 0.1 * step,
            'completions/mean_length': 20 - step,
            'rewards/outcome/mean': step / 10,
          },
          wallMs: 1000,
          tokens: 48,
          estimateTokens: 12,
          flops: 1e9,
          learningRate: 1e-4,
          seedState: { step },
          createdAtMs: AT_MS + step,
        },
        rollouts: [true, false, true, false].map((correct, sample) => rollout(problemIds[step - 1]!, 0, sample, correct)),
        events:
          step === 2
            ? [
                {
                  runId: run.id,
                  step,
                  kind: 'health',
                  level: 'warn',
                  code: 'groups.noSignal',
                  message: 'They agree.',
                  data: { share: 0.9, rollouts: { runId: run.id, steps: [1, 2] } },
                  atMs: AT_MS,
                },
              ]
            : [],
      })
    }
    store.checkpoints.add({
      contentId: `c${run.id}`,
      runId: run.id,
      step: 4,
      kind: 'full',
      modelId,
      bytes: 1000,
      resumable: true,
      pinned: false,
      createdAtMs: AT_MS,
    })
    store.runs.setStatus(run.id, 'finished', AT_MS + 10)
    return run.id
  })
  const evaluationIds = runIds.map((runId, index) => evaluation(runId, 4, ACCURACY[index]!))
  return { runIds, problemIds, evaluationIds, startEvaluationId }
}

/** A closed workspace in `folder`, filled. */
export function makeWorkspace(folder: string): Filled {
  const store = openStore(folder, { create: true, now: () => AT_MS })
  try {
    return fill(store)
  } finally {
    store.close()
  }
}
