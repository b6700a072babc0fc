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
