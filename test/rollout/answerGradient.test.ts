// The exact gradient of J through packed branches: it is the slope of J, what sampled answers estimate, and it is had for less.
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { openEngine } from '../../src-main/engine/engine.ts'
import type { Engine } from '../../src-main/engine/engine.ts'
import type { ParameterSet } from '../../src-main/engine/parameters.ts'
import type { Trainer } from '../../src-main/engine/trainer.ts'
import { toOnnx } from '../../src-main/graph/onnx.ts'
import { answerTerm } from '../../src-main/model/branches.ts'
import { loadCheckpoint } from '../../src-main/model/checkpoint.ts'
import { parameterSpecs } from '../../src-main/model/config.ts'
import type { LlamaConfig } from '../../src-main/model/config.ts'
import { GRADIENT_PREFIX, trainGraph } from '../../src-main/model/llama.ts'
import { deriveSeed } from '../../src-main/numeric/rng.ts'
import { lossGraph } from '../../src-main/rl/loss.ts'
import { createMethod } from '../../src-main/rl/algorithms.ts'
import { rlooAdvantages } from '../../src-main/rl/rloo.ts'
import { answerBatches, noAnswers } from '../../src-main/rollout/answerGradient.ts'
import type { WeighedTrace } from '../../src-main/rollout/answerGradient.ts'
import { exactMu } from '../../src-main/rollout/exactMu.ts'
import { createWeights, openPolicy } from '../../src-main/rollout/policy.ts'
import type { Policy } from '../../src-main/rollout/policy.ts'
import { sampleRollouts } from '../../src-main/rollout/sample.ts'
import { completionPlane, noSequence, sequenceFeeds } from '../../src-main/rollout/sequences.ts'
import { createCountdown } from '../../src-main/tasks/countdown.ts'
import type { SpokenTask } from '../../src-main/tasks/types.ts'
import { SETTINGS } from '../lab/starter.ts'

const task = createCountdown() as SpokenTask
const { algorithm, options } = createMethod('sft')
const loss = algorithm.loss(options)
let engine: Engine
let config: LlamaConfig
let weights: ParameterSet
let policy: Policy
let trainer: Trainer
let traces: WeighedTrace[]
let problems: ReturnType<typeof task.problems>

beforeAll(async () => {
  engine = openEngine()
  const { config: known, tensors } = await loadCheckpoint(join(import.meta.dirname, '../../resources/starter'))
  config = known as unknown as LlamaConfig
  weights = createWeights(engine, config, new Map([...tensors].map(([name, { data }]) => [name, data])))
  policy = await openPolicy(engine, config, weights, { rows: 64, maxLength: 176 })
  const graph = trainGraph(config, (g, values) => lossGraph(g, values, loss), { oldLogps: false, refLogps: false }, 1, answerTerm)
  trainer = await engine.createTrainer({ onnx: toOnnx(graph), parameters: weights, gradientPrefix: GRADIENT_PREFIX })
  problems = task.problems('heldout', 4, 31)
  const rollouts = await sampleRollouts(
    policy.decoder,
    task.format,
    problems.map((problem, index) => ({ prompt: problem.promptTokens, seed: deriveSeed(8, index) })),
    SETTINGS,
  )
  traces = rollouts.map(({ prompt, tokens, boundaries }, index) => ({
    prompt,
    completion: tokens,
    cuts: [0, boundaries.at(-1)!],
    answers: task.answerTrie(problems[index]!)!,
    // Some cuts count for nothing, and are then not computed.
    weights: [index % 2, 0.5 + index],
  }))
})
afterAll(() => engine.dispose())

type Gradient = Readonly<Record<string, Float32Array>>
const suffix = task.format.terminationSuffix
const norm = (gradient: Gradient): number =>
  Math.sqrt(Object.values(gradient).reduce((sum, one) => sum + one.reduce((a, b) => a + b * b, 0), 0))
const lessen = (a: Gradient, b: Gradient, times: number): Gradient =>
  Object.fromEntries(Object.entries(a).map(([name, values]) => [name, values.map((value, i) => value - times * b[name]![i]!)]))

/** The weighted sum of J over all cuts. */
async function objective(): Promise<number> {
  const { J } = await exactMu(traces, suffix, (feeds) => policy.branches.run(feeds))
  return J.reduce((sum, own, trace) => sum + own.reduce((all, value, cut) => all + traces[trace]!.weights[cut]! * value, 0), 0)
}

/** Gradients of what micro-batches minimise, by parameter. */
async function gradientOf(microbatches: readonly Record<string, never>[]): Promise<Gradient> {
  await trainer.step({ microbatches, apply: false })
  return trainer.gradients()
}
const beside = noSequence({ oldLogps: false, refLogps: false })
const exactly = (tokenBudget?: number): Promise<Gradient> =>
  gradientOf(answerBatches(traces, suffix, tokenBudget).map(({ feeds }) => ({ ...beside, ...feeds }) as never))

/** The same by `count` answers drawn at each cut, leave-one-out, and the tokens that were trained on. */
async function bySampling(count: number, seed: number): Promise<{ readonly gradient: Gradient; readonly tokens: number }> {
  const plans = traces.flatMap(({ prompt, completion, cuts, weights: counts }, trace) =>
    cuts.flatMap((cut, at) =>
      counts[at] === 0
        ? []
        : Array.from({ length: count }, (_, k) => ({
            prompt: prompt as number[],
            prefix: completion,
            prefixTokens: cut,
            stopNow: true,
            seed: deriveSeed(seed, trace, at, k),
            trace,
            weight: counts[at]!,
          })),
    ),
  )
  const drawn = await sampleRollouts(policy.decoder, task.format, plans, SETTINGS)
  const right = drawn.map(({ tokens }, index) => Number(task.grade(problems[plans[index]!.trace]!, tokens).correct))
  const advantages = Array.from({ length: plans.length / count }, (_, group) =>
    rlooAdvantages(right.slice(group * count, (group + 1) * count)),
  ).flat()
  const sequences = drawn.map(({ prompt, tokens }) => ({ prompt, completion: tokens }))
  const batch = {
    members: [...sequences.keys()],
    width: Math.max(...sequences.map(({ prompt, completion }) => prompt.length + completion.length - 1)),
  }
  const microbatch = {
    ...sequenceFeeds(batch, sequences),
    advantages: completionPlane(batch, sequences, (at) => Array.from(drawn[at]!.sampled, (own) => own * advantages[at]!)),
    weights: completionPlane(batch, sequences, (at) => Array.from(drawn[at]!.sampled, (own) => (own * plans[at]!.weight) / count)),
    ...noAnswers(),
  }
  return {
    gradient: await gradientOf([microbatch as never]),
    tokens: sequences.reduce((sum, { prompt, completion }) => sum + prompt.length + completion.length - 1, 0),
  }
}

it('is the slope of the weighted sum of J, by finite differences', async () => {
  const gradient = await exactly()
  const size = norm(gradient)
  expect(size).toBeGreaterThan(1e-2)
  const at = new Map(parameterSpecs(config).map(({ name }) => [name, weights.get(name)]))
  const moved = async (step: number): Promise<number> => {
    for (const [name, values] of at)
      weights.set(
        name,
        values.map((value, i) => value - (step / size) * (gradient[name]?.[i] ?? 0)),
      )
    return objective()
  }
  const h = 2e-3
  const slope = ((await moved(h)) - (await moved(-h))) / (2 * h)
  await moved(0)
  // Down the gradient of the loss J rises, by the gradient's own norm for each unit of length.
  expect(slope / size).toBeCloseTo(1, 1)
  expect(Math.abs(slope / size - 1)).toBeLessThan(0.03)
})

it('does not depend on how branches are packed', async () => {
  const whole = await exactly()
  expect(norm(lessen(whole, await exactly(64), 1)) / norm(whole)).toBeLessThan(1e-4)
})

it('is what sampled answers estimate, without their noise and for fewer tokens', async () => {
  const exact = await exactly()
  const size = norm(exact)
  const draws = []
  for (let seed = 0; seed < 8; seed++) draws.push(await bySampling(4, seed))
  const errors = draws.map(({ gradient }) => norm(lessen(gradient, exact, 1)) / size)
  const mean = draws.reduce<Gradient>((sum, { gradient }) => lessen(sum, gradient, -1 / draws.length), lessen(exact, exact, 1))
  const error = norm(lessen(mean, exact, 1)) / size
  const noise = Math.sqrt(errors.reduce((sum, one) => sum + one * one, 0) / errors.length)
  // One draw of four answers is off by more than the gradient is long (seen: twice its length, for four times the tokens); the mean of eight by a square root of eight less.
  expect(noise).toBeGreaterThan(0.3)
  expect(error).toBeLessThan((1.6 * noise) / Math.sqrt(draws.length))
  const tokens = answerBatches(traces, suffix).reduce((sum, each) => sum + each.tokens, 0)
  expect(tokens).toBeLessThan(draws[0]!.tokens)
})
