/** Numbers as text: what a reader of a chart or a table sees. */
import { describe, expect, it } from 'vitest'
import { bytes, compact, decimalsFor, duration, exponent, fixed, interval, significant, signed } from '../../src-renderer/charts/format.ts'

const plain = (text: string) => text.replaceAll('\u202f', ' ')

describe('fixed and signed numbers', () => {
  it('use a true minus sign and group thousands', () => {
    expect(fixed(-1234567.891, 1)).toBe('−1,234,567.9')
    expect(fixed(999)).toBe('999')
  })
  it('never show a minus before a value that rounds to zero', () => {
    expect(fixed(-0.0004, 3)).toBe('0.000')
    expect(signed(0.0004, 3)).toBe('0.000')
  })
  it('mark a rise with a plus', () => {
    expect(signed(0.721, 3)).toBe('+0.721')
    expect(signed(-0.061, 3)).toBe('−0.061')
  })
  it('print absent and non-finite values as a dash, never NaN', () => {
    for (const value of [null, undefined, NaN, Infinity]) expect(fixed(value)).toBe('–')
  })
})

describe('significant figures, exponents and compact counts', () => {
  it('keep trailing zeros that carry precision', () => {
    expect(significant(4, 3)).toBe('4.00')
    expect(significant(0.01234, 3)).toBe('0.0123')
    expect(significant(1234.5, 3)).toBe('1,235')
  })
  it('spell compute the way papers do', () => {
    expect(exponent(2.1e15)).toBe('2.1e15')
    expect(exponent(-3e-7)).toBe('−3e−7')
  })
  it('shorten counts without ever showing 1000k', () => {
    expect([812, 1240, 18_200, 120_400, 2_040_000, 999_999].map((value) => compact(value))).toEqual([
      '812',
      '1.24k',
      '18.2k',
      '120k',
      '2.04M',
      '1.00M',
    ])
  })
  it('show bytes in decimal units', () => {
    expect(plain(bytes(812))).toBe('812 B')
    expect(plain(bytes(1.1e9))).toBe('1.10 GB')
  })
})

describe('durations', () => {
  it.each([
    [0, '0 s'],
    [0.0042, '4.2 ms'],
    [0.85, '850 ms'],
    [4.24, '4.2 s'],
    [38, '38 s'],
    [59.7, '1 min'],
    [252, '4 min 12 s'],
    [3600, '1 h'],
    [7500, '2 h 05 min'],
    [86_400 * 3 + 4 * 3600, '3 d 4 h'],
    [-90, '−1 min 30 s'],
  ])('%d seconds read %s', (seconds, text) => {
    expect(plain(duration(seconds))).toBe(text)
  })
})

describe('intervals', () => {
  it('print one half width when they are symmetric and both ends when they are not', () => {
    expect(interval(72.2, 70.5, 73.9, 1)).toBe('±1.7')
    expect(interval(0.4, 0.21, 0.47, 2)).toBe('0.21 to 0.47')
  })
  it('say nothing when an end is missing', () => {
    expect(interval(0.4, null, 0.5)).toBe('')
  })
})

it('decimalsFor gives just enough digits to tell ticks apart', () => {
  expect([1, 0.5, 0.25, 0.1, 0.02, 20].map(decimalsFor)).toEqual([0, 1, 2, 1, 2, 0])
  expect([1e-7, 2.5e-7, 0].map(decimalsFor)).toEqual([7, 8, 0])
})
