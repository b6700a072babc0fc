// A short run of flat.ts: what JavaScript holds does not grow with the steps that were trained or the requests that were answered.
import { expect, it } from 'vitest'
import { growth, heldByRequests, heldBySteps } from './flat.ts'

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
