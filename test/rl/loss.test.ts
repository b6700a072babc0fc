// Every loss on ONNX Runtime's CPU provider against a float64 reference written as plain loops: the value, and the gradient by central
// differences of the reference. The numbers are chosen so that each branch of the clip is taken and none is sat upon.
import { describe, expect, it } from 'vitest'
import { gradients } from '../../src-main/autodiff/gradients.ts'
import { GraphBuilder } from '../../src-main/graph/builder.ts'
import { lossGraph, lossMetrics, lossSums, type LossInputs, type LossSum } from '../../src-main/rl/loss.ts'
import type { LossSpec } from '../../src-main/rl/types.ts'
import { runOnCpu } from '../graph/ort.ts'
import { ndarray, type NdArray } from '../graph/reference.ts'
import { sum } from './rollouts.ts'

const B = 2
const T = 5
type Rows = readonly (readonly number[])[]
type Name = 'logps' | 'oldLogps' | 'refLogps' | 'advantages' | 'weights' | 'entropy'
type Data = Readonly<Record<Name, Rows>>

// The last tokens of the second row carry no loss; what stands there must never be read.
const data: Data = {
  logps: [
    [-1, -0.5, -2, -0.1, -1.5],
    [-0.3, -1, -0.7, NaN, NaN],
  ],
  oldLogps: [
    [-1.6, -0.4, -1.2, -0.15, -3.2],
    [-0.9, -0.95, -0.2, NaN, NaN],
  ],
  refLogps: [
    [-1.1, -0.9, -1.4, -0.3, -1.5],
    [-0.35, -2, -0.1, NaN, NaN],
  ],
  advantages: [
    [1, 0.5, -1, -0.3, -2],
    [0.8, -0.4, 1.2, NaN, NaN],
  ],
  weights: [
    [0.1, 0.1, 0.1, 0.1, 0.1],
    [0.2, 0.1, 0.2, 0, 0],
  ],
  entropy: [
    [1, 2, 3, 4, 5],
    [6, 7, 8, NaN, NaN],
  ],
}
const counted = (row: number, token: number) => data.weights[row][token] > 0
const each = (f: (row: number, token: number) => number): number =>
  sum(data.weights.flatMap((row, at) => row.map((_, token) => (counted(at, token) ? f(at, token) : 0))))

const plain: LossSpec = { ratio: 'token', clipLow: 0.2, clipHigh: 0.28, aggregation: 'token-mean', klBeta: 0, updatesPerBatch: 1 }

/** The ratio of a token: its own, or the geometric mean of its row. */
function ratioOf(spec: LossSpec, { logps, oldLogps }: Data, row: number, token: number): number {
  if (spec.ratio === 'token') return Math.exp(logps[row][token] - oldLogps[row][token])
  const tokens = [...logps[row].keys()].filter((at) => counted(row, at))
  return Math.exp(sum(tokens.map((at) => logps[row][at] - oldLogps[row][at])) / tokens.length)
}

function reference(spec: LossSpec, given: Data): number {
  return each((row, token) => {
    const A = given.advantages[row][token]
    const ratio = ratioOf(spec, given, row, token)
    let objective =
      spec.ratio === 'none'
        ? given.logps[row][token] * A
        : Math.min(ratio * A, Math.max(1 - spec.clipLow, Math.min(1 + spec.clipHigh, ratio)) * A)
    if (spec.dualClip !== undefined && A < 0) objective = Math.max(objective, spec.dualClip * A)
    const d = given.refLogps[row][token] - given.logps[row][token]
    return given.weights[row][token] * (spec.klBeta * (Math.exp(d) - d - 1) - objective)
  })
}

/** d reference / d logps by central differences; 0 where nothing counts. */
function slope(spec: LossSpec, given: Data): number[] {
  const h = 1e-5
  return given.logps.flatMap((row, at) =>
    row.map((_, token) => {
      if (!counted(at, token)) return 0
      const moved = (by: number): Data => ({
        ...given,
        logps: given.logps.map((r, i) => r.map((value, t) => (i === at && t === token ? value + by : value))),
      })
      return (reference(spec, moved(h)) - reference(spec, moved(-h))) / (2 * h)
    }),
  )
}

const tensor = (rows: Rows): NdArray => ndarray([B, T], rows.flat())

async function run(
  spec: LossSpec,
  given: Data = data,
  names: readonly Name[] = ['logps', 'oldLogps', 'refLogps', 'advantages', 'weights', 'entropy'],
) {
  const b = new GraphBuilder('loss')
  const inputs = Object.fromEntries(names.map((name) => [name, b.input(name, 'float32', ['B', 'T'])])) as Partial<LossInputs> as LossInputs
  const { loss, sums } = lossGraph(b, inputs, spec)
  b.output('loss', loss)
  const measured = lossSums.filter((name) => sums[name])
  for (const name of measured) b.output(`sum/${name}`, sums[name]!)
  const results = await runOnCpu(
    gradients(b.build(), 'loss', ['logps']),
    Object.fromEntries(names.map((name) => [name, tensor(given[name])])),
  )
  const read = Object.fromEntries(measured.map((name) => [name, results[`sum/${name}`].data[0]])) as Partial<Record<LossSum, number>>
  // All of them are scalars.
  expect(measured.map((name) => results[`sum/${name}`].shape)).toEqual(measured.map(() => []))
  return { loss: results.loss.data[0], grad: [...results['grad/logps'].data], sums: read }
}

const close = (actual: readonly number[], expected: readonly number[]) => {
  expect(actual).toHaveLength(expected.length)
  actual.forEach((value, index) => expect(value, `element ${index}`).toBeCloseTo(expected[index], 5))
}

describe('losses as graphs', () => {
  it.each<[string, LossSpec]>([
    ['the clipped token ratio', plain],
    ['a symmetric clip', { ...plain, clipHigh: 0.2 }],
    ['the dual clip', { ...plain, dualClip: 1.5 }],
    ['the token ratio with KL', { ...plain, klBeta: 0.3 }],
    ['REINFORCE', { ...plain, ratio: 'none' }],
    ['REINFORCE with KL', { ...plain, ratio: 'none', klBeta: 0.3 }],
  ])('give value and gradient of %s', async (_, spec) => {
    const { loss, grad } = await run(spec)
    expect(loss).toBeCloseTo(reference(spec, data), 5)
    close(grad, slope(spec, data))
  })

  describe('with the sequence ratio', () => {
    const gspo: LossSpec = { ...plain, ratio: 'sequence', clipLow: 0.3, clipHigh: 0.4 }
    // One advantage and one weight per row: then the token form has the gradient of the sequence objective itself.
    const rows: Data = {
      ...data,
      advantages: [
        [1, 1, 1, 1, 1],
        [-0.5, -0.5, -0.5, 0, 0],
      ],
      weights: [
        [0.1, 0.1, 0.1, 0.1, 0.1],
        [0.2, 0.2, 0.2, 0, 0],
      ],
    }

    it('give value and gradient of the sequence objective', async () => {
      const { loss, grad } = await run(gspo, rows)
      expect(loss).toBeCloseTo(reference(gspo, rows), 5)
      close(grad, slope(gspo, rows))
      expect(grad.every((value) => Number.isFinite(value))).toBe(true)
      expect(grad[0]).not.toBe(0)
    })

    it('stop paying a whole sequence that left the narrow band', async () => {
      const { grad, sums } = await run({ ...gspo, clipLow: 3e-4, clipHigh: 4e-4 }, rows)
      // Mean log-ratios: row 0 (0.6 - 0.1 - 0.8 + 0.05 + 1.7) / 5 = 0.29 > 0 with A > 0: clipped. Row 1 (0.6 - 0.05 - 0.5) / 3 > 0 with A < 0: not.
      close(grad.slice(0, 5), [0, 0, 0, 0, 0])
      expect(grad[5]).toBeGreaterThan(0)
      expect(sums).toMatchObject({ clipHigh: 5, clipLow: 0, tokens: 8 })
    })

    it('are those of the token where a row has but one', async () => {
      const one = [
        [0.1, 0, 0, 0, 0],
        [0, 0, 0, 0, 0],
      ]
      // Its advantage is 1, its ratio e^0.6, inside of the band.
      expect((await run({ ...gspo, clipHigh: 9 }, { ...rows, weights: one })).loss).toBeCloseTo(-0.1 * Math.exp(0.6), 5)
    })

    it('give each token its own advantage times the sequence ratio', async () => {
      const { loss, grad } = await run({ ...gspo, clipLow: 1, clipHigh: 9 })
      const ratios = [Math.exp(0.29), Math.exp(0.05 / 3)]
      close(
        grad,
        data.advantages.flatMap((row, at) => row.map((A, token) => (counted(at, token) ? -data.weights[at][token] * A * ratios[at] : 0))),
      )
      expect(loss).toBeCloseTo(sum(grad), 5)
    })
  })

  it('agree on the gradient for every kind of ratio on samples of the current policy', async () => {
    const fresh = { ...data, oldLogps: data.logps }
    const onPolicy = data.advantages.flatMap((row, at) => row.map((A, token) => (counted(at, token) ? -data.weights[at][token] * A : 0)))
    for (const ratio of ['token', 'sequence', 'none'] as const) close((await run({ ...plain, ratio, dualClip: 3 }, fresh)).grad, onPolicy)
  })

  it('add up over micro-batches, since the weights already hold the normaliser', async () => {
    const only = (row: number): Data => ({
      ...data,
      weights: data.weights.map((weights, at) => (at === row ? weights : weights.map(() => 0))),
    })
    for (const ratio of ['token', 'sequence', 'none'] as const) {
      const spec = { ...plain, ratio, klBeta: 0.1 }
      const [whole, first, second] = [await run(spec), await run(spec, only(0)), await run(spec, only(1))]
      expect(first.loss + second.loss).toBeCloseTo(whole.loss, 5)
      close(
        first.grad.map((value, at) => value + second.grad[at]),
        whole.grad,
      )
    }
  })

  it('measure clipping, drift, KL and entropy as sums over loss tokens', async () => {
    const { sums } = await run(plain)
    const drift = (row: number, token: number) => data.logps[row][token] - data.oldLogps[row][token]
    const d = (row: number, token: number) => data.refLogps[row][token] - data.logps[row][token]
    // Ratios by hand: e^0.6, e^-0.1, e^-0.8, e^0.05, e^1.7 | e^0.6, e^-0.05, e^-0.5. Above 1.28 with A > 0: tokens 0 and 5. Below 0.8 with A < 0: token 2.
    expect(sums).toMatchObject({ tokens: 8, clipHigh: 2, clipLow: 1, entropy: 36 })
    expect(sums.ratioMax).toBeCloseTo(Math.exp(1.7), 4)
    expect(sums.approxKl).toBeCloseTo(
      each((row, token) => drift(row, token) ** 2 / 2),
      4,
    )
    expect(sums.kl).toBeCloseTo(
      each((row, token) => Math.exp(d(row, token)) - d(row, token) - 1),
      4,
    )
  })

  it('measure the largest ratio also where every ratio is below one, and clipping where the advantage is negative alone', async () => {
    // e^-0.1 in the first row, e^-0.3 in the second, where of 0.8, -0.4 and 1.2 the second is no longer pushed away.
    const oldLogps = data.logps.map((row, at) => row.map((value) => value + [0.1, 0.3][at]))
    const { sums } = await run(plain, { ...data, oldLogps })
    expect(sums.ratioMax).toBeCloseTo(Math.exp(-0.1), 5)
    expect(sums).toMatchObject({ clipLow: 1, clipHigh: 0 })
  })

  it('measure only what they are given', async () => {
    const { sums } = await run({ ...plain, ratio: 'none' }, data, ['logps', 'advantages', 'weights'])
    expect(Object.keys(sums)).toEqual(['tokens'])
  })

  it('stay finite where the policies disagree wildly, a ratio of more than e^20 counting as that', async () => {
    const far = {
      ...data,
      oldLogps: data.oldLogps.map((row) => row.map((value) => value - 200)),
      refLogps: data.refLogps.map((row) => row.map((value) => value + 200)),
    }
    const { loss, grad, sums } = await run({ ...plain, klBeta: 0.1, dualClip: 3 }, far)
    expect([loss, ...grad].every(Number.isFinite)).toBe(true)
    expect(sums.ratioMax! / Math.exp(20)).toBeCloseTo(1, 4)
  })

  it('refuse a specification whose log-probabilities are missing', () => {
    const b = new GraphBuilder('loss')
    const x = b.input('x', 'float32', ['B', 'T'])
    expect(() => lossGraph(b, { logps: x, advantages: x, weights: x }, plain)).toThrow(expect.objectContaining({ code: 'rl.loss-input' }))
    expect(() => lossGraph(b, { logps: x, oldLogps: x, advantages: x, weights: x }, { ...plain, klBeta: 1 })).toThrow(
      'refLogps for klBeta 1',
    )
  })
})

describe('loss metrics', () => {
  it('add up micro-batches under public names', () => {
    expect(
      lossMetrics([
        { tokens: 6, clipLow: 1, clipHigh: 2, kl: 0.6, approxKl: 0.3, entropy: 3, ratioMax: 1.5 },
        { tokens: 2, clipLow: 0, clipHigh: 1, kl: 0.2, approxKl: 0.1, entropy: 5, ratioMax: 1.2 },
      ]),
    ).toEqual({
      'clip_ratio/low_mean': 0.125,
      'clip_ratio/high_mean': 0.375,
      'clip_ratio/region_mean': 0.5,
      kl: expect.closeTo(0.1, 12),
      entropy: 1,
      'policy/approxkl_avg': expect.closeTo(0.05, 12),
      'policy/ratio_max': 1.5,
    })
  })
  it('are those of the one micro-batch of a step that has no other', () => {
    expect(lossMetrics([{ tokens: 4, kl: 2, ratioMax: 1.5 }])).toEqual({ kl: 0.5, 'policy/ratio_max': 1.5 })
  })
  it('are absent where nothing was measured', () => {
    expect(lossMetrics([{ tokens: 4, clipLow: 1 }])).toEqual({ 'clip_ratio/low_mean': 0.25 })
    expect(lossMetrics([{ tokens: 4, clipHigh: 1 }])).toEqual({ 'clip_ratio/high_mean': 0.25 })
    expect(lossMetrics([{ tokens: 4 }])).toEqual({})
    expect(lossMetrics([{ tokens: 0, kl: 0, ratioMax: 0 }])).toEqual({})
    expect(lossMetrics([{ kl: 1 }])).toEqual({})
    expect(lossMetrics([])).toEqual({})
  })
})
