// A training step through a chain of graphs: what a plan says is what is run, and a plan that cannot be run changes nothing.
import { afterAll, beforeEach, describe, expect, test } from 'vitest'
import { openEngine } from '../../src-main/engine/engine.ts'
import type { ParameterSet } from '../../src-main/engine/parameters.ts'
import { tensor } from '../../src-main/engine/tensor.ts'
import type { LayeredBatch, LayeredTrainer } from '../../src-main/engine/trainer.ts'
import { GraphBuilder } from '../../src-main/graph/builder.ts'
import { toOnnx } from '../../src-main/graph/onnx.ts'

const engine = openEngine()
afterAll(() => engine.dispose())

/** y = w x, its gradient by w for a given dy, and the sum of squares of both rows of y: three graphs. */
const [scale, scaleBack, total] = [
  (g: GraphBuilder) => g.output('y', g.mul(g.input('x', 'float32', ['N', 2]), g.input('w', 'float32', [2]))),
  (g: GraphBuilder) =>
    g.output('grad/w', g.reduceSum(g.mul(g.input('x', 'float32', ['N', 2]), g.input('dy', 'float32', ['N', 2])), [0], false)),
  (g: GraphBuilder) => {
    const y = g.input('y', 'float32', ['N', 2])
    g.output('loss', g.mul(g.reduceSumSquare(y, undefined, false), 0.5))
    g.output('dy', g.mul(y, 1))
  },
].map((write) => {
  const g = new GraphBuilder('part')
  write(g)
  return toOnnx(g.build())
}) as [Uint8Array, Uint8Array, Uint8Array]

let parameters: ParameterSet
let trainer: LayeredTrainer
beforeEach(async () => {
  parameters = engine.createParameters([
    { name: 'a', dims: [2], decay: false },
    { name: 'frozen', dims: [2], decay: false },
  ])
  parameters.set('a', Float32Array.of(2, 3))
  parameters.set('frozen', Float32Array.of(1, 10))
  trainer = await engine.createLayeredTrainer({ onnx: [scale, scaleBack, total], parameters, trained: ['a'] })
})

const run = (session: number, rest: Partial<LayeredBatch['runs'][number]>): LayeredBatch['runs'][number] => ({
  session,
  inputs: [],
  weights: [],
  outputs: [],
  gradients: [],
  drops: [],
  ...rest,
})

/** Both rows scaled by `a` one after the other into a room, then the loss, then the gradient of both rows at once. */
const batch = (runs?: LayeredBatch['runs']): LayeredBatch => ({
  feeds: { x: tensor.float32([1, 2, 3, 4], [2, 2]) },
  rooms: [{ name: 'rows', dims: [2, 2] }],
  runs: runs ?? [
    ...[0, 1].map((from) =>
      run(0, {
        inputs: [{ port: 'x', value: 'x', from, rows: 1 }],
        weights: [{ port: 'w', value: 'a' }],
        outputs: [{ port: 'y', value: 'rows', from, rows: 1 }],
      }),
    ),
    run(2, {
      inputs: [{ port: 'y', value: 'rows' }],
      outputs: [
        { port: 'loss', value: 'loss' },
        { port: 'dy', value: 'dy' },
      ],
      drops: ['rows'],
    }),
    run(1, {
      inputs: [
        { port: 'x', value: 'x' },
        { port: 'dy', value: 'dy' },
      ],
      gradients: [{ port: 'grad/w', value: 'a' }],
    }),
  ],
})

const lossOf = (outputs: readonly Readonly<Record<string, { readonly data: ArrayLike<unknown> }>>[]) =>
  outputs.map(({ loss }) => Number(loss!.data[0]))

describe('a plan', () => {
  test('is run part by part: rows of a feed into rows of a room, weights by name, gradients added up over micro-batches', async () => {
    const result = await trainer.step({ microbatches: [batch(), batch()], outputs: ['loss'], apply: false })
    // 0.5 (2^2 + 6^2 + 6^2 + 12^2) = 110; by a: sum of x^2 a over the rows.
    expect(lossOf(result.outputs)).toEqual([110, 110])
    expect(trainer.gradients()).toEqual({ a: Float32Array.of(2 * 20, 2 * 60) })
    expect(result).toMatchObject({ applied: false, reason: 'gradients-only', step: 0 })
    expect(parameters.get('a')).toEqual(Float32Array.of(2, 3))
  })

  test('starts every step from a gradient of zero, and what it trains moves while the rest stays', async () => {
    await trainer.step({ microbatches: [batch()], apply: false })
    const result = await trainer.step({ microbatches: [batch()], optimizer: { lr: 0.5 } })
    expect(result).toMatchObject({ applied: true, step: 1 })
    expect(result.gradNorms.a).toBeCloseTo(Math.hypot(20, 60), 4)
    parameters.get('a').forEach((value, i) => expect(value).toBeCloseTo([1.5, 2.5][i]!, 4))
    expect(parameters.get('frozen')).toEqual(Float32Array.of(1, 10))
    expect(trainer.state().step).toBe(1)
  })

  test.each([
    ['reads a value that nobody made', run(1, { inputs: [{ port: 'x', value: 'nowhere' }] }), /nowhere/],
    ['reads rows that a value does not have', run(0, { inputs: [{ port: 'x', value: 'x', from: 1, rows: 2 }] }), /rows/],
    [
      'reads a weight that is no parameter',
      run(0, { inputs: [{ port: 'x', value: 'x' }], weights: [{ port: 'w', value: 'b' }] }),
      /b, which is not a parameter/,
    ],
    ['names a graph that is not there', run(7, {}), /session/],
  ])('that %s is refused, and the weights stay', async (_what, bad, message) => {
    const step = trainer.step({ microbatches: [batch([bad])], optimizer: { lr: 1 } })
    await expect(step).rejects.toMatchObject({ code: 'bad-argument', message: expect.stringMatching(message) as unknown })
    expect(parameters.get('a')).toEqual(Float32Array.of(2, 3))
  })

  test('that gives a gradient for what does not train is refused', async () => {
    const wrong = batch().runs.map((each) => ({ ...each, gradients: each.gradients.map(({ port }) => ({ port, value: 'frozen' })) }))
    await expect(trainer.step({ microbatches: [batch(wrong)], apply: false })).rejects.toMatchObject({ code: 'bad-argument' })
  })

  test('with a loss that is not finite updates nothing', async () => {
    parameters.set('a', Float32Array.of(Infinity, 1))
    const result = await trainer.step({ microbatches: [batch()], optimizer: { lr: 1 } })
    expect(result).toMatchObject({ applied: false, reason: 'nonfinite-loss', step: 0 })
    expect(parameters.get('a')).toEqual(Float32Array.of(Infinity, 1))
  })
})

test('training what is no parameter is refused when the graphs are loaded', async () => {
  await expect(engine.createLayeredTrainer({ onnx: [scale], parameters, trained: ['b'] })).rejects.toMatchObject({ code: 'unknown-name' })
  await expect(engine.createLayeredTrainer({ onnx: [], parameters, trained: ['a'] })).rejects.toMatchObject({ code: 'bad-argument' })
})

test('disposing while a step runs rejects with disposed and leaves the weights', async () => {
  // So many that the step is not over before the next line, however slow this thread is.
  const step = trainer.step({ microbatches: Array.from({ length: 10_000 }, () => batch()), optimizer: { lr: 1 } })
  trainer.dispose()
  await expect(step).rejects.toMatchObject({ code: 'disposed' })
  expect(parameters.get('a')).toEqual(Float32Array.of(2, 3))
})
