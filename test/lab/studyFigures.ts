// The printed figures of a study's page, worked out again from the values of single problems by sums and plain resampling alone.
import { expect } from 'vitest'
import type { RecordedCell, StudyRecord, Values } from '../../src-main/lab/study/record.ts'
import { plainFigure } from './plainResampling.ts'
import type { PlainFigure } from './plainResampling.ts'

/** Thousands apart. */
const separated = (value: number): string => value.toFixed(0).replace(/\B(?=(\d{3})+$)/g, ',')

/** Accuracy, tokens, regret and the paired gain of the table at equal steps, worked out here with sums alone. */
export function expectMeans(of: StudyRecord, page: string): void {
  const section = page.split('## On held-out problems, at equal steps')[1]!
  const average = (numbers: readonly number[]): number => numbers.reduce((sum, value) => sum + value, 0) / numbers.length
  const at = of.budgets.indexOf(of.trainedBudget)
  for (const { key, title } of of.arms) {
    const cells = of.cells.filter(({ arm, status, evaluations }) => arm === key && status === 'finished' && evaluations.heldout)
    if (cells.length === 0) continue
    const row = section
      .split('\n')
      .find((line) => line.startsWith(`| ${title} |`) || line.startsWith(`| ${title} (control) |`))!
      .split(' | ')
    const held = cells.map(({ evaluations }) => evaluations.heldout!)
    expect([row[1], row[2]!.split(' ')[0], row[3]!.split(' ')[0], row[4]!.split(' ')[0]]).toEqual([
      String(cells.length),
      (average(held.map(({ natural }) => average(natural[at]!))) / 100).toFixed(1),
      (average(held.map(({ tokens }) => average(tokens))) / 100).toFixed(1),
      (average(held.map(({ regret }) => average(regret))) / 10_000).toFixed(3),
    ])
    const took = page
      .split('### What a run took')[1]!
      .split('\n')
      .find((line) => line.startsWith(`| ${title} |`))!
      .split(' | ')
    const base = of.cells.filter(({ arm, status }) => arm === of.baseline && status === 'finished')
    const flops = (own: readonly RecordedCell[]): number => average(own.map(({ cost }) => cost.flops))
    expect(took.slice(1, 5)).toEqual([
      separated(average(cells.map(({ cost }) => cost.tokens))),
      separated(average(cells.map(({ cost }) => cost.estimateTokens))),
      (flops(cells) / 1e12).toFixed(2),
      (flops(cells) / flops(base)).toFixed(2),
    ])
    const curve = page
      .split('Natural thinking, cut at the budget:')[1]!
      .split('\n')
      .find((line) => line.startsWith(`| ${title} |`))!
      .split('|')
      .slice(2, -1)
      .map((text) => text.trim())
    expect(curve).toEqual(
      of.budgets.map((_, budget) => (average(held.map(({ natural }) => average(natural[budget]!))) / 10_000).toFixed(3)),
    )
  }
}

type Printed = readonly [value: number, low: number, high: number]
const numbersIn = (text: string): number[] =>
  [...text.replaceAll('−', '-').matchAll(/[+-]?\d+(?:\.\d+)?/g)].map(([number]) => Number(number))
/** `value (low–high)` or `value (low to high)` with a sign of its own; the en dash between two figures is no minus. */
const printed = (text: string): Printed => numbersIn(text.replace(/(\d)–(\d)/, '$1 $2')).slice(0, 3) as unknown as Printed

/** @param digits of the printed figures; an interval may be off by their rounding and by what two sets of resamples differ */
function expectFigure(what: string, [value, low, high]: Printed, plain: PlainFigure, digits: number): void {
  const rounding = 0.6 * 10 ** -digits
  expect(Math.abs(value - plain.value), `${what}: value ${value}, ${plain.value}`).toBeLessThan(rounding)
  expect(Math.abs(low - plain.low), `${what}: low ${low}, ${plain.low}`).toBeLessThan(rounding + plain.leeway[0])
  expect(Math.abs(high - plain.high), `${what}: high ${high}, ${plain.high}`).toBeLessThan(rounding + plain.leeway[1])
}

/** Every interval of the tables at equal steps, at equal cost and of the slopes, worked out again by other code. Returns how many there were. */
export function expectIntervals(of: StudyRecord, page: string): number {
  const at = of.budgets.indexOf(of.trainedBudget)
  const columns: readonly (readonly [(values: Values) => readonly number[], number, number, number])[] = [
    [({ natural }) => natural[at]!, 100, 1, 100],
    [({ tokens }) => tokens, 100, 1, Infinity],
    [({ regret }) => regret, 10_000, 3, 1],
  ]
  const scaled = (values: readonly number[], unit: number) => values.map((value) => value / unit)
  const row = (section: string, title: string) =>
    section
      .split('\n')
      .find((line) => line.startsWith(`| ${title} |`) || line.startsWith(`| ${title} (control) |`))
      ?.split(' | ') ?? null
  let count = 0
  const check = (what: string, text: string, plain: PlainFigure, digits: number) => {
    expectFigure(what, printed(text), plain, digits)
    count += 1
  }
  /** A mean is printed no lower than 0, and a share no higher than all. */
  const within = (plain: PlainFigure, most: number): PlainFigure => ({
    ...plain,
    low: Math.max(0, plain.low),
    high: Math.min(most, plain.high),
  })
  for (const split of ['heldout', 'heldout-targets'] as const) {
    if (of.clusters[split] === undefined) continue
    const section = page
      .split(`## On ${split === 'heldout' ? 'held-out problems' : 'held-out targets'}, at equal steps`)[1]!
      .split('\n## ')[0]!
    const clusters = of.clusters[split]!
    const start = row(section, 'start')
    if (start)
      columns.forEach(([column, unit, digits, most], k) =>
        check(
          `start ${k}`,
          start[k + 2]!,
          within(plainFigure([[scaled(column(of.start.evaluations[split]!), unit)]], clusters), most),
          digits,
        ),
      )
    for (const { key, title } of of.arms) {
      const cells = of.cells.filter(({ arm, status, evaluations }) => arm === key && status === 'finished' && evaluations[split])
      if (cells.length === 0) continue
      const text = row(section, title)!
      columns.forEach(([column, unit, digits, most], k) =>
        check(
          `${split} ${key} ${k}`,
          text[k + 2]!,
          within(plainFigure([cells.map(({ evaluations }) => scaled(column(evaluations[split]!), unit))], clusters), most),
          digits,
        ),
      )
      if (key === of.baseline) continue
      const pairs = cells.flatMap((own) =>
        of.cells
          .filter(({ arm, seed, status }) => arm === of.baseline && seed === own.seed && status === 'finished')
          .map((base) => [own, base] as const),
      )
      const accuracy = (cell: RecordedCell) => scaled(cell.evaluations[split]!.natural[at]!, 100)
      check(
        `${split} ${key} difference`,
        text[6]!,
        plainFigure([pairs.map(([own]) => accuracy(own)), pairs.map(([, base]) => accuracy(base))], clusters, ([x, y]) => x! - y!),
        1,
      )
    }
  }
  const cost = page.split('## At equal total cost')[1]?.split('\n### ')[0] ?? ''
  for (const { key, title } of of.arms.filter(({ key }) => key !== of.baseline)) {
    const cells = of.cells.filter(({ arm, status, equalCost }) => arm === key && status === 'finished' && equalCost !== null)
    if (cells.length === 0) continue
    const text = row(cost, title)!
    check(
      `cost ${key} accuracy`,
      text[4]!,
      within(plainFigure([cells.map(({ equalCost }) => scaled(equalCost!.values.natural[at]!, 100))], of.clusters.heldout!), 100),
      1,
    )
    check(
      `cost ${key} regret`,
      text[5]!,
      within(plainFigure([cells.map(({ equalCost }) => scaled(equalCost!.values.regret, 10_000))], of.clusters.heldout!), 1),
      3,
    )
    const bases = cells.map(({ seed }) =>
      of.cells.find(({ arm, seed: other, status }) => arm === of.baseline && other === seed && status === 'finished')!,
    )
    check(
      `cost ${key} difference`,
      text[6]!,
      plainFigure(
        [
          cells.map(({ equalCost }) => scaled(equalCost!.values.natural[at]!, 100)),
          bases.map(({ evaluations }) => scaled(evaluations.heldout!.natural[at]!, 100)),
        ],
        of.clusters.heldout!,
        ([x, y]) => x! - y!,
      ),
      1,
    )
  }
  const slopes = page.split('## Had they levelled off?')[1]!
  for (const { key, title } of of.arms) {
    const cells = of.cells.filter(({ arm, status, validation }) => arm === key && status === 'finished' && validation.length > 1)
    if (cells.length === 0) continue
    // The least-squares slope over checkpoints, as covariance over variance.
    const slope = ({ validation }: RecordedCell) =>
      validation[0]!.regret.map((_, problem) => {
        const [x, y] = [validation.map(({ step }) => step / 10), validation.map(({ regret }) => regret[problem]! / 10_000)]
        const [mx, my] = [x.reduce((a, b) => a + b) / x.length, y.reduce((a, b) => a + b) / y.length]
        return x.reduce((sum, value, i) => sum + (value - mx) * (y[i]! - my), 0) / x.reduce((sum, value) => sum + (value - mx) ** 2, 0)
      })
    check(`slope ${key}`, row(slopes, title)![1]!, plainFigure([cells.map(slope)], of.clusters.validation!), 4)
  }
  return count
}
