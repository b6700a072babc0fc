// Dimension arithmetic: canonical writing, broadcasting, and agreement with plain numbers.

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { addDims, broadcastShapes, dim, elementsOf, evaluateDim, mulDims, subDims, symbolsOf } from '../../src-main/graph/dims.ts'

describe('a dimension is written in one way', () => {
  test.each([
    ['T*B', 'B*T'],
    ['2*3', 6],
    ['B * 4 * T', '4*B*T'],
    ['T-1+1', 'T'],
    ['B-B', 0],
    ['1+T', 'T+1'],
    ['-B+B*T', 'B*T-B'],
    ['T*2*T', '2*T*T'],
  ])('%s is %s', (text, canonical) => {
    expect(dim(text)).toBe(canonical)
  })

  test.each(['', 'B*', '(B)', 'B/2', '1.5', 'B T*'])("'%s' is not a dimension", (text) => {
    expect(() => dim(text)).toThrow(`'${text}' is not a dimension`)
  })

  test('a number that is not whole is refused', () => {
    expect(() => dim(1.5)).toThrow('must be a whole number, found 1.5')
  })
})

test('sums and products of dimensions equal those of the numbers they stand for', () => {
  const expression = fc.constantFrom<number | string>('B', 'T', 'B*T', 'T-1', '2*B+3', 0, 1, 7)
  fc.assert(
    fc.property(expression, expression, fc.integer({ min: 1, max: 9 }), fc.integer({ min: 1, max: 9 }), (a, b, B, T) => {
      const at = (d: number | string): number => evaluateDim(d, { B, T })
      expect(at(addDims(a, b))).toBe(at(a) + at(b))
      expect(at(subDims(a, b))).toBe(at(a) - at(b))
      expect(at(mulDims(a, b))).toBe(at(a) * at(b))
      expect(mulDims(a, b)).toBe(mulDims(b, a))
    }),
  )
})

test('a name without a size is called by its name', () => {
  expect(() => evaluateDim('B*T', { B: 2 })).toThrow("dimension 'T' has no size; known: B")
})

test('a shape has the product of its dimensions as elements, and a scalar has one', () => {
  expect(elementsOf(['B', 'T', 4])).toBe('4*B*T')
  expect(elementsOf([])).toBe(1)
  expect(symbolsOf('B*T-B')).toEqual(['B', 'T'])
})

test('shapes broadcast from the right, a name only with itself and with 1', () => {
  expect(broadcastShapes(['B', 1, 4], ['T', 1])).toEqual(['B', 'T', 4])
  expect(broadcastShapes([], ['B'])).toEqual(['B'])
  expect(broadcastShapes(['B'], ['T'])).toBeNull()
  expect(broadcastShapes(['B'], [4])).toBeNull()
})
