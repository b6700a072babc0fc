// Models of wide vocabularies: logits only where they are needed and never many at once, with the numbers of the whole.
import { afterAll, describe, expect, it } from 'vitest'
import { openEngine } from '../../src-main/engine/engine.ts'
import { openLearner } from '../../src-main/lab/training/learner.ts'
import { initialWeights } from '../../src-main/model/config.ts'
import { branchModel, scoreModel } from '../../src-main/model/onnx.ts'
import { createRng } from '../../src-main/numeric/rng.ts'
import { budgetOfVocabulary } from '../../src-main/rollout/batches.ts'
import { exactMu } from '../../src-main/rollout/exactMu.ts'
import { createWeights, openPolicy } from '../../src-main/rollout/policy.ts'
import { readCompletionPlane, sequenceFeeds } from '../../src-main/rollout/sequences.ts'
import { MICRO_CONFIG } from '../lab/micro.ts'

const engine = openEngine()
afterAll(() => engine.dispose())

const config = { ...MICRO_CONFIG, vocabSize: 5000, maxPositions: 512 }
const weights = createWeights(engine, config, initialWeights(config, 3))
const rng = createRng(5)
const tokens = (count: number): Int32Array => Int32Array.from({ length: count }, () => rng.int(config.vocabSize))
const sequences = [
  { prompt: tokens(30), completion: tokens(6) },
  { prompt: tokens(25), completion: tokens(9) },
]

describe('a wide vocabulary', () => {
  it('is scored at the tokens of completions alone, with the log-probs that scoring everywhere gives them', async () => {
    const batch = { members: [0, 1], width: 35 }
    const session = await engine.createSession(scoreModel(config), { parameters: weights })
    const [there, everywhere] = [sequenceFeeds(batch, sequences, config.vocabSize), sequenceFeeds(batch, sequences)]
    expect([there.scored!.dims, everywhere.scored!.dims]).toEqual([[15], [70]])
    const read = async (feeds: typeof there) => readCompletionPlane((await session.run(feeds, ['logps'])).logps!, batch, sequences)
    const [few, all] = [await read(there), await read(everywhere)]
    few.forEach((logps, index) => logps.forEach((logp, t) => expect(logp).toBeCloseTo(all[index]![t]!, 5)))
    session.dispose()
  })

  it('is scored and measured through states and a head over some places at a time, with the numbers of the one graph', async () => {
    const policy = await openPolicy(engine, config, weights, { rows: 1, maxLength: 400, temperature: 0.7 })
    // More places than the head takes at once.
    const many = [
      { prompt: tokens(20), completion: tokens(330) },
      { prompt: tokens(3), completion: tokens(40) },
    ]
    const session = await engine.createSession(scoreModel(config, 0.7), { parameters: weights })
    const scored = await policy.score(many)
    for (const [index, sequence] of many.entries()) {
      const batch = { members: [0], width: sequence.prompt.length + sequence.completion.length - 1 }
      const { logps } = await session.run(sequenceFeeds(batch, [sequence], config.vocabSize), ['logps'])
      const [whole] = readCompletionPlane(logps!, batch, [sequence])
      expect(Math.max(...whole!.map((logp, t) => Math.abs(logp - scored[index]![t]!)))).toBeLessThan(1e-5)
    }
    const single = await engine.createSession(branchModel(config, 0.7), { parameters: weights })
    const answers = {
      token: Int32Array.of(4, 5, 2, 9, 11, 2),
      parent: Int32Array.of(-1, 0, 1, 1, -1, 4),
      terminal: Uint8Array.of(0, 0, 1, 1, 0, 1),
      strings: 3,
    }
    const traces = many.map((each, index) => ({
      ...each,
      cuts: index === 0 ? Array.from({ length: 90 }, (_, at) => 3 * at) : [0, 40],
      answers,
    }))
    const [apart, one] = [
      await exactMu(traces, [3], (feeds, read) => policy.branches.run(feeds, read)),
      await exactMu(traces, [3], (feeds) => single.run(feeds)),
    ]
    apart.J.forEach((values, trace) =>
      values.forEach((value, at) => expect(Math.abs(Math.log(value / one.J[trace]![at]!))).toBeLessThan(3e-5)),
    )
    for (const part of [session, single, policy]) part.dispose()
  })

  it('makes budgets of tokens smaller, so that no matrix of logits is larger than 2^24 numbers; a small one leaves them', () => {
    expect(budgetOfVocabulary(4096, 416)).toBe(4096)
    expect(budgetOfVocabulary(4096, 49_152)).toBe(341)
    expect(budgetOfVocabulary(4096, 151_936)).toBe(110)
    expect(budgetOfVocabulary(4096, 2 ** 25)).toBe(1)
  })

  it('trains on micro-batches of that size with the loss of one batch', async () => {
    const loss = { ratio: 'none', clipLow: 0, clipHigh: 0, aggregation: 'token-mean', klBeta: 0, updatesPerBatch: 1 } as const
    const paid = sequences.map((each) => ({
      ...each,
      advantages: new Float32Array(each.completion.length).fill(1),
      weights: new Float32Array(each.completion.length).fill(1 / 15),
    }))
    const stepOf = async (microbatchTokens: number) => {
      const learner = await openLearner(engine, config, weights.clone(), loss, microbatchTokens, 1, 40)
      const { loss: value, gradNorm } = await learner.step(paid, { lr: 1e-3 })
      learner.dispose()
      return { value, gradNorm }
    }
    const [one, two] = [await stepOf(100), await stepOf(35)]
    expect(two.value).toBeCloseTo(one.value, 5)
    expect(two.gradNorm / one.gradNorm).toBeCloseTo(1, 4)
  })

  it('measures exact J in parts when the branches of one trace are more than the budget', async () => {
    const policy = await openPolicy(engine, config, weights, { rows: 1, maxLength: 64 })
    const answers = {
      token: Int32Array.of(4, 5, 2, 9),
      parent: Int32Array.of(-1, 0, 1, 1),
      terminal: Uint8Array.of(0, 0, 1, 1),
      strings: 2,
    }
    const trace = { prompt: tokens(5), completion: tokens(20), cuts: [0, 3, 7, 11, 20], answers }
    const widths: number[] = []
    const J = async (budget?: number) =>
      (
        await exactMu(
          [trace],
          [3],
          (feeds, read) => {
            widths.push(feeds.owner!.dims[0]!)
            return policy.branches.run(feeds, read)
          },
          budget,
        )
      ).J[0]!
    const whole = await J()
    const parts = await J(6)
    expect(widths).toEqual([5, 1, 2, 2])
    parts.forEach((value, index) => expect(Math.log(value)).toBeCloseTo(Math.log(whole[index]!), 4))
    policy.dispose()
  })
})
