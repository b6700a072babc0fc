// One optimizer step over paid sequences: what it says of padding, of the tokens that it read, and of how far the sampler was off.
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { OpenedContext } from '../../src-main/lab/process/openContext.ts'
import { openLearner, trainsInOneGraph, type Learner, type PaidSequence } from '../../src-main/lab/training/learner.ts'
import { loadStart } from '../../src-main/lab/training/start.ts'
import { createMethod } from '../../src-main/rl/algorithms.ts'
import { answerBatches } from '../../src-main/rollout/answerGradient.ts'
import { loadWeights } from '../../src-main/rollout/policy.ts'
import { createCountdown } from '../../src-main/tasks/countdown.ts'
import { MICRO_CONFIG, openBench, type Bench } from './micro.ts'

let bench: Bench
let context: OpenedContext
let learner: Learner
beforeAll(async () => {
  bench = await openBench()
  context = bench.open('learner')
  const { config, weights } = await loadStart(context.store, bench.start, Date.now)
  const method = createMethod('sft')
  learner = await openLearner(
    context.engine,
    config,
    await loadWeights(context.engine, config, weights),
    method.algorithm.loss(method.options),
    2048,
    1,
    64,
  )
})
afterAll(() => {
  learner.dispose()
  context.close()
  bench.dispose()
})

const still = { lr: 0, beta1: 0.9, beta2: 0.99, eps: 1e-8, weightDecay: 0, clipNorm: 1 }
const paid = (length: number, more: Partial<PaidSequence> = {}): PaidSequence => ({
  prompt: [1, 30, 31],
  completion: Array.from({ length }, (_, at) => 40 + at),
  advantages: new Float32Array(length).fill(1),
  weights: new Float32Array(length).fill(1 / 10),
  ...more,
})

describe('a step of the learner', () => {
  it('reads every sequence but for its last token, and says what share of it was padding', async () => {
    const { forwardedTokens, metrics, logps, applied, gradNorm } = await learner.step([paid(6), paid(4)], still)
    expect([forwardedTokens, applied, logps.map(({ length }) => length)]).toEqual([8 + 6, true, [6, 4]])
    const share = metrics['train/padding']!
    expect([0, 1 - 14 / 16].some((expected) => Math.abs(share - expected) < 1e-9)).toBe(true)
    expect(metrics.grad_norm).toBe(gradNorm)
    expect((await learner.step([paid(6)], still)).metrics['train/padding']).toBe(0)
  })

  it('minimises what is paid, and computes as much at once as it is told, with the same numbers', async () => {
    const { config, weights } = await loadStart(context.store, bench.start, Date.now)
    const method = createMethod('sft')
    const parameters = await loadWeights(context.engine, config, weights)
    const small = await openLearner(context.engine, config, parameters, method.algorithm.loss(method.options), 9, 1, 64)
    const sequences = [paid(4), paid(6), paid(5)]
    const [whole, apart] = [await learner.step(sequences, still), await small.step(sequences, still)]
    small.dispose()
    parameters.dispose()
    const paidFor = whole.logps.reduce((sum, logps) => sum - logps.reduce((all, logp) => all + logp / 10, 0), 0)
    expect(whole.loss / paidFor).toBeCloseTo(1, 5)
    expect(apart.loss / whole.loss).toBeCloseTo(1, 5)
    expect(apart.gradNorm / whole.gradNorm).toBeCloseTo(1, 4)
    expect(apart.logps.map(({ length }) => length)).toEqual([4, 6, 5])
    apart.logps.forEach((logps, at) => logps.forEach((logp, token) => expect(logp).toBeCloseTo(whole.logps[at]![token]!, 4)))
    expect([apart.forwardedTokens, whole.forwardedTokens, apart.metrics['train/padding']]).toEqual([21, 21, 0])
  })

  it('says how far the sampler was off, over the tokens that it drew and that carry loss', async () => {
    const [own] = (await learner.step([paid(6)], still)).logps
    const off = [0.5, -2, 0.25, 0.125, 9, 0]
    const drawn = (more: Partial<PaidSequence> = {}): PaidSequence =>
      paid(6, {
        // The second was forced, the fifth carries no loss.
        weights: Float32Array.of(1, 1, 1, 1, 0, 1),
        drawn: { logps: own!.map((logp, at) => logp + off[at]!), sampled: Uint8Array.of(1, 0, 1, 1, 1, 1) },
        ...more,
      })
    const { metrics } = await learner.step([drawn(), paid(3)], still)
    expect(metrics['sampling/sampling_logp_difference/max']).toBeCloseTo(0.5, 4)
    expect(metrics['sampling/sampling_logp_difference/mean']).toBeCloseTo(0.875 / 4, 4)
    const silent = await learner.step([paid(6)], still)
    expect(Object.keys(silent.metrics).filter((name) => name.startsWith('sampling/'))).toEqual([])
  })

  it('counts what it reads for the gradient of J beside its sequences', async () => {
    const { config, weights } = await loadStart(context.store, bench.start, Date.now)
    const method = createMethod('sft')
    const parameters = await loadWeights(context.engine, config, weights)
    const follows = await openLearner(context.engine, config, parameters, method.algorithm.loss(method.options), 2048, 1, 64, true)
    const task = createCountdown()
    const traces = task
      .problems('train', 2, 5)
      .map((problem) => ({
        prompt: problem.promptTokens,
        completion: [40, 41],
        cuts: [0, 2],
        answers: task.answerTrie(problem)!,
        weights: [1, 1],
      }))
    // So few tokens at once that each trace is read apart.
    const answers = answerBatches(traces, task.format.terminationSuffix, 1)
    const { forwardedTokens } = await follows.step([paid(6), paid(4)], still, undefined, answers)
    follows.dispose()
    parameters.dispose()
    expect(answers.length).toBeGreaterThan(1)
    expect(forwardedTokens).toBe(8 + 6 + answers.reduce((sum, { tokens }) => sum + tokens, 0))
  })

  it('forgets its moments where it is told to begin anew', async () => {
    await learner.step([paid(6)], still)
    const before = learner.state()
    expect([before.step > 0, before.m.some((value) => value !== 0), before.v.some((value) => value !== 0)]).toEqual([true, true, true])
    learner.reset()
    const { step, m, v } = learner.state()
    expect([step, m.length, v.length, m.some((value) => value !== 0), v.some((value) => value !== 0)]).toEqual([
      0,
      before.m.length,
      before.v.length,
      false,
      false,
    ])
    learner.loadState(before)
    expect(learner.state()).toEqual(before)
  })
})

it('training is by layers for wide vocabularies on the processor alone, where no gradient of J comes beside it', () => {
  const of = (vocabSize: number) => ({ ...MICRO_CONFIG, vocabSize })
  expect([
    trainsInOneGraph(of(4095), 'cpu', false),
    trainsInOneGraph(of(4096), 'cpu', false),
    trainsInOneGraph(of(4096), 'webgpu', false),
    trainsInOneGraph(of(4096), 'cpu', true),
  ]).toEqual([true, false, true, true])
})
