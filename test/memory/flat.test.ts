// A short run of flat.ts: what JavaScript holds does not grow with the steps that were trained or the requests that were answered.
import { expect, it } from 'vitest'
import { growth, heldByRequests, heldBySteps } from './flat.ts'

it('tells what grows with every step from what is held for a moment', () => {
  const read = (external: readonly number[]) =>
    growth(
      external.map((bytes, at) => ({ done: 2 * (at + 1), rss: 0, heap: 0, external: bytes })),
      'external',
    )
  const level = new Array<number>(12).fill(600_000)
  expect(read(level.with(11, 1_300_000).with(8, 800_000))).toBe(0)
  const leak = level.map((bytes, at) => bytes + at * 100_000)
  expect(read(leak)).toBe(50_000)
  expect(read(leak.with(9, leak[9]! + 700_000))).toBeGreaterThan(40_000)
})

it('holds no more after a request than before it, whatever was asked', { timeout: 300_000 }, async () => {
  const found = await heldByRequests(600, 50)
  expect(found).toHaveLength(12)
  expect(growth(found, 'heap')).toBeLessThan(3000)
  expect(growth(found, 'external')).toBeLessThan(1000)
})

it('holds no more after a step of training than before it', { timeout: 300_000 }, async () => {
  const found = await heldBySteps(24, 2)
  expect(found).toHaveLength(12)
  expect(growth(found, 'heap')).toBeLessThan(60_000)
  expect(growth(found, 'external')).toBeLessThan(40_000)
})
