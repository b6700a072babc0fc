// A long series with fewer points: its extremes stay, its order stays, and nothing is kept twice.

import { expect, it } from 'vitest'
import { decimate } from '../../src-main/store/decimate.ts'

it('a series that fits stays whole', () => {
  expect(decimate([3, 1, 2], 3)).toEqual([0, 1, 2])
  expect(decimate([], 0)).toEqual([])
})

it('each bucket keeps its lowest and its highest value, in the order in which they came', () => {
  expect(decimate([5, 9, 1, 2, 8, 7, 3, 4], 4)).toEqual([1, 2, 4, 6])
  expect(decimate([1, 2, 3, 4, 5, 6], 4)).toEqual([0, 2, 3, 5])
})

it('a level stretch keeps its first point, once', () => {
  expect(decimate([1, 1, 1, 1, 1, 1], 4)).toEqual([0, 3])
})

it('equal extremes keep the first of them', () => {
  expect(decimate([1, 5, 1, 5, 3], 2)).toEqual([0, 1])
})

it('one point, or none, is the whole series as one bucket', () => {
  expect(decimate([2, 1, 3], 1)).toEqual([1, 2])
  expect(decimate([2, 1, 3], 0)).toEqual([1, 2])
})

it('buckets cover a series that they do not divide evenly', () => {
  expect(decimate([0, 0, 0, 9, 0, 0, 9], 6)).toEqual([0, 2, 3, 4, 6])
})
