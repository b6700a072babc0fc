// Sessions: graphs run off the JavaScript thread on tensors and shared parameters; wrong use is refused with a code.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openEngine, type Engine } from '../../src-main/engine/engine.ts'
import type { Session } from '../../src-main/engine/session.ts'
import { tensor, type Tensor } from '../../src-main/engine/tensor.ts'
import { GraphBuilder } from '../../src-main/graph/builder.ts'
import { toOnnx } from '../../src-main/graph/onnx.ts'
import { refuses } from './failing.ts'

let engine: Engine
beforeAll(() => {
  engine = openEngine()
})
afterAll(() => engine.dispose())

/** y = x w^T, and its sum. */
function linear(): Uint8Array {
  const g = new GraphBuilder('linear')
  const y = g.gemm(g.input('x', 'float32', ['B', 3]), g.input('w', 'float32', [2, 3]), null, { transB: true })
  g.output('y', y)
  g.output('sum', g.reduceSum(y, undefined, false))
  return toOnnx(g.build())
}

/** Every element type in and out. */
function types(): Uint8Array {
  const g = new GraphBuilder('types')
  g.output('long', g.add(g.input('a', 'int64', ['N']), 1))
  g.output('int', g.add(g.input('b', 'int32', ['N']), 1))
  g.output('flag', g.not(g.input('c', 'bool', ['N'])))
  g.output('real', g.mul(g.input('d', 'float32', ['N']), 2))
  return toOnnx(g.build())
}

/** Long enough to be cancelled: products of large matrices, one after another. */
function slow(): Uint8Array {
  const g = new GraphBuilder('slow')
  let x = g.input('x', 'float32', ['N', 'N'])
  for (let i = 0; i < 400; i++) x = g.tanh(g.matMul(x, x))
  g.output('y', x)
  return toOnnx(g.build())
}

const slowFeed = (): Tensor => tensor.float32(new Float32Array(512 * 512).fill(0.001), [512, 512])

async function open(): Promise<{ session: Session; weights: Float32Array; set: (values: number[]) => void }> {
  const parameters = engine.createParameters([{ name: 'w', dims: [2, 3], decay: true }])
  const weights = Float32Array.of(1, 2, 3, 4, 5, 6)
  parameters.set('w', weights)
  const session = await engine.createSession(linear(), { parameters })
  return { session, weights, set: (values) => parameters.set('w', Float32Array.from(values)) }
}

describe('running', () => {
  test('the engine names its version, providers and threads', () => {
    expect(engine.version).toMatch(/^\d+\.\d+\.\d+$/)
    expect(engine.providers).toContain('CPUExecutionProvider')
    expect(engine.threads).toBeGreaterThanOrEqual(1)
    expect(engine.peakResidentBytes).toBeGreaterThan(1e6)
  })

  test('a session lists what it reads and gives', async () => {
    const { session } = await open()
    expect(session.inputs).toEqual([
      { name: 'x', dtype: 'float32', dims: ['B', 3], bound: false },
      { name: 'w', dtype: 'float32', dims: [2, 3], bound: true },
    ])
    expect(session.outputs.map((output) => output.name)).toEqual(['y', 'sum'])
  })

  test('parameters are read in place: a change shows in the next run', async () => {
    const { session, set } = await open()
    const x = tensor.float32([1, 1, 1], [1, 3])
    expect((await session.run({ x })).y).toEqual({ dtype: 'float32', dims: [1, 2], data: Float32Array.of(6, 15) })
    set([1, 0, 0, 0, 0, -1])
    expect((await session.run({ x })).y!.data).toEqual(Float32Array.of(1, -1))
  })

  test('only the asked outputs come back, each once', async () => {
    const { session } = await open()
    const result = await session.run({ x: tensor.float32([1, 1, 1], [1, 3]) }, ['sum', 'sum'])
    expect(result).toEqual({ sum: { dtype: 'float32', dims: [], data: Float32Array.of(21) } })
  })

  test('all element types pass through, and int64 takes 32-bit arrays', async () => {
    const session = await engine.createSession(types())
    const feeds = (a: Tensor): Record<string, Tensor> => ({
      a,
      b: tensor.int32([-5, 7]),
      c: { dtype: 'bool', dims: [2], data: Uint8Array.of(0, 1) },
      d: tensor.float32([0.5, -1]),
    })
    const expected = {
      long: { dtype: 'int64', dims: [2], data: BigInt64Array.of(-1n, 3n) },
      int: { dtype: 'int32', dims: [2], data: Int32Array.of(-4, 8) },
      flag: { dtype: 'bool', dims: [2], data: Uint8Array.of(1, 0) },
      real: { dtype: 'float32', dims: [2], data: Float32Array.of(1, -2) },
    }
    expect(await session.run(feeds(tensor.int64([-2, 2])))).toEqual(expected)
    expect(await session.run(feeds({ dtype: 'int64', dims: [2], data: BigInt64Array.of(-2n, 2n) }))).toEqual(expected)
  })

  test('empty tensors are fine', async () => {
    const { session } = await open()
    expect((await session.run({ x: tensor.float32([], [0, 3]) }, ['y'])).y).toEqual({
      dtype: 'float32',
      dims: [0, 2],
      data: new Float32Array(0),
    })
  })

  test('calls made while one is running wait in line', async () => {
    const { session } = await open()
    const results = await Promise.all([1, 2, 3, 4, 5].map((v) => session.run({ x: tensor.float32([v, 0, 0], [1, 3]) }, ['y'])))
    expect(results.map(({ y }) => y!.data[0])).toEqual([1, 2, 3, 4, 5])
  })

  test('sessions run side by side', async () => {
    const sessions = await Promise.all(Array.from({ length: 6 }, () => open()))
    const results = await Promise.all(sessions.map(({ session }, i) => session.run({ x: tensor.float32([i, 0, 0], [1, 3]) }, ['y'])))
    expect(results.map(({ y }) => y!.data[0])).toEqual([0, 1, 2, 3, 4, 5])
  })

  test('the JavaScript thread is free while a graph runs', async () => {
    const session = await engine.createSession(slow())
    const abort = new AbortController()
    let turns = 0
    const ticking = setInterval(() => {
      if (++turns === 5) abort.abort()
    }, 1)
    await refuses('cancelled', () => session.run({ x: slowFeed() }, undefined, { signal: abort.signal }))
    clearInterval(ticking)
    expect(turns).toBeGreaterThanOrEqual(5)
  })

  test.each(['basic', 'extended', 'all'] as const)('optimization %s gives the same numbers', async (optimization) => {
    const session = await engine.createSession(types(), { optimization })
    const { real } = await session.run(
      { a: tensor.int64([1]), b: tensor.int32([1]), c: { dtype: 'bool', dims: [1], data: Uint8Array.of(1) }, d: tensor.float32([3]) },
      ['real'],
    )
    expect(real!.data[0]).toBe(6)
  })
})

describe('wrong use', () => {
  test('feeds are checked against the graph', async () => {
    const { session } = await open()
    const x = tensor.float32([1, 1, 1], [1, 3])
    await refuses('missing-input', () => session.run({}))
    await refuses('unknown-name', () => session.run({ x, z: x }))
    await refuses('unknown-name', () => session.run({ x, w: tensor.float32([1, 2, 3, 4, 5, 6], [2, 3]) }))
    await refuses('unknown-name', () => session.run({ x }, ['nothing']))
    await refuses('bad-argument', () => session.run({ x }, 'y' as never))
    await refuses('bad-argument', () => session.run(undefined as never))
    await refuses('wrong-dtype', () => session.run({ x: tensor.int32([1, 1, 1], [1, 3]) }))
    await refuses('wrong-dtype', () => session.run({ x: { dtype: 'float32', dims: [1, 3], data: new Float64Array(3) } as never }))
    await refuses('wrong-shape', () => session.run({ x: tensor.float32([1, 1], [1, 2]) }))
    await refuses('wrong-shape', () => session.run({ x: tensor.float32([1, 1, 1], [3]) }))
    await refuses('wrong-shape', () => session.run({ x: tensor.float32([1, 1, 1], [2, 3]) }))
    await refuses('wrong-shape', () => session.run({ x: { dtype: 'float32', dims: [-1, 3], data: new Float32Array(3) } }))
    await refuses('bad-argument', () => session.run({ x }, undefined, { signal: 1 as never }))
  })

  test('what only ONNX Runtime can see arrives as code runtime', async () => {
    const g = new GraphBuilder('lookup')
    g.output('row', g.gather(g.constant(new Float32Array(4), [2, 2]), g.input('index', 'int64', ['N'])))
    const session = await engine.createSession(toOnnx(g.build()))
    await refuses('runtime', () => session.run({ index: tensor.int64([5]) }))
    expect((await session.run({ index: tensor.int64([1]) })).row!.dims).toEqual([1, 2])
  })

  test('bytes that are no graph are refused', async () => {
    await refuses('bad-model', () => engine.createSession(new Uint8Array(0)))
    await refuses('bad-model', () => engine.createSession('model' as never))
    await refuses('bad-model', () => engine.createSession(new Uint8Array(100).fill(7)))
    const whole = linear()
    await refuses('bad-model', () => engine.createSession(whole.slice(0, whole.length >> 1)))
  })

  test('damaged bytes never do worse than an error', async () => {
    const whole = linear()
    let refused = 0
    for (let at = 0; at < whole.length; at += 3) {
      const damaged = whole.slice()
      damaged[at] = damaged[at]! ^ 0xff
      try {
        ;(await engine.createSession(damaged)).dispose()
      } catch {
        refused++
      }
    }
    expect(refused).toBeGreaterThan(0)
  })

  test('parameters must fit the graph', async () => {
    const parameters = engine.createParameters([{ name: 'w', dims: [3, 2], decay: true }])
    await refuses('wrong-shape', () => engine.createSession(linear(), { parameters }))
    const g = new GraphBuilder('whole')
    g.output('y', g.add(g.input('w', 'int64', [3, 2]), 1))
    await refuses('wrong-dtype', () => engine.createSession(toOnnx(g.build()), { parameters }))
    await refuses('bad-argument', () => engine.createSession(linear(), { parameters: {} as never }))
  })

  test('options are checked', async () => {
    await refuses('bad-argument', () => engine.createSession(linear(), { device: 'tpu' as never }))
    await refuses('bad-argument', () => engine.createSession(linear(), { optimization: 'most' as never }))
    await refuses('bad-argument', () => openEngine({ threads: -1 }))
    await refuses('library-missing', () => openEngine({ library: '/nowhere/libonnxruntime.so.1' }))
    await refuses('library-missing', () => openEngine({ library: process.execPath }))
  })
})

describe('ends', () => {
  test('an aborted run rejects with cancelled and the session stays usable', async () => {
    const session = await engine.createSession(slow())
    const abort = new AbortController()
    const run = session.run({ x: slowFeed() }, undefined, { signal: abort.signal })
    setTimeout(() => abort.abort(), 10)
    const started = performance.now()
    await refuses('cancelled', () => run)
    expect(performance.now() - started).toBeLessThan(1000)
    expect((await session.run({ x: tensor.float32([0], [1, 1]) })).y!.data[0]).toBe(0)
  })

  test('a signal that is already aborted starts nothing', async () => {
    const { session } = await open()
    await refuses('cancelled', () => session.run({ x: tensor.float32([1, 1, 1], [1, 3]) }, undefined, { signal: AbortSignal.abort() }))
  })

  test('disposing a session makes running and waiting calls reject with disposed', async () => {
    const session = await engine.createSession(slow())
    const calls = [session.run({ x: slowFeed() }), session.run({ x: slowFeed() })]
    setTimeout(() => session.dispose(), 10)
    for (const call of calls) await refuses('disposed', () => call)
    await refuses('disposed', () => session.run({ x: slowFeed() }))
    session.dispose()
  })

  test('a session keeps the memory of parameters that were disposed', async () => {
    const parameters = engine.createParameters([{ name: 'w', dims: [2, 3], decay: true }])
    parameters.set('w', Float32Array.of(1, 2, 3, 4, 5, 6))
    const session = await engine.createSession(linear(), { parameters })
    parameters.dispose()
    expect((await session.run({ x: tensor.float32([1, 1, 1], [1, 3]) }, ['sum'])).sum!.data[0]).toBe(21)
  })

  test('parameters cannot change while a session reads them', async () => {
    const g = new GraphBuilder('slow-with-parameter')
    let x = g.mul(g.input('x', 'float32', ['N', 'N']), g.input('w', 'float32', [1, 1]))
    for (let i = 0; i < 20; i++) x = g.tanh(g.matMul(x, x))
    g.output('y', x)
    const parameters = engine.createParameters([{ name: 'w', dims: [1, 1], decay: true }])
    const session = await engine.createSession(toOnnx(g.build()), { parameters })
    const run = session.run({ x: slowFeed() })
    await Promise.resolve()
    await refuses('busy', () => parameters.set('w', Float32Array.of(2)))
    expect(parameters.get('w')[0]).toBe(0)
    await run
    parameters.set('w', Float32Array.of(2))
  })

  test('hundreds of sessions come and go', async () => {
    const onnx = linear()
    for (let i = 0; i < 300; i++) (await engine.createSession(onnx)).dispose()
    const { session } = await open()
    expect(session.inputs).toHaveLength(2)
  })

  test('disposing an engine disposes what it made, and other engines go on', async () => {
    const own = openEngine({ threads: 1 })
    const set = own.createParameters([{ name: 'w', dims: [2, 3], decay: true }])
    const session = await own.createSession(linear(), { parameters: set })
    const loading = own.createSession(linear())
    own.dispose()
    own.dispose()
    await refuses('disposed', () => set.get('w'))
    await refuses('disposed', () => session.run({ x: tensor.float32([1, 1, 1], [1, 3]) }))
    await refuses('disposed', () => loading)
    await refuses('disposed', () => own.createSession(linear()))
    await refuses('disposed', () => own.createParameters([]))
    expect((await (await open()).session.run({ x: tensor.float32([1, 1, 1], [1, 3]) }, ['sum'])).sum!.data[0]).toBe(21)
  })

  test('engines open and close many times over', async () => {
    let sum = 0
    for (let i = 0; i < 30; i++) {
      const own = openEngine({ threads: 2 })
      const session = await own.createSession(linear())
      const result = await session.run({ x: tensor.float32([1, 1, 1], [1, 3]), w: tensor.float32([1, 2, 3, 4, 5, 6], [2, 3]) })
      sum += Number(result.sum!.data[0])
      own.dispose()
    }
    expect(sum).toBe(30 * 21)
  })
})
