// Training: AdamW and clipping against a float64 reference, gradients summed over micro-batches, and weights that stay as they
// were whenever a step is cancelled, fails, or meets a number that is not finite.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { gradients } from '../../src-main/autodiff/gradients.ts'
import { openEngine, type Engine } from '../../src-main/engine/engine.ts'
import type { ParameterSet } from '../../src-main/engine/parameters.ts'
import { tensor, type Tensors } from '../../src-main/engine/tensor.ts'
import type { OptimizerSettings, Trainer } from '../../src-main/engine/trainer.ts'
import { GraphBuilder } from '../../src-main/graph/builder.ts'
import { toOnnx } from '../../src-main/graph/onnx.ts'
import { refuses } from './failing.ts'

const SPECS = [
  { name: 'w', dims: [3, 2], decay: true },
  { name: 'b', dims: [2], decay: false },
]

let engine: Engine
beforeAll(() => {
  engine = openEngine()
})
afterAll(() => engine.dispose())

/** loss = sum (x w + b - y)^2, a row's part weighted by `weight`; its gradients. */
function regression(trained: readonly string[] = ['w', 'b'], work = 0): Uint8Array {
  const g = new GraphBuilder('regression')
  const x = g.input('x', 'float32', ['B', 3])
  const y = g.input('y', 'float32', ['B', 2])
  const error = g.sub(g.gemm(x, g.input('w', 'float32', [3, 2]), g.input('b', 'float32', [2])), y)
  let extra = g.input('extra', 'float32', ['N', 'N'])
  for (let i = 0; i < work; i++) extra = g.tanh(g.matMul(extra, extra))
  g.output('error', error)
  g.output('loss', g.add(g.reduceSum(g.mul(error, error), undefined, false), g.mul(g.reduceSum(extra, undefined, false), 0)))
  return toOnnx(gradients(g.build(), 'loss', trained))
}

const START = [0.5, -0.25, 1, 2, -1, 0.125, 0.75, -0.5]
const NO_EXTRA = tensor.float32([0], [1, 1])

function newParameters(): ParameterSet {
  const parameters = engine.createParameters(SPECS)
  parameters.load(Float32Array.from(START))
  return parameters
}

async function open(onnx = regression()): Promise<{ trainer: Trainer; parameters: ParameterSet }> {
  const parameters = newParameters()
  return { trainer: await engine.createTrainer({ onnx, parameters }), parameters }
}

const row = (seed: number): number[] => [0, 1, 2, 3, 4].map((i) => Math.sin(seed * 5 + i))
const feed = (seeds: readonly number[]): Tensors => ({
  x: tensor.float32(
    seeds.flatMap((seed) => row(seed).slice(0, 3)),
    [seeds.length, 3],
  ),
  y: tensor.float32(
    seeds.flatMap((seed) => row(seed).slice(3)),
    [seeds.length, 2],
  ),
  extra: NO_EXTRA,
})

/** Gradient of the regression in float64, in the order of the specs. */
function trueGradient(weights: readonly number[], seeds: readonly number[]): number[] {
  const gradient = new Array<number>(8).fill(0)
  for (const seed of seeds) {
    const values = row(seed)
    for (let out = 0; out < 2; out++) {
      let error = weights[6 + out]! - values[3 + out]!
      for (let i = 0; i < 3; i++) error += values[i]! * weights[i * 2 + out]!
      for (let i = 0; i < 3; i++) gradient[i * 2 + out]! += 2 * error * values[i]!
      gradient[6 + out]! += 2 * error
    }
  }
  return gradient
}

/** AdamW (Loshchilov and Hutter 2019, algorithm 2) with clipping by the global norm, in float64. */
function referenceRun(
  steps: readonly (readonly number[])[],
  settings: Required<OptimizerSettings>,
): { weights: number[]; norms: number[] } {
  const { lr, beta1, beta2, eps, weightDecay, clipNorm } = settings
  const weights = [...START]
  const m = new Array<number>(8).fill(0)
  const v = new Array<number>(8).fill(0)
  const norms = steps.map((seeds, index) => {
    const raw = trueGradient(weights, seeds)
    const norm = Math.hypot(...raw)
    const scale = clipNorm > 0 && norm > clipNorm ? clipNorm / norm : 1
    raw.forEach((value, i) => {
      const g = value * scale
      m[i] = beta1 * m[i]! + (1 - beta1) * g
      v[i] = beta2 * v[i]! + (1 - beta2) * g * g
      const mHat = m[i]! / (1 - beta1 ** (index + 1))
      const vHat = v[i]! / (1 - beta2 ** (index + 1))
      weights[i] = weights[i]! * (i < 6 ? 1 - lr * weightDecay : 1) - (lr * mHat) / (Math.sqrt(vHat) + eps)
    })
    return norm
  })
  return { weights, norms }
}

const SETTINGS: Required<OptimizerSettings> = { lr: 0.05, beta1: 0.9, beta2: 0.98, eps: 1e-8, weightDecay: 0.1, clipNorm: 0 }
const BATCHES = Array.from({ length: 25 }, (_, step) => [step, step + 100, step + 200])
const close = (found: ArrayLike<number>, expected: readonly number[], tolerance: number): void =>
  expected.forEach((value, i) => expect(Math.abs(found[i]! - value)).toBeLessThan(tolerance * Math.max(1, Math.abs(value))))

describe('the update', () => {
  test.each([
    ['without clipping', SETTINGS],
    ['with clipping', { ...SETTINGS, clipNorm: 1.5 }],
    ['without decay', { ...SETTINGS, weightDecay: 0 }],
    ['with a large epsilon', { ...SETTINGS, eps: 0.1 }],
  ])('%s follows AdamW in float64 for 25 steps', async (_, settings) => {
    const { trainer, parameters } = await open()
    const expected = referenceRun(BATCHES, settings)
    for (const [index, seeds] of BATCHES.entries()) {
      const result = await trainer.step({ microbatches: [feed(seeds)], optimizer: settings })
      expect(result).toMatchObject({
        applied: true,
        step: index + 1,
        clipped: settings.clipNorm > 0 && expected.norms[index]! > settings.clipNorm,
      })
      close([result.gradNorm], [expected.norms[index]!], 1e-4)
    }
    close(parameters.snapshot(), expected.weights, 2e-5)
  })

  test('the default settings are those of the documentation', async () => {
    const explicit = await open()
    const short = await open()
    for (const seeds of BATCHES.slice(0, 3)) {
      await explicit.trainer.step({
        microbatches: [feed(seeds)],
        optimizer: { lr: 0.01, beta1: 0.9, beta2: 0.999, eps: 1e-8, weightDecay: 0, clipNorm: 0 },
      })
      await short.trainer.step({ microbatches: [feed(seeds)], optimizer: { lr: 0.01 } })
    }
    expect(short.parameters.checksum()).toBe(explicit.parameters.checksum())
  })

  test('only parameters marked for decay shrink', async () => {
    const { trainer, parameters } = await open()
    const silent = { x: tensor.float32([0, 0, 0], [1, 3]), y: tensor.float32([0.75, -0.5], [1, 2]), extra: NO_EXTRA } // no error, no gradient
    await trainer.step({ microbatches: [silent], optimizer: { lr: 0.5, weightDecay: 0.5 } })
    close(
      parameters.snapshot(),
      START.map((value, i) => (i < 6 ? value * 0.75 : value)),
      1e-6,
    )
  })

  test('a session bound to the same parameters sees the update', async () => {
    const { trainer, parameters } = await open()
    const session = await engine.createSession(regression(), { parameters })
    const before = await session.run(feed([1]), ['loss'])
    for (let i = 0; i < 10; i++) await trainer.step({ microbatches: [feed([1])], optimizer: { lr: 0.02 } })
    expect(Number((await session.run(feed([1]), ['loss'])).loss!.data[0])).toBeLessThan(Number(before.loss!.data[0]))
  })
})

describe('gradients', () => {
  test('are those of the loss, with a norm for each parameter', async () => {
    const { trainer, parameters } = await open()
    const result = await trainer.step({ microbatches: [feed([3, 4])], apply: false })
    const expected = trueGradient(START, [3, 4])
    const { w, b } = trainer.gradients()
    close([...w!, ...b!], expected, 1e-5)
    close([result.gradNorms.w!, result.gradNorms.b!], [Math.hypot(...expected.slice(0, 6)), Math.hypot(...expected.slice(6))], 1e-5)
    close([result.gradNorm], [Math.hypot(...expected)], 1e-5)
    expect(result).toMatchObject({ applied: false, reason: 'gradients-only', step: 0 })
    expect([...parameters.snapshot()]).toEqual(START)
  })

  test('sum over micro-batches', async () => {
    const { trainer } = await open()
    await trainer.step({ microbatches: [feed([1]), feed([2, 3]), feed([4])], apply: false })
    const { w, b } = trainer.gradients()
    close([...w!, ...b!], trueGradient(START, [1, 2, 3, 4]), 1e-5)
  })

  test('are not clipped, and belong to the last step alone', async () => {
    const { trainer } = await open()
    await trainer.step({ microbatches: [feed([9])], optimizer: { lr: 0, clipNorm: 0.01 } })
    await trainer.step({ microbatches: [feed([1])], optimizer: { lr: 0, clipNorm: 0.01 } })
    close(trainer.gradients().w!, trueGradient(START, [1]).slice(0, 6), 1e-5)
  })

  test('outputs come back for each micro-batch', async () => {
    const { trainer } = await open()
    const { outputs } = await trainer.step({ microbatches: [feed([1]), feed([2, 3])], outputs: ['error', 'loss'], apply: false })
    expect(outputs.map((output) => output.error!.dims)).toEqual([
      [1, 2],
      [2, 2],
    ])
    expect(outputs[1]!.loss!.data[0]).toBeCloseTo(
      Array.from(outputs[1]!.error!.data as Float32Array).reduce((sum, e) => sum + e * e, 0),
      5,
    )
  })

  test('a parameter without a gradient stays fixed', async () => {
    const { trainer, parameters } = await open(regression(['b']))
    expect(trainer.trained).toEqual([{ name: 'b', elements: 2 }])
    const result = await trainer.step({ microbatches: [feed([1])], optimizer: { lr: 0.1, weightDecay: 0.1 } })
    expect(Object.keys(result.gradNorms)).toEqual(['b'])
    expect([...parameters.get('w')]).toEqual(START.slice(0, 6))
    expect([...parameters.get('b')]).not.toEqual(START.slice(6))
  })
})

describe('state', () => {
  test('a trainer that takes over the state goes on as if nothing had happened', async () => {
    const straight = await open()
    for (const seeds of BATCHES.slice(0, 8)) await straight.trainer.step({ microbatches: [feed(seeds)], optimizer: SETTINGS })
    const first = await open()
    for (const seeds of BATCHES.slice(0, 4)) await first.trainer.step({ microbatches: [feed(seeds)], optimizer: SETTINGS })
    const second = await open()
    second.parameters.load(first.parameters.snapshot())
    second.trainer.loadState(first.trainer.state())
    expect(second.trainer.state()).toEqual(first.trainer.state())
    for (const seeds of BATCHES.slice(4, 8)) await second.trainer.step({ microbatches: [feed(seeds)], optimizer: SETTINGS })
    expect(second.parameters.checksum()).toBe(straight.parameters.checksum())
    expect(second.trainer.state().step).toBe(8)
  })

  test('of another size is refused', async () => {
    const { trainer } = await open()
    const state = trainer.state()
    expect(state).toEqual({ step: 0, m: new Float32Array(8), v: new Float32Array(8) })
    await refuses('wrong-shape', () => trainer.loadState({ ...state, m: new Float32Array(7) }))
    await refuses('wrong-dtype', () => trainer.loadState({ ...state, v: [] as never }))
    await refuses('bad-argument', () => trainer.loadState({ ...state, step: -1 }))
  })
})

describe('what is not finite', () => {
  const with_ = (x: number, y: number): Tensors => ({
    x: tensor.float32([x, 0, 0], [1, 3]),
    y: tensor.float32([y, 0], [1, 2]),
    extra: NO_EXTRA,
  })

  test.each([
    ['a loss that is not a number', [with_(0, NaN)], 'nonfinite-loss'],
    ['an infinite loss', [with_(0, 1e30)], 'nonfinite-loss'],
    ['a later micro-batch', [with_(1, 1), with_(0, NaN)], 'nonfinite-loss'],
  ] as const)('%s leaves weights, moments and count alone', async (_, microbatches, reason) => {
    const { trainer, parameters } = await open()
    await trainer.step({ microbatches: [feed([1])], optimizer: SETTINGS })
    const before = { weights: parameters.checksum(), state: trainer.state() }
    expect(await trainer.step({ microbatches, optimizer: SETTINGS })).toMatchObject({ applied: false, reason, step: 1, clipped: false })
    expect({ weights: parameters.checksum(), state: trainer.state() }).toEqual(before)
    expect(await trainer.step({ microbatches: [feed([1])], optimizer: SETTINGS })).toMatchObject({ applied: true, step: 2 })
  })

  test('a finite loss with an infinite gradient', async () => {
    const g = new GraphBuilder('root')
    const b = g.input('b', 'float32', [2])
    g.output('loss', g.reduceSum(g.sqrt(b), undefined, false)) // the slope at 0 is infinite
    const parameters = engine.createParameters([{ name: 'b', dims: [2], decay: false }])
    const trainer = await engine.createTrainer({ onnx: toOnnx(gradients(g.build(), 'loss', ['b'])), parameters })
    expect(await trainer.step({ microbatches: [{}], optimizer: SETTINGS })).toMatchObject({ applied: false, reason: 'nonfinite-gradient' })
    expect(parameters.get('b')).toEqual(new Float32Array(2))
  })
})

describe('cancelling and disposing', () => {
  const heavy = { ...feed([1]), extra: tensor.float32(new Float32Array(384 * 384), [384, 384]) }

  test('within a micro-batch, the weights stay', async () => {
    const { trainer, parameters } = await open(regression(['w', 'b'], 200))
    const abort = new AbortController()
    const step = trainer.step({ microbatches: [heavy, heavy, heavy], optimizer: SETTINGS, signal: abort.signal })
    setImmediate(() => abort.abort())
    await refuses('cancelled', () => step)
    expect([...parameters.snapshot()]).toEqual(START)
    expect(trainer.state().step).toBe(0)
    expect((await trainer.step({ microbatches: [feed([1])], optimizer: SETTINGS })).applied).toBe(true)
  })

  test('between micro-batches, as progress is told, the weights stay', async () => {
    const { trainer, parameters } = await open()
    const abort = new AbortController()
    const seen: number[] = []
    const step = trainer.step({
      microbatches: Array.from({ length: 20_000 }, () => feed([1])),
      optimizer: SETTINGS,
      signal: abort.signal,
      onProgress: ({ finished, total }) => {
        seen.push(finished, total)
        abort.abort()
      },
    })
    await refuses('cancelled', () => step)
    expect(seen[1]).toBe(20_000)
    expect([...parameters.snapshot()]).toEqual(START)
  })

  test('a signal that is already aborted starts nothing', async () => {
    const { trainer } = await open()
    await refuses('cancelled', () => trainer.step({ microbatches: [feed([1])], optimizer: SETTINGS, signal: AbortSignal.abort() }))
  })

  test('while a step runs everything that would meet it is busy', async () => {
    const { trainer, parameters } = await open()
    const other = await engine.createTrainer({ onnx: regression(), parameters })
    const session = await engine.createSession(regression(), { parameters })
    const step = trainer.step({ microbatches: [feed([1]), feed([2])], optimizer: SETTINGS })
    await refuses('busy', () => trainer.step({ microbatches: [feed([1])], optimizer: SETTINGS }))
    await refuses('busy', () => trainer.state())
    await refuses('busy', () => trainer.gradients())
    await refuses('busy', () => trainer.loadState({ step: 0, m: new Float32Array(8), v: new Float32Array(8) }))
    await refuses('busy', () => other.step({ microbatches: [feed([1])], optimizer: SETTINGS }))
    await refuses('busy', () => session.run(feed([1])))
    await refuses('busy', () => parameters.get('w'))
    await refuses('busy', () => parameters.set('b', new Float32Array(2)))
    expect((await step).applied).toBe(true)
    expect((await other.step({ microbatches: [feed([1])], optimizer: SETTINGS })).applied).toBe(true)
  })

  test('gradients alone may be computed while others read', async () => {
    const { trainer, parameters } = await open()
    const session = await engine.createSession(regression(), { parameters })
    const [result] = await Promise.all([trainer.step({ microbatches: [feed([1])], apply: false }), session.run(feed([1]))])
    expect(result.reason).toBe('gradients-only')
  })

  test('disposing while a step runs rejects with disposed and leaves the weights', async () => {
    const { trainer, parameters } = await open(regression(['w', 'b'], 200))
    const step = trainer.step({ microbatches: [heavy, heavy], optimizer: SETTINGS })
    setImmediate(() => trainer.dispose())
    await refuses('disposed', () => step)
    expect([...parameters.snapshot()]).toEqual(START)
    await refuses('disposed', () => trainer.step({ microbatches: [heavy], optimizer: SETTINGS }))
    await refuses('disposed', () => trainer.state())
    await refuses('disposed', () => trainer.bytes)
  })
})

describe('wrong use', () => {
  test('arguments are checked', async () => {
    const { trainer } = await open()
    const good = feed([1])
    const stepping = (change: object) => () => trainer.step({ microbatches: [good], optimizer: SETTINGS, ...change })
    await refuses('bad-argument', stepping({ microbatches: [] }))
    await refuses('bad-argument', stepping({ microbatches: good }))
    await refuses('missing-input', stepping({ microbatches: [{ x: good.x }] }))
    await refuses('wrong-shape', stepping({ microbatches: [{ ...good, y: tensor.float32([1], [1, 1]) }] }))
    await refuses('wrong-dtype', stepping({ microbatches: [{ ...good, y: tensor.int32([1, 1], [1, 2]) }] }))
    await refuses('unknown-name', stepping({ outputs: ['accuracy'] }))
    await refuses('bad-argument', stepping({ outputs: ['grad/w'] }))
    await refuses('bad-argument', stepping({ optimizer: undefined }))
    await refuses('bad-argument', stepping({ optimizer: {} }))
    for (const change of [{ lr: -1 }, { lr: NaN }, { beta1: 1 }, { beta2: 1.5 }, { eps: -1 }, { weightDecay: -1 }, { clipNorm: -1 }]) {
      await refuses('bad-argument', stepping({ optimizer: { ...SETTINGS, ...change } }))
    }
  })

  test('shapes that only clash while running leave the weights', async () => {
    const { trainer, parameters } = await open()
    const clash = { ...feed([1, 2]), y: tensor.float32(new Float32Array(6), [3, 2]) }
    await refuses('runtime', () => trainer.step({ microbatches: [feed([1]), clash], optimizer: SETTINGS }))
    expect([...parameters.snapshot()]).toEqual(START)
  })

  test('a graph without usable gradients is refused', async () => {
    const g = new GraphBuilder('forward')
    g.output('loss', g.reduceSum(g.input('w', 'float32', [3, 2]), undefined, false))
    const forward = toOnnx(g.build())
    await refuses('bad-model', () => engine.createTrainer({ onnx: forward, parameters: newParameters() }))
    await refuses('bad-model', () => engine.createTrainer({ onnx: regression(), parameters: newParameters(), gradientPrefix: 'slope/' }))
    await refuses('unknown-name', () => engine.createTrainer({ onnx: regression(), parameters: engine.createParameters([SPECS[0]!]) }))
    await refuses('bad-argument', () => engine.createTrainer({ onnx: regression(), parameters: undefined as never }))
    await refuses('bad-argument', () => engine.createTrainer({ onnx: regression(), parameters: newParameters(), gradientPrefix: '' }))
  })

  test('a hundred trainers come and go', async () => {
    const onnx = regression()
    const parameters = newParameters()
    for (let i = 0; i < 100; i++) (await engine.createTrainer({ onnx, parameters })).dispose()
    expect([...parameters.snapshot()]).toEqual(START)
  })
})
