// What does MRT with exact J add to a training step of outcome RL? Whole steps of both (sample, grade, J, credit, update) from the same
// starter weights on the same problems, 32 prompts x 8 rollouts each time with new problems, made of the parts that runs are made of.
// Left out: writing the record to the store, which both do alike. Equality: both sample the very same rollouts.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openEngine } from '../src-main/engine/engine.ts'
import type { Engine } from '../src-main/engine/engine.ts'
import type { ParameterSet } from '../src-main/engine/parameters.ts'
import { estimateJ } from '../src-main/lab/training/estimate.ts'
import { gather, gradedRollout, sampleSettings } from '../src-main/lab/training/gather.ts'
import type { Entry } from '../src-main/lab/training/gather.ts'
import { openLearner } from '../src-main/lab/training/learner.ts'
import type { Learner } from '../src-main/lab/training/learner.ts'
import { openProblems } from '../src-main/lab/training/tasks.ts'
import type { ProblemSource } from '../src-main/lab/training/tasks.ts'
import { createMethod, creditBatch } from '../src-main/rl/algorithms.ts'
import type { Method } from '../src-main/rl/algorithms.ts'
import { tokenWeights } from '../src-main/rl/tokenWeights.ts'
import { createWeights, openPolicy } from '../src-main/rollout/policy.ts'
import type { Policy } from '../src-main/rollout/policy.ts'
import { openStore } from '../src-main/store/openStore.ts'
import { runSpec } from '../src-preload/contract.ts'
import type { RunSpec } from '../src-preload/contract.ts'
import { startWeights } from './models.ts'
import type { Weights } from './models.ts'
import { cost, distance, figure } from './question.ts'
import type { Question } from './question.ts'

const ROUNDS = 7

export interface Contestant {
  readonly spec: RunSpec
  readonly method: Method
  readonly parameters: ParameterSet
  readonly policy: Policy
  readonly learner: Learner
}

export interface Times {
  readonly sample: number
  readonly J: number
  readonly credit: number
  readonly update: number
  readonly whole: number
}

export const question: Question = {
  title: 'step: a whole training step of MRT-exact against outcome RL',
  async ask({ start }) {
    const engine = openEngine()
    const weights = await startWeights(start)
    const folder = mkdtempSync(join(tmpdir(), 'mrt-bench-'))
    const store = openStore(folder, { create: true })
    const outcome = await openContestant(engine, weights, 'dr-grpo')
    const mrt = await openContestant(engine, weights, 'mrt-exact')
    const problems = openProblems(store, outcome.spec, Date.now, { size: weights.config.vocabSize, tokenizer: null })
    const times = { outcome: [] as Times[], mrt: [] as Times[] }
    let difference = 0
    try {
      // Step 0 warms up.
      for (let round = 0; round <= ROUNDS; round++) {
        const pair: Partial<Record<keyof typeof times, readonly Entry[]>> = {}
        for (const name of round % 2 === 0 ? (['outcome', 'mrt'] as const) : (['mrt', 'outcome'] as const)) {
          const contestant = { outcome, mrt }[name]
          restore(contestant, weights)
          const taken = await takeStep(contestant, problems, round + 1)
          pair[name] = taken.entries
          if (round > 0) times[name].push(taken.times)
        }
        difference = Math.max(difference, rolloutDifference(pair.outcome!, pair.mrt!))
      }
    } finally {
      for (const { policy, learner } of [outcome, mrt]) {
        learner.dispose()
        policy.dispose()
      }
      engine.dispose()
      store.close()
      rmSync(folder, { recursive: true })
    }
    const parts = ['whole', 'sample', 'J', 'credit', 'update'] as const
    const of = (name: keyof typeof times, part: keyof Times): number[] => times[name].map((each) => each[part])
    return {
      checks: [{ what: 'rollouts of both methods, token by token', difference, limit: 0 }],
      figures: [
        ...parts.map((part) => figure(`outcome RL: ${part}`, 'ms', of('outcome', part))),
        ...parts.map((part) => figure(`MRT-exact: ${part}`, 'ms', of('mrt', part))),
      ],
      ratios: [cost('a step of MRT-exact over one of outcome RL', of('mrt', 'whole'), of('outcome', 'whole'), { atMost: 1.3 })],
    }
  },
}

export async function openContestant(engine: Engine, { config, tensors }: Weights, algorithm: string): Promise<Contestant> {
  const spec = runSpec.parse({ algorithm: { name: algorithm }, promptsPerStep: 32, groupSize: 8, observeGroups: 0 })
  const method = createMethod(algorithm)
  const parameters = createWeights(engine, config, tensors)
  return {
    spec,
    method,
    parameters,
    policy: await openPolicy(engine, config, parameters, {
      rows: 256,
      maxLength: 24 + spec.budget.thinkingTokens + spec.budget.answerTokens,
    }),
    learner: await openLearner(engine, config, parameters, method.algorithm.loss(method.options), spec.microbatchTokens),
  }
}

export function restore({ parameters }: Contestant, { tensors }: Weights): void {
  for (const [name, values] of tensors) parameters.set(name, values)
}

export async function takeStep(
  { spec, method, policy, learner }: Contestant,
  problems: ProblemSource,
  step: number,
): Promise<{ entries: Entry[]; times: Times }> {
  const marks = [performance.now()]
  const mark = (): void => {
    marks.push(performance.now())
  }

  const entries = await gather({ spec, method, problems, policy, stale: async () => policy, options: {} }, step)
  mark()

  const needs = method.algorithm.needs(method.options)
  const needed = needs.J !== 'none'
  const { measured } = await estimateJ(policy, problems, entries, () => needed, {
    method: 'exact',
    samples: 0,
    maxEpisodes: needs.maxEpisodes ?? Infinity,
    seed: step,
    settings: sampleSettings(spec),
  })
  mark()

  const budgetTokens = spec.budget.thinkingTokens + spec.budget.answerTokens
  const graded = entries.map((entry, index) =>
    gradedRollout(entry, measured[index]?.boundaries ?? entry.rollout.boundaries, measured[index]?.J ?? null),
  )
  const credits = creditBatch(method, graded, { budgetTokens, seed: step, done: 0 })
  const used = entries.flatMap((_, index) => (credits[index]!.used ? [index] : []))
  const weights = tokenWeights(
    used.map((index) => credits[index]!),
    method.algorithm.loss(method.options).aggregation,
    budgetTokens,
  )
  mark()

  policy.forget?.()
  await learner.step(
    used.map((index, position) => ({
      prompt: entries[index]!.rollout.prompt,
      completion: entries[index]!.rollout.tokens,
      sampledLogps: entries[index]!.rollout.logps,
      advantages: credits[index]!.advantage,
      weights: weights[position]!,
    })),
    spec.optimizer,
  )
  mark()

  const [began, gathered, estimated, credited, updated] = marks as [number, number, number, number, number]
  return {
    entries,
    times: {
      sample: gathered - began,
      J: estimated - gathered,
      credit: credited - estimated,
      update: updated - credited,
      whole: updated - began,
    },
  }
}

function rolloutDifference(a: readonly Entry[], b: readonly Entry[]): number {
  return Math.max(
    ...a.map(({ rollout }, index) => {
      const other = b[index]!.rollout
      return rollout.tokens.length === other.tokens.length
        ? Math.max(distance(rollout.tokens, other.tokens), distance(rollout.logps, other.logps))
        : Infinity
    }),
  )
}
