/** Axes: domains, ticks with units, log and time, categories. */
import { describe, expect, it } from 'vitest'
import { categoryScale, domainOf, extentOf, numberScale, thin, type NumberSpec } from '../../src-renderer/charts/scale.ts'

const across = (spec: NumberSpec, domain: readonly [number, number], width = 300, count = 5) =>
  numberScale(spec, domain, [0, width], { count, fontSize: 10, horizontal: true })
const texts = (spec: NumberSpec, domain: readonly [number, number], width = 300, count = 5) =>
  across(spec, domain, width, count).ticks.map(({ text }) => text.replaceAll('\u202f', ' '))

describe('extents and domains', () => {
  it('leave out absent values and, on a log axis, what is not positive', () => {
    expect(extentOf([3, null, NaN, -1, 7])).toEqual([-1, 7])
    expect(extentOf([3, 0, -1, 7], true)).toEqual([3, 7])
    expect(extentOf([null, undefined])).toBeUndefined()
  })
  it('are never empty, even for one value or none', () => {
    const [low, high] = domainOf({ quantity: 'fraction' }, [0.4, 0.4], 5, true)
    expect(low).toBeLessThan(0.4)
    expect(high).toBeGreaterThan(0.4)
    expect(domainOf({ quantity: 'fraction' }, undefined, 5, true)).toEqual([0, 1])
    expect(domainOf({ quantity: 'flops', log: true }, [5, 5], 5, false)[0]).toBeGreaterThan(0)
  })
  it('respect fixed ends and round only the free ones', () => {
    expect(domainOf({ quantity: 'fraction', domain: [0.03, undefined] }, [0.1, 0.87], 5, true)).toEqual([0.03, 1])
    expect(domainOf({ quantity: 'step' }, [0, 139], 5, false)).toEqual([0, 139])
  })
})

describe('ticks', () => {
  it('of counts share one prefix', () => {
    expect(texts({ quantity: 'tokens' }, [0, 20_000])).toEqual(['0', '5k', '10k', '15k', '20k'])
    expect(texts({ quantity: 'step' }, [0, 2000], 300, 4)).toEqual(['0', '500', '1,000', '1,500', '2,000'])
  })
  it('of time fall on minutes and hours, not on thousands of seconds', () => {
    expect(texts({ quantity: 'time' }, [0, 5400], 300, 4)).toEqual(['0 s', '30 min', '1 h', '1 h 30 min'])
  })
  it('of steps and episodes are whole numbers', () => {
    for (const { value } of across({ quantity: 'episodes' }, [0, 3], 300, 8).ticks) expect(Number.isInteger(value)).toBe(true)
  })
  it('of a log axis keep clear of each other and still say where one is', () => {
    const ticks = numberScale({ quantity: 'number', log: true }, [0.7, 4], [200, 0], { count: 6, fontSize: 10, horizontal: false }).ticks
    expect(ticks.map(({ value }) => value)).toEqual([1, 2, 3])
    expect(texts({ quantity: 'flops', log: true }, [1e12, 1e18], 300, 4)).toEqual(['1e12', '1e14', '1e16', '1e18'])
  })
  it('given exactly are shown where they fit, first and last always', () => {
    const ticks = across({ quantity: 'budget', ticks: [0, 2, 4, 64, 120, 200] }, [0, 200], 200).ticks.map(({ value }) => value)
    expect(ticks).toEqual([0, 64, 120, 200])
  })
  it('too close for decimals are powers of ten, and no two print alike', () => {
    expect(texts({ quantity: 'change' }, [0, 1.5e-9], 300, 3)).toEqual(['0', '+5e−10', '+1e−9', '+1.5e−9'])
    expect(texts({ quantity: 'fraction' }, [0.5, 0.500002], 300, 2)).toEqual(['0.500000', '0.500001', '0.500002'])
    expect(texts({ quantity: 'change' }, [-4e-5, 4e-5], 300, 4)).toEqual(['−0.00004', '−0.00002', '0.00000', '+0.00002', '+0.00004'])
  })
  it('print a percent axis from fractions', () => {
    expect(texts({ quantity: 'percent' }, [0, 1])).toEqual(['0', '20', '40', '60', '80', '100'])
  })
})

describe('a number scale', () => {
  const scale = across({ quantity: 'percent', label: 'accuracy' }, [0, 1])
  it('maps values to pixels and back', () => {
    expect(scale.at(0.5)).toBe(150)
    expect(scale.from(150)).toBe(0.5)
  })
  it('has no place for absent values and, on a log axis, for zero', () => {
    expect(scale.at(null)).toBeNaN()
    expect(across({ quantity: 'flops', log: true }, [1, 10]).at(0)).toBeNaN()
  })
  it('carries its unit into the label, the spoken value and the file', () => {
    expect(scale.label).toBe('accuracy (%)')
    expect(scale.say(0.722)).toBe('72.2 %')
    expect(scale.column).toBe('accuracy_percent')
    expect(across({ quantity: 'budget' }, [0, 200]).column).toBe('thinking_budget_tokens')
  })
})

describe('a category scale', () => {
  const scale = categoryScale({ categories: ['a', 'b', 'c'], label: 'method' }, [0, 90])
  it('puts values in the middle of their band and finds the nearest one back', () => {
    expect(scale.at('b')).toBeCloseTo(45)
    expect(scale.from(80)).toBe('c')
  })
  it('has no place for a name it does not know', () => {
    expect(scale.at('d')).toBeNaN()
  })
})

it('thin drops a middle tick rather than the last', () => {
  const tick = (at: number) => ({ value: at, text: '1000', at })
  expect(thin([tick(0), tick(40), tick(80), tick(90)], 10).map(({ at }) => at)).toEqual([0, 40, 90])
})
