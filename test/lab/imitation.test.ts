// What imitation from random weights asks of its learner, step by step, and what it says of the weights along the way. The learner here learns nothing, so that
// the weights stay known.
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { openEngine, type Engine } from '../../src-main/engine/engine.ts'
import { schedule } from '../../src-main/engine/schedules.ts'
import type { OptimizerSettings } from '../../src-main/engine/trainer.ts'
import type { PaidSequence } from '../../src-main/lab/training/learner.ts'
import { pretrain, type PretrainRecipe, type PretrainStage } from '../../src-main/lab/training/pretrain.ts'
import { STARTER_RECIPE } from '../../src-main/lab/training/starter.ts'
import { trainingPool } from '../../src-main/lab/training/tasks.ts'
import { initialWeights } from '../../src-main/model/config.ts'
import { createRng, deriveSeed } from '../../src-main/numeric/rng.ts'
import { mean } from '../../src-main/numeric/stats.ts'
import { exactMu } from '../../src-main/rollout/exactMu.ts'
import { createWeights, openPolicy } from '../../src-main/rollout/policy.ts'
import { createCountdown } from '../../src-main/tasks/countdown.ts'
import type { SpokenTask } from '../../src-main/tasks/types.ts'
import { MICRO_CONFIG } from './micro.ts'

const learner = vi.hoisted(() => ({ opened: [] as unknown[][], steps: [] as unknown[], disposed: 0 }))
vi.mock('../../src-main/lab/training/learner.ts', () => ({
  openLearner: (...args: unknown[]) => {
    learner.opened.push(args)
    return Promise.resolve({
      step: (sequences: unknown, optimizer: unknown, signal: unknown) => {
        learner.steps.push({ sequences, optimizer, signal })
        return Promise.resolve({ loss: learner.steps.length / 8, forwardedTokens: 100 })
      },
      dispose: () => void learner.disposed++,
    })
  },
}))
const steps = () =>
  learner.steps as { readonly sequences: PaidSequence[]; readonly optimizer: OptimizerSettings; readonly signal: unknown }[]

const stages: readonly PretrainStage[] = [
  { steps: 3, lr: 0.5, warmupSteps: 1, floor: 0.1, teacher: {} },
  { steps: 2, lr: 0.25, warmupSteps: 0, floor: 0.5, teacher: { recheck: 0.5 } },
]
const RECIPE: PretrainRecipe = {
  ...STARTER_RECIPE,
  model: { ...MICRO_CONFIG, maxPositions: 512 },
  seed: 7,
  stages,
  tracesPerStep: 4,
  checkEvery: 2,
  checkProblems: 3,
  settings: { ...STARTER_RECIPE.settings, thinkingTokens: 16, answerTokens: 6 },
}
const taskOf = (teacher: Readonly<Record<string, number>>): SpokenTask => createCountdown({ maxAnswers: null }, teacher) as SpokenTask

let engine: Engine
beforeAll(() => {
  engine = openEngine({})
})
afterAll(() => engine.dispose())
beforeEach(() => {
  Object.assign(learner, { opened: [], steps: [], disposed: 0 })
})

describe('imitation', () => {
  it('gives its learner the demonstrations of each step, at the rate of its stage, which warms up and falls to its floor', async () => {
    const { signal } = new AbortController()
    await pretrain(engine, taskOf, RECIPE, { onStep() {}, signal })
    expect(steps().map(({ optimizer }) => optimizer.lr)).toEqual(
      stages.flatMap(({ steps: totalSteps, lr, warmupSteps, floor }) => {
        const rate = schedule({ name: 'cosine', warmupSteps, totalSteps, floor })
        return Array.from({ length: totalSteps }, (_, done) => lr * rate(done))
      }),
    )
    const { lr: _lr, ...optimizer } = steps()[0]!.optimizer
    expect(optimizer).toEqual({ beta1: 0.9, beta2: RECIPE.beta2, eps: 1e-8, weightDecay: RECIPE.weightDecay, clipNorm: RECIPE.clipNorm })
    steps().forEach(({ sequences, signal: heard }, index) => {
      const task = taskOf(stages[index < 3 ? 0 : 1]!.teacher)
      const rng = createRng(deriveSeed(7, 'demonstrations', index + 1))
      const shown = Array.from({ length: 4 }, () => {
        const problem = rng.pick(trainingPool(task, 'imitation'))
        return [problem.promptTokens, Array.from(task.teacherTrace(problem, rng)!.completion)]
      })
      expect(sequences.map(({ prompt, completion }) => [prompt, Array.from(completion)])).toEqual(shown)
      // The mean over all tokens that carry loss.
      const tokens = sequences.flatMap(({ weights, advantages }) => Array.from(weights, (weight, at) => [weight, advantages[at]!] as const))
      expect(tokens.reduce((sum, [weight]) => sum + weight, 0)).toBeCloseTo(1, 5)
      for (const [weight, advantage] of tokens) if (weight !== 0) expect(advantage).toBe(1)
      expect(heard).toBe(signal)
    })
    expect(learner.opened.map((args) => [args[1], args[4]])).toEqual(stages.map(() => [RECIPE.model, RECIPE.microbatchTokens]))
    expect(learner.disposed).toBe(2)
  })

  it('looks at how often the weights are right on validation problems, how much they write, and what they would answer at once and after thinking', async () => {
    const { curve, tensors } = await pretrain(engine, taskOf, RECIPE, { onStep() {} })
    expect(curve.map(({ step, loss, trainedTokens }) => [step, loss, trainedTokens])).toEqual(
      [2, 3, 4, 5].map((step) => [step, step / 8, 100 * step]),
    )
    const initial = initialWeights(RECIPE.model, 7)
    const rounded = new Map([...initial].map(([name, values]) => [name, Float32Array.from(new Float16Array(values))]))
    expect([...tensors].map(([name]) => name).toSorted()).toEqual([...initial.keys()].toSorted())
    for (const [name, values] of tensors) expect(values).toEqual(rounded.get(name))
    const task = taskOf({})
    const problems = task.problems('validation', 3, deriveSeed(0, 'validation'))
    for (const [weights, points] of [
      [initial, curve.slice(0, 2)],
      [rounded, curve.slice(2)],
    ] as const) {
      const parameters = createWeights(engine, RECIPE.model, weights)
      const policy = await openPolicy(engine, RECIPE.model, parameters, { rows: 256, maxLength: 512 })
      const rollouts = await policy.sample(
        task.format,
        problems.map(({ promptTokens }, index) => ({ prompt: promptTokens, seed: deriveSeed(7, 'check', index) })),
        RECIPE.settings,
      )
      const { J } = await exactMu(
        rollouts.map(({ prompt, tokens, thinkEnd }, index) => ({
          prompt,
          completion: tokens,
          cuts: [0, thinkEnd],
          answers: task.answerTrie(problems[index]!)!,
        })),
        task.format.terminationSuffix,
        (feeds, read) => policy.branches.run(feeds, read),
      )
      policy.dispose()
      parameters.dispose()
      for (const { accuracy, meanTokens, jStart, jEnd } of points) {
        expect(accuracy).toBe(mean(rollouts.map(({ tokens }, index) => Number(task.grade(problems[index]!, tokens).correct))))
        expect(meanTokens).toBe(mean(rollouts.map(({ tokens }) => tokens.length)))
        expect(jStart / mean(J.map((each) => each[0]!))).toBeCloseTo(1, 6)
        expect(jEnd / mean(J.map((each) => each[1]!))).toBeCloseTo(1, 6)
      }
    }
  })

  it('ends before its next step where it is told to end', async () => {
    const control = new AbortController()
    const told: number[] = []
    const onStep = (step: number): void => {
      told.push(step)
      if (step === 1) control.abort(new Error('enough'))
    }
    await expect(pretrain(engine, taskOf, { ...RECIPE, checkEvery: 100 }, { onStep, signal: control.signal })).rejects.toThrow('enough')
    expect([told, learner.disposed]).toEqual([[1], 1])
  })
})
