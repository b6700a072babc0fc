// Whether a device is to be trusted: the processor passes the test that others are held to, and what is not right, or is no number, fails.
import { afterAll, beforeAll, expect, it } from 'vitest'
import { openEngine, type Engine } from '../../src-main/engine/engine.ts'
import { check, relativeError, selfTest } from '../../src-main/lab/process/selfTest.ts'
import type { Tensor } from '../../src-main/engine/tensor.ts'

let engine: Engine
beforeAll(() => {
  engine = openEngine()
})
afterAll(() => engine.dispose())
const tensor = (...data: number[]): Tensor => ({ dtype: 'float32', dims: [data.length], data: Float32Array.from(data) })

it('the processor writes as it reads, and measures J as whole sequences give it, well within its limits', async () => {
  let nowMs = 100
  const { ok, checks, durationMs, device } = await selfTest(engine, 'cpu', () => (nowMs += 7))
  expect([ok, durationMs, device]).toEqual([true, 7, 'cpu'])
  expect(checks.map(({ limit, unit, ok: passed }) => [limit, unit, passed])).toEqual([
    [1e-4, 'nats', true],
    [1e-4, 'relative', true],
  ])
  for (const { found } of checks) expect([found >= 0, found < 5e-5]).toEqual([true, true])
  expect(checks[0]!.name).toContain('64 decoded tokens')
})

it('a device that does not run fails with one check that says so', async () => {
  const fails = { createSession: () => Promise.reject(new Error('no such device\nand more')) }
  const broken = Object.assign(Object.create(engine) as Engine, fails)
  expect(await selfTest(broken, 'webgpu', Date.now)).toMatchObject({
    ok: false,
    device: 'webgpu',
    checks: [{ name: 'runs at all (no such device)', found: 1, limit: 0, unit: 'failures', ok: false }],
  })
})

/** The processor in the place of another device, whose outputs of this name are off by this part of themselves; `drawn` are log-probs while generating. */
function deviceThatErrs(name: string, by: number): Engine {
  const scaled = <Values extends ArrayLike<number>>(values: Values): Float32Array => Float32Array.from(values, (value) => value * (1 + by))
  const createSession: Engine['createSession'] = async (onnx, options) => {
    const session = await engine.createSession(onnx, { ...options, device: 'cpu' })
    if (options?.device !== 'webgpu') return session
    return {
      run: async (...feeds: Parameters<typeof session.run>) => {
        const found = await session.run(...feeds)
        const at = found[name]
        return at === undefined ? found : { ...found, [name]: { ...at, data: scaled(at.data as Float32Array) } }
      },
      dispose: () => session.dispose(),
    } as typeof session
  }
  const createDecoder: Engine['createDecoder'] = async (options) => {
    const decoder = await engine.createDecoder({ ...options, device: 'cpu' })
    const generate: typeof decoder.generate = async (asked) =>
      (await decoder.generate(asked)).map((completion) => ({ ...completion, logps: scaled(completion.logps) }))
    return { generate: name === 'drawn' ? generate : decoder.generate.bind(decoder), dispose: () => decoder.dispose() } as typeof decoder
  }
  const { fixedFile } = engine
  return { fixedFile, createSession, createDecoder, createParameters: (specs) => engine.createParameters(specs) } as Engine
}

it('a device that computes as the processor does passes, by every gradient of a plain model and of one with all that others have', async () => {
  const { ok, checks } = await selfTest(deviceThatErrs('nothing', 0), 'webgpu', Date.now)
  expect(ok).toBe(true)
  const names = checks.map(({ name }) => name)
  const other = 'with biases, norms of heads, own head: '
  expect(names.filter((name) => name.includes('grad')).length).toBeGreaterThan(50)
  expect(names.filter((name) => /logps$|entropy$|loss$/.test(name))).toEqual(
    ['', other].flatMap((of) => ['logps', 'entropy', 'loss'].map((name) => `${of}${name}`)),
  )
  // What only the other model has is looked at in it.
  for (const part of ['q_proj.bias', 'q_norm', 'lm_head'])
    expect(names.filter((name) => name.includes(part)).map((name) => name.startsWith(other))).toContain(true)
  expect(names.slice(-3).map((name) => name.split(/[:,]/)[0])).toEqual([
    '64 decoded tokens',
    'scored tokens',
    'J of five answers after two cuts',
  ])
  expect(checks.slice(-3).map(({ limit }) => limit)).toEqual([1e-3, 1e-3, 1e-3])
})

it.each([
  ['loss', 2e-3, ['loss', 'with biases, norms of heads, own head: loss']],
  ['entropy', 2e-3, ['entropy', 'with biases, norms of heads, own head: entropy']],
  ['child_logps', 2e-3, ['J of five answers after two cuts, against whole sequences on the processor']],
  ['drawn', 2e-3, ['64 decoded tokens: their log-probs against those of training on the processor']],
  ['loss', 5e-4, []],
] as const)('a device whose %s is off by %d fails by exactly what that touches', async (name, by, failing) => {
  const { ok, checks } = await selfTest(deviceThatErrs(name, by), 'webgpu', Date.now)
  expect(checks.filter((each) => !each.ok).map((each) => each.name)).toEqual(failing)
  expect(ok).toBe(failing.length === 0)
})

it('a device that scores otherwise than it trains fails by both', async () => {
  const { checks } = await selfTest(deviceThatErrs('logps', 2e-3), 'webgpu', Date.now)
  expect(checks.filter((each) => !each.ok).map(({ name }) => name.split(':').at(-1)!.trim())).toEqual([
    'logps',
    'logps',
    'their log-probs against the processor',
  ])
})

it.each(['cpu', 'webgpu'] as const)('what the test of %s opens it gives back, and once', async (device) => {
  const made: string[] = []
  const given: string[] = []
  const noted = <Made extends { dispose(): void }>(kind: string, object: Made): Made => {
    made.push(kind)
    const dispose = object.dispose.bind(object)
    object.dispose = () => {
      given.push(kind)
      dispose()
    }
    return object
  }
  const computing = deviceThatErrs('nothing', 0)
  const counting = {
    fixedFile: engine.fixedFile,
    createSession: async (...asked: Parameters<Engine['createSession']>) => noted('session', await computing.createSession(...asked)),
    createDecoder: async (...asked: Parameters<Engine['createDecoder']>) => noted('decoder', await computing.createDecoder(...asked)),
    createParameters: (...asked: Parameters<Engine['createParameters']>) => noted('parameters', engine.createParameters(...asked)),
  } as Engine
  await selfTest(counting, device, Date.now)
  expect(new Set(made)).toEqual(new Set(['session', 'decoder', 'parameters']))
  expect(given.toSorted()).toEqual(made.toSorted())
})

it('a check passes on its limit and fails beyond it, and where there is no number', () => {
  expect(check('loss', 1e-3, 1e-3, 'relative')).toEqual({ name: 'loss', found: 1e-3, limit: 1e-3, unit: 'relative', ok: true })
  expect(check('loss', 1.1e-3, 1e-3, 'relative').ok).toBe(false)
  for (const found of [NaN, Infinity]) expect(check('loss', found, 1e-3, 'relative')).toMatchObject({ ok: false, found: Number.MAX_VALUE })
})

it('an error is the length of the difference by the length of what was expected', () => {
  expect(relativeError(tensor(3, 4), tensor(3, 4))).toBe(0)
  expect(relativeError(tensor(6, 8), tensor(3, 4))).toBe(1)
  expect(relativeError(tensor(3, 4.5), tensor(3, 4))).toBeCloseTo(0.1, 12)
  // Where nothing is expected it is the length of what is there.
  expect(relativeError(tensor(3, 4), tensor(0, 0))).toBe(5)
  expect(relativeError(tensor(NaN, 4), tensor(3, 4))).toBeNaN()
})
