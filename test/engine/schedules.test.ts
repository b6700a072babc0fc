// Learning-rate schedules at their landmarks.
import { expect, test } from 'vitest'
import { constant, cosineDecay, linearDecay, schedule, withWarmup } from '../../src-main/engine/schedules.ts'

test('a constant schedule stays at the peak', () => {
  expect([0, 5, 1e6].map(constant)).toEqual([1, 1, 1])
})

test('a warm-up rises in equal steps and reaches the peak with its last update', () => {
  expect([0, 1, 2, 3, 4, 5].map(withWarmup(4, constant))).toEqual([0.25, 0.5, 0.75, 1, 1, 1])
  expect(withWarmup(0, constant)(0)).toBe(1)
})

test('a linear decay falls in a line to its floor and stays there', () => {
  expect([0, 5, 10, 20].map(linearDecay(10))).toEqual([1, 0.5, 0, 0])
  expect([0, 5, 10, 20].map(linearDecay(10, 0.25))).toEqual([1, 0.625, 0.25, 0.25])
})

test('a cosine decay is at its middle halfway and at its floor from the end on', () => {
  const decay = cosineDecay(10, 0.1)
  expect(decay(0)).toBe(1)
  expect(decay(5)).toBeCloseTo(0.55, 12)
  expect(decay(10)).toBeCloseTo(0.1, 12)
  expect(decay(11)).toBeCloseTo(0.1, 12)
})

test('settings put a warm-up inside the total and decay over the rest', () => {
  const linear = schedule({ name: 'linear', warmupSteps: 2, totalSteps: 6 })
  expect([0, 1, 2, 4, 6, 9].map(linear)).toEqual([0.5, 1, 1, 0.5, 0, 0])
  const cosine = schedule({ name: 'cosine', warmupSteps: 2, totalSteps: 6, floor: 0.5 })
  expect(cosine(4)).toBeCloseTo(0.75, 12)
  expect(schedule({ name: 'constant', warmupSteps: 0, totalSteps: 0 })(3)).toBe(1)
})

test('a decay over no steps is at its floor', () => {
  expect(schedule({ name: 'linear', warmupSteps: 5, totalSteps: 5, floor: 0.3 })(5)).toBe(0.3)
})
