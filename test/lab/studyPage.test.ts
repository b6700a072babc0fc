// Single sentences and tables of a study's page, each from a record in which it can be seen at once what they ought to say.
import { describe, expect, it } from 'vitest'
import { commandsOf, missingText, ratesText, startText } from '../../src-main/lab/study/making.ts'
import { renderReport } from '../../src-main/lab/study/report.ts'
import type { RecordedCell, StudyRecord } from '../../src-main/lab/study/record.ts'
import { count, decimals, hours, percent, plural, points, pText, signed, spread } from '../../src-main/lab/study/wording.ts'
import { cellOf, recordWith, valuesOf, type Level } from './writtenStudy.ts'

const LOW: Level = { natural: [0.4, 0.5, 0.5, 0.5] }
const HIGH: Level = { natural: [0.5, 0.6, 0.6, 0.6], regret: 0.4 }
const both = (more: Partial<RecordedCell> = {}, seeds = 2): RecordedCell[] =>
  Array.from({ length: seeds }, (_, index) => [cellOf('outcome', index + 1, LOW, more), cellOf('mrt-exact', index + 1, HIGH, more)]).flat()
const page = (cells: readonly RecordedCell[], more: Partial<StudyRecord> = {}): string => renderReport(recordWith(cells, more))
/** The cells of the rows of the table behind a heading or a sentence. */
const rowsAfter = (text: string, title: string): string[][] =>
  text
    .split(title)[1]!
    .split('\n\n')
    .find((part) => part.startsWith('| '))!
    .split('\n')
    .filter((line) => !line.startsWith('|---'))
    .map((line) => line.slice(2, -2).split(' | '))

describe('numbers in words', () => {
  const figure = (value: number, low: number, high: number) => ({ value, low, high, p: 0.5 })

  it('have a minus of their own, a plus where they are differences, and no more digits than asked for', () => {
    expect([percent(0.1234), percent(-0.5, 0), signed(0.05), signed(0), signed(-0.05)]).toEqual(['12.3', '−50', '+5.0', '+0.0', '−5.0'])
    expect(points(figure(0.1, -0.05, 0.25))).toBe('+10.0 points (−5.0 to +25.0)')
    expect(decimals(figure(1.5, -0.25, 2), 2)).toBe('1.50 (−0.25 to 2.00)')
    expect([count(1234567.6), plural(1, 'run'), plural(2, 'run'), plural(0, 'run')]).toEqual(['1,234,568', '1 run', '2 runs', '0 runs'])
  })

  it('of shares do not reach below 0 or beyond all of them', () => {
    expect([spread(figure(0.5, -0.2, 1.3), 1, 100, 1), spread(figure(80, 70, 90), 0)]).toEqual(['50.0 (0.0–100.0)', '80 (70–90)'])
  })

  it('tell a p of less than a thousandth by that alone', () => {
    expect([pText(0.001), pText(0.00099), pText(0.25)]).toEqual(['p = 0.001', 'p < 0.001', 'p = 0.250'])
  })

  it('tell time in minutes up to an hour, then in hours too', () => {
    expect([60_000, 59 * 60_000, 60 * 60_000, 125 * 60_000, 89_000, 91_000].map(hours)).toEqual([
      '1 minute',
      '59 minutes',
      '1 h 0 min',
      '2 h 5 min',
      '1 minute',
      '2 minutes',
    ])
  })
})

describe('what is missing of a grid', () => {
  it('is nothing where every arm has as many seeds as any', () => {
    const whole = recordWith(both(), { arms: recordWith([]).arms.filter(({ key }) => key !== 'length-0.5') })
    expect(missingText(whole)).toEqual(['2 seeds at most: below 5 the noise of training is hardly covered.'])
    expect(missingText({ ...whole, cells: both({}, 5) })).toEqual([])
    expect(missingText(recordWith([]))).toEqual([
      'Not run: outcome; length-0.5; mrt-exact.',
      '0 seeds at most: below 5 the noise of training is hardly covered.',
    ])
  })

  it('is told by arm and seed, with what has become of each', () => {
    const cells = [
      ...both({}, 5),
      cellOf('length-0.5', 1, LOW, { status: 'failed', steps: 3 }),
      cellOf('length-0.5', 2, LOW, { status: 'waiting', steps: 0 }),
      cellOf('length-0.5', 3, LOW, { status: 'running', steps: 7 }),
      cellOf('length-0.5', 4, LOW),
    ]
    expect(missingText(recordWith(cells))).toEqual([
      'Not finished: length-0.5 seed 1 (failed), length-0.5 seed 2 (not begun), length-0.5 seed 3 (7 of 40 steps).',
      '1 of 5 seeds: length-0.5.',
    ])
    expect(missingText(recordWith(both({}, 5)))).toEqual(['Not run: length-0.5.'])
    const most = [
      ...both({}, 5),
      ...[1, 2].map((seed) => cellOf('length-0.5', seed, LOW)),
      ...[1, 2, 3].map((seed) => cellOf('dapo', seed, LOW)),
    ]
    const arms = [...recordWith([]).arms, { ...recordWith([]).arms[0]!, key: 'dapo', title: 'dapo' }]
    expect(missingText(recordWith(most, { arms }))).toEqual(['3 of 5 seeds: dapo.', '2 of 5 seeds: length-0.5.'])
  })
})

describe('how a study was made', () => {
  it('names the rates of the arms that were run, and whether they were tuned', () => {
    const cells = [
      cellOf('outcome', 1, LOW, { learningRate: 1e-4 }),
      cellOf('outcome', 2, LOW, { learningRate: 1e-3 }),
      cellOf('mrt-exact', 1),
    ]
    expect(ratesText(recordWith(cells))).toBe('Learning rates were fixed and not tuned: outcome 0.0001, 0.001; mrt-exact 0.0003.')
    const { conditions } = recordWith([])
    expect(ratesText(recordWith(cells, { conditions: { ...conditions, learningRate: 'sweep' } }))).toContain(
      'each the best of the same sweep',
    )
  })

  it('gives one command for each number of seeds, the fewest first, with another start where there was one', () => {
    const cells = [...both({}, 3), cellOf('length-0.5', 1)]
    const { conditions } = recordWith([])
    expect(commandsOf(recordWith(cells))).toBe(
      [
        'npm run mrt -- study headline --seeds 1 --steps 40 --problems 4 --samples 2 --validation 4 --lr fixed --arms length-0.5',
        'npm run mrt -- study headline --seeds 3 --steps 40 --problems 4 --samples 2 --validation 4 --lr fixed --arms outcome,mrt-exact',
      ].join('\n'),
    )
    expect(commandsOf(recordWith([cellOf('outcome', 1)], { conditions: { ...conditions, changes: { start: 'model:3' } } }))).toContain(
      'study headline --start model:3 --seeds 1',
    )
  })

  it('names the weights of the start', () => {
    const sha256 = '0123456789abcdef'
    const start = { parameters: 7, sha256, evaluations: {} }
    const record = recordWith([], { start })
    expect([startText(record), startText({ ...record, spec: { ...record.spec, start: 'model:3' } })]).toEqual([
      'the starter model of 7 parameters (0123456789ab)',
      'the weights `model:3` of 7 parameters (0123456789ab)',
    ])
  })

  it('ends with program, machine and time, as far as they are known', () => {
    expect(page(both({ wallMs: 1_800_000 }))).toContain(
      'Commit abc1234; MRT Workbench 0.1.0, ONNX Runtime 1.30.0, Node v24, on 2 cores of a processor; 2 h 0 min for all cells, evaluations included. Study u.\n',
    )
    expect(page(both({ revision: null }), { environment: {} })).toContain(
      'Commit unknown; MRT Workbench , ONNX Runtime 1.30.0, Node , on ? cores of an unknown processor;',
    )
    expect(page([])).toContain('Commit none; ')
  })
})

describe('the page of a study', () => {
  it('says what is asked on each set of problems, and compares on held-out targets too where there are any', () => {
    const alone = page(both())
    expect(alone).toContain(
      '## On held-out problems, at equal steps\n\nProblems that no run was trained on. 4 problems in 2 clusters, 2 rollouts of each',
    )
    expect(alone).not.toContain('## On held-out targets')
    const values = (level: Level) => ({ heldout: valuesOf(level), 'heldout-targets': valuesOf(level) })
    const cells = both().map((each) => ({ ...each, evaluations: values(each.arm === 'outcome' ? LOW : HIGH) }))
    const two = page(cells, { clusters: { heldout: [0, 0, 1, 1], 'heldout-targets': [0, 1, 2, 2] } })
    expect(two).toContain('Numbers that no run was trained on, asking the targets that training asks. 4 problems in 2 clusters')
    expect(two).toContain('Targets that neither imitation nor training ever asked. 4 problems in 3 clusters')
    const targets = two.split('## On held-out targets')[1]!
    expect(targets).toContain('**mrt-exact gains more than outcome')
    expect(two.split('### Seed by seed')).toHaveLength(2)
    expect(targets.split('## Had they')[0]).not.toContain('### What a run took')
    expect(page([]).includes('problems, at equal steps')).toBe(false)
  })

  it('names each arm with its seeds, controls as such, and asks of methods alone which level they reach', () => {
    const { arms } = recordWith([])
    const withControl = arms.map((arm) => (arm.key === 'length-0.5' ? { ...arm, role: 'control' } : arm))
    const cells = [...both(), cellOf('length-0.5', 1, { natural: [0.1, 0.2, 0.2, 0.2] })]
    const rows = rowsAfter(page(cells, { arms: withControl }), '## On held-out problems, at equal steps')
    expect(rows[0]!.slice(0, 6)).toEqual(['arm', 'seeds', 'accuracy @120', 'tokens of an answer', 'regret @120', 'thinking for 48 %'])
    expect(rows.slice(1).map((row) => [row[0], row[1], row[5]])).toEqual([
      ['start', '', 'not reached'],
      ['outcome', '2', '105'],
      ['length-0.5 (control)', '1', 'not reached'],
      ['mrt-exact', '2', 'not reached'],
    ])
    // Among controls alone there is no other level.
    const controls = arms.map((arm) => ({ ...arm, role: 'control' }))
    expect(rowsAfter(page(cells, { arms: controls }), 'problems, at equal steps')[0]![5]).toBe('thinking for 19 %')
    expect(rowsAfter(page(both(), { start: { parameters: 1, sha256: '', evaluations: {} } }), 'problems, at equal steps')[1]![0]).toBe(
      'outcome',
    )
  })

  it('has a column for all comparisons together only where there are several', () => {
    const one = rowsAfter(page(both()), 'problems, at equal steps')
    expect([one[0]!.length, ...one.slice(1).map(({ length }) => length)]).toEqual([7, 7, 7, 7])
    const two = rowsAfter(page([...both(), cellOf('length-0.5', 1, LOW)]), 'problems, at equal steps')
    expect(two.map(({ length }) => length)).toEqual([8, 8, 8, 8, 8])
    expect(two[0]![7]).toBe('of 2 together')
    expect(two[2]!.slice(6)).toEqual(['', ''])
  })

  it('says what a run took: means of what is counted, the median of the clock, cells without a time left out', () => {
    const timed = [1, 3, 100].map((minutes, index) =>
      cellOf('outcome', index + 1, LOW, {
        wallMs: minutes * 60_000,
        cost: { tokens: 1000 * (index + 1), estimateTokens: 100 * index, flops: (index + 1) * 1e12 },
      }),
    )
    const exact = [0, 2, 6].map((minutes, index) =>
      cellOf('mrt-exact', index + 1, HIGH, { wallMs: minutes * 60_000, cost: { tokens: 1234, estimateTokens: 5678, flops: 5e12 } }),
    )
    const untimed = cellOf('length-0.5', 1, LOW, { wallMs: 600, cost: { tokens: 1, estimateTokens: 0, flops: 1e12 } })
    const rows = rowsAfter(page([...timed, ...exact, untimed]), '### What a run took')
    expect(rows.slice(1)).toEqual([
      ['outcome', '2,000', '100', '2.00', '1.00', '3.0'],
      ['length-0.5', '1', '0', '1.00', '0.50', ''],
      ['mrt-exact', '1,234', '5,678', '5.00', '2.50', '6.0'],
    ])
    expect(rowsAfter(page(exact), '### What a run took').slice(1)).toEqual([['mrt-exact', '1,234', '5,678', '5.00', '', '6.0']])
  })

  it('shows every budget, of the start and of the arms that were run', () => {
    const text = page([cellOf('outcome', 1, { natural: [0.1, 0.2, 0.3, 0.4], kept: [0.5, 0.6, 0.7, 0.8] })])
    expect(rowsAfter(text, 'Natural thinking, cut at the budget:')).toEqual([
      ['budget', '60', '120', '240', '360'],
      ['start', '0.300', '0.300', '0.300', '0.300'],
      ['outcome', '0.100', '0.200', '0.300', '0.400'],
    ])
    expect(rowsAfter(text, 'Thinking kept going (2 rollouts of each problem')[2]).toEqual(['outcome', '0.500', '0.600', '0.700', '0.800'])
  })

  it('lists single seeds, and those that an arm lacks as missing', () => {
    const rows = rowsAfter(page([...both(), cellOf('length-0.5', 2, { ...LOW, tokens: 33.25 })]), '### Seed by seed')
    expect(rows[0]).toEqual(['arm', 'seed 1', 'seed 2'])
    expect(rows[2]).toEqual(['length-0.5', 'missing', '50.0 % / 33.3 / 0.600'])
  })

  it('compares at equal cost where anything was measured there, with the share of the cost that was spent', () => {
    const equalCost = { step: 30, flops: 3e12, values: valuesOf({ natural: [0.1, 0.7, 0.7, 0.7], regret: 0.3 }) }
    const text = page(both().map((each) => (each.arm === 'outcome' ? each : { ...each, equalCost })))
    const [header, row] = rowsAfter(text, '## At equal total cost')
    expect(header!.slice(0, 4)).toEqual(['arm', 'seeds', 'steps', 'cost of outcome'])
    expect(row!.slice(0, 4)).toEqual(['mrt-exact', '2', '30.0', '75 %'])
    expect(text).toContain('at equal total cost, estimates of J included, +20.0 points (+20.0 to +20.0), still ahead.**')
    expect(page(both())).not.toContain('## At equal total cost')
    expect(page(both())).toContain('estimates of J included, nothing was measured.**')
  })

  it('says how often the gain of the baseline that of the subject is, with the paper beside it only where that asks the same', () => {
    expect(page(both())).toContain('1.50 times its gain over the start (the paper reports 2 to 3);')
    const others = recordWith([]).arms.map((arm) => ({ ...arm, algorithm: arm.key === 'outcome' ? 'dapo' : arm.algorithm }))
    expect(page(both(), { arms: others })).toContain('1.50 times its gain over the start;')
    const grpo = recordWith([]).arms.map((arm) => ({ ...arm, algorithm: arm.key === 'outcome' ? 'grpo' : arm.algorithm }))
    expect(page(both(), { arms: grpo })).toContain('(the paper reports 2 to 3)')
    expect(page(both(), { start: { parameters: 1, sha256: '', evaluations: {} } })).not.toContain('times its gain')
  })

  it('says in which way more thinking helps, and that nothing was measured where nothing was', () => {
    expect(page(both())).toContain(
      '**Extrapolation, with thinking kept going: better at 240 tokens, +10.0 points (+10.0 to +10.0); better at 360 tokens',
    )
    const short = both().map((each) => ({
      ...each,
      evaluations: { heldout: { ...valuesOf(LOW), natural: valuesOf(LOW).natural.slice(0, 2) } },
    }))
    expect(page(short, { budgets: [60, 120] })).toContain('**Extrapolation was not measured.**')
  })

  it('compares all arms at once where there are two or more beside the baseline', () => {
    expect(page([...both(), cellOf('length-0.5', 1, LOW)])).toContain('Of the 2 arms beside outcome, compared at once, ')
    expect(page(both())).not.toContain('compared at once,')
  })

  it('says whether few seeds were run only where they are fewer than five', () => {
    expect(page(both({}, 5))).toContain('(4 problems in 2 clusters, 5 seeds; 95 % intervals.)')
    expect(page(both({}, 4))).toContain('4 seeds; 95 % intervals; with fewer than 5 seeds the noise of training is hardly covered.)')
  })

  it('says that nothing of levelling off was measured where nothing was', () => {
    expect(page(both())).toContain('## Had they levelled off?\n\nWhether the runs had levelled off was not measured.')
  })

  it('leads to the other studies from the page of results alone', () => {
    expect(page(both())).toContain('## Other questions\n\n- [')
    expect(page(both(), { study: 'alpha' })).not.toContain('## Other questions')
    expect(page(both(), { study: 'of another version' })).not.toContain('What it asks:')
    expect(page(both())).not.toContain('](studies/headline.md)')
  })
})
