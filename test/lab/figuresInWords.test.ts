// Figures as reports say them, and the curves and bands that charts draw between them: each rule worked by hand.
import { describe, expect, it, vi } from 'vitest'
import { bandOf, curvesAgree, equalRegret, regretLevels } from '../../src-main/lab/comparing/compareMap.ts'
import { configDiff, flatten } from '../../src-main/lab/comparing/configDiff.ts'
import { openProgressMeter } from '../../src-main/lab/process/progressMeter.ts'
import { count, decimals, hours, number, percent, plural, points, pText, signed, spread, table } from '../../src-main/lab/study/wording.ts'
import type { Run } from '../../src-preload/contract.ts'

const figure = (value: number, low: number, high: number) => ({ value, low, high }) as never

describe('figures in words', () => {
  it('have the sign of a minus, a plus where one is due, and one digit unless more are asked for', () => {
    expect([percent(0.1234), percent(-0.1234), percent(0.1234, 2)]).toEqual(['12.3', '−12.3', '12.34'])
    expect([signed(0), signed(0.05), signed(-0.05), signed(0.05, 0)]).toEqual(['+0.0', '+5.0', '−5.0', '+5'])
    expect([number(-1.25, 1), number(2, 3)]).toEqual(['−1.3', '2.000'])
    expect(points(figure(0.03, -0.01, 0.07))).toBe('+3.0 points (−1.0 to +7.0)')
    expect(decimals(figure(0.5, -0.25, 1), 2)).toBe('0.50 (−0.25 to 1.00)')
  })

  it('have an interval that stays within what the quantity can be', () => {
    expect(spread(figure(0.5, -0.2, 1.4), 1)).toBe('0.5 (0.0–1.4)')
    expect(spread(figure(0.5, 0.2, 1.4), 0, 100, 1)).toBe('50 (20–100)')
  })

  it('count in thousands, by one or many, and in minutes below an hour', () => {
    expect([count(1234.5), count(999)]).toEqual(['1,235', '999'])
    expect([plural(0, 'run'), plural(1, 'run'), plural(2, 'run')]).toEqual(['0 runs', '1 run', '2 runs'])
    expect([hours(29_999), hours(60_000), hours(59 * 60_000), hours(60 * 60_000), hours(135 * 60_000)]).toEqual([
      '0 minutes',
      '1 minute',
      '59 minutes',
      '1 h 0 min',
      '2 h 15 min',
    ])
    expect([pText(0.0009), pText(0.001), pText(0.2)]).toEqual(['p < 0.001', 'p = 0.001', 'p = 0.200'])
    expect(table(['a', 'b'], [['1', '2']])).toBe('| a | b |\n|---|---|\n| 1 | 2 |')
  })
})

describe('curves of equal regret', () => {
  it('lie at round numbers, about eight among the dots and two on either side, within 0 and 1', () => {
    expect(regretLevels([])).toEqual([0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9])
    expect(regretLevels([0.4, 0.44])).toEqual([0.39, 0.395, 0.4, 0.405, 0.41, 0.415, 0.42, 0.425, 0.43, 0.435, 0.44, 0.445, 0.45])
    expect(regretLevels([0.5])).toEqual([0.49, 0.495, 0.5, 0.505, 0.51])
    expect(regretLevels([0, 0.04])).toEqual([0.005, 0.01, 0.015, 0.02, 0.025, 0.03, 0.035, 0.04, 0.045, 0.05])
    expect(regretLevels([0.4, 0.4425])).toEqual([0.38, 0.39, 0.4, 0.41, 0.42, 0.43, 0.44, 0.45, 0.46, 0.47])
    expect(regretLevels([0, 1])).toEqual([0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9])
    expect(regretLevels([0.02, 0.18])).toEqual([0.02, 0.04, 0.06, 0.08, 0.1, 0.12, 0.14, 0.16, 0.18, 0.2, 0.22])
  })

  it('are the places where a (1 - t / C) is the same, up to an accuracy of 1', () => {
    const [curve] = equalRegret(100, [0.25])
    expect([curve!.regret, curve!.tokens.length, curve!.tokens[0], curve!.tokens.at(-1)]).toEqual([0.25, 61, 0, 25])
    expect([curve!.accuracy[0], curve!.accuracy.at(-1)]).toEqual([0.75, 1])
    curve!.tokens.forEach((t, at) => expect(curve!.accuracy[at]! * (1 - t / 100)).toBeCloseTo(0.75, 12))
  })

  it('are drawn only where they say of every dot what was measured, to two hundredths', () => {
    const dot = (regret: number) => ({ tokens: 50, accuracy: 0.5, regret })
    expect(curvesAgree(100, [dot(0.75), dot(0.769), dot(0.731)])).toBe(true)
    expect(curvesAgree(100, [dot(0.75), dot(0.771)])).toBe(false)
    expect(curvesAgree(100, [{ tokens: 150, accuracy: 0.5, regret: 1 }])).toBe(true)
    expect(curvesAgree(100, [])).toBe(true)
  })
})

describe('a band over runs', () => {
  const two = [
    [1, 3],
    [2, 2],
  ]

  it('is the range, the deviation, the error of the mean, or the 95 % interval of Student', () => {
    expect(bandOf('range', two)).toEqual([
      [1, 3],
      [2, 2],
    ])
    const half = (band: string): number => (bandOf(band, two)![0]![1] - bandOf(band, two)![0]![0]) / 2
    expect(half('deviation')).toBeCloseTo(Math.SQRT2, 12)
    expect(half('error')).toBeCloseTo(1, 12)
    // t(1) = 12.706.
    expect(half('bootstrap')).toBeCloseTo(12.7062, 3)
    expect(bandOf('error', two)![1]).toEqual([2, 2])
  })

  it('says nothing of a single run, of no points, or where none is asked for', () => {
    expect([bandOf('none', two), bandOf('range', [[1], [2]]), bandOf('range', [])]).toEqual([null, null, null])
  })
})

describe('the difference between settings', () => {
  it('is told by dotted keys, in which lists and empty records are values and a dot of a key is escaped', () => {
    expect([...flatten({ a: { b: 1, c: [1] }, 'd.e': {}, f: null })]).toEqual([
      ['a.b', 1],
      ['a.c', [1]],
      ['d\\.e', {}],
      ['f', null],
    ])
    expect([[...flatten({})], [...flatten(1, 'x')], [...flatten({ 'a.b': { c: 2 } })]]).toEqual([[], [['x', 1]], [['a\\.b.c', 2]]])
  })

  it('tells a missing key from null and a number from its text, settings first, then what labels a run, then the machine', () => {
    const run = (config: object, environment: object): Run => ({ name: 'n', seed: 1, config, environment }) as unknown as Run
    const rows = configDiff([run({ a: 1, b: null }, { cpu: 'x' }), run({ a: '1', c: 2 }, { cpu: 'x' })])
    expect(rows.filter(({ section }) => section === 'config')).toEqual([
      { section: 'config', key: 'a', cells: [1, '1'].map((value) => ({ kind: 'value', value })), differs: true },
      { section: 'config', key: 'b', cells: [{ kind: 'value', value: null }, { kind: 'absent' }], differs: true },
      { section: 'config', key: 'c', cells: [{ kind: 'absent' }, { kind: 'value', value: 2 }], differs: true },
    ])
    expect([...new Set(rows.map(({ section }) => section))]).toEqual(['config', 'run', 'environment'])
    expect(rows.find(({ key }) => key === 'cpu')!.differs).toBe(false)
    expect(configDiff([])).toEqual([])
    // A run alone differs from nothing.
    expect(configDiff([run({ a: 1 }, { cpu: 'x' })]).filter(({ differs }) => differs)).toEqual([])
  })
})

describe('a progress meter', () => {
  it('guesses the rest by the mean pace since it was opened, once half a unit is done beyond the first report', () => {
    const clock = vi.spyOn(performance, 'now')
    try {
      clock.mockReturnValue(1000)
      const meter = openProgressMeter({ job: 'j', label: 'l', total: 10, unit: 'steps', now: () => 7 })
      clock.mockReturnValue(1600)
      expect(meter.at(4).etaMs).toBeNull()
      expect(meter.at(4.49).etaMs).toBeNull()
      expect(meter.at(4.5).etaMs).toBe((600 / 0.5) * 5.5)
      clock.mockReturnValue(1900)
      expect(meter.at(7).etaMs).toBe((900 / 3) * 3)
      expect(meter.at(7, 12).tokensPerSecond).toBe(12)
      expect(meter.at(8, 13).tokensPerSecond).toBe(13)
    } finally {
      clock.mockRestore()
    }
  })

  it('takes its pace from the first report on, and guesses nothing before half a unit is done', () => {
    const meter = openProgressMeter({ job: 'j', label: 'l', total: 10, unit: 'steps', now: () => 7 })
    expect(meter.at(4.2)).toMatchObject({
      job: 'j',
      label: 'l',
      done: 4,
      total: 10,
      unit: 'steps',
      etaMs: null,
      tokensPerSecond: null,
      atMs: 7,
    })
    expect(meter.at(4.4, 30)).toMatchObject({ done: 4, etaMs: null, tokensPerSecond: 30 })
    const halfway = meter.at(7)
    expect(halfway).toMatchObject({ done: 7, tokensPerSecond: 30 })
    expect(halfway.etaMs).toBeGreaterThan(0)
    expect(meter.at(10).etaMs).toBe(0)
    expect(halfway.memoryBytes).toBeGreaterThan(0)
  })
})
