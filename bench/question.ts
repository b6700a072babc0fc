// What a benchmark is: a question whose answer is a number. An answer holds checks (ours and the reference compute the same, looked at
// before any clock starts), figures (a median with its spread) and ratios to a reference timed in the same run. Here are the records,
// the clock and the printing; what is asked is in the files beside this one.
import { median } from '../src-main/numeric/stats.ts'

/** Several readings of one quantity. */
export interface Measure {
  readonly median: number
  readonly low: number
  readonly high: number
  readonly readings: number
}

/** Two things that must be equal. */
export interface Check {
  readonly what: string
  /** Largest difference found. */
  readonly difference: number
  readonly limit: number
}

export interface Figure extends Measure {
  readonly what: string
  readonly unit: string
  /** What every reading was to stay below; absent where nothing was promised. */
  readonly limit?: number
}

/** Ours against a reference, round by round. */
export interface Ratio extends Measure {
  readonly what: string
  /** The ratio of the best readings of both: what is left when the machine had other work during some rounds. */
  readonly best: number
  /** What was hoped for; null where nothing was. */
  readonly aim: { readonly atLeast: number } | { readonly atMost: number } | null
}

export interface Answer {
  readonly checks: readonly Check[]
  readonly figures: readonly Figure[]
  readonly ratios: readonly Ratio[]
}

export interface AskOptions {
  /** Folder of the checkpoint that stands for the starter model. */
  readonly start: string
  /** Where the generated workspace is kept, made there unless it exists; null: a temporary one. */
  readonly workspace: string | null
  /** Rollouts of a workspace that has to be made. */
  readonly rollouts: number
}

export interface Question {
  readonly title: string
  ask(options: AskOptions): Promise<Answer>
}

export function measure(readings: readonly number[]): Measure {
  return { median: median(readings), low: Math.min(...readings), high: Math.max(...readings), readings: readings.length }
}

export function figure(what: string, unit: string, readings: readonly number[], limit?: number): Figure {
  return { what, unit, ...measure(readings), ...(limit !== undefined && { limit }) }
}

/** Reference over ours, pairwise, for times and other costs: above 1 is better than the reference. */
export function gain(what: string, ours: readonly number[], reference: readonly number[], aim: Ratio['aim'] = null): Ratio {
  return { what, aim, best: Math.min(...reference) / Math.min(...ours), ...measure(ours.map((own, round) => reference[round]! / own)) }
}

/** Ours over the reference, pairwise: 1 is no dearer than the reference. */
export function cost(what: string, ours: readonly number[], reference: readonly number[], aim: Ratio['aim'] = null): Ratio {
  return { what, aim, best: Math.min(...ours) / Math.min(...reference), ...measure(ours.map((own, round) => own / reference[round]!)) }
}

/** Milliseconds of one call. */
export async function clock(work: () => unknown): Promise<number> {
  const began = performance.now()
  await work()
  return performance.now() - began
}

/**
 * Times contestants in turn, round after round, so that whatever else the machine does meets all of them alike. Each runs once
 * unmeasured first.
 * @returns milliseconds per round, by contestant
 */
export async function contest<Name extends string>(
  contestants: Readonly<Record<Name, () => unknown>>,
  rounds: number,
): Promise<Record<Name, number[]>> {
  const entries = Object.entries(contestants) as [Name, () => unknown][]
  for (const [, work] of entries) await work()
  const times = Object.fromEntries(entries.map(([name]) => [name, [] as number[]])) as Record<Name, number[]>
  for (let round = 0; round < rounds; round++) {
    const turn = round % 2 === 0 ? entries : entries.toReversed()
    for (const [name, work] of turn) times[name].push(await clock(work))
  }
  return times
}

/** Largest |a - b|; throws where the lengths differ, NaN counts as infinitely far. */
export function distance(a: ArrayLike<number>, b: ArrayLike<number>): number {
  if (a.length !== b.length) throw new Error(`${a.length} values compared with ${b.length}`)
  let most = 0
  for (let i = 0; i < a.length; i++) {
    const difference = Math.abs(a[i]! - b[i]!)
    most = Math.max(most, Number.isNaN(difference) ? Infinity : difference)
  }
  return most
}

/** Whether an answer's checks hold; its ratios may still miss their aims. */
export function sound(answer: Answer): boolean {
  return answer.checks.every(({ difference, limit }) => difference <= limit)
}

function reached({ aim, median: value }: Ratio): boolean | null {
  if (!aim) return null
  return 'atLeast' in aim ? value >= aim.atLeast : value <= aim.atMost
}

function digits(value: number): string {
  const size = Math.abs(value)
  return size >= 1000
    ? Math.round(value).toLocaleString('en-US')
    : size >= 100
      ? value.toFixed(0)
      : size >= 10
        ? value.toFixed(1)
        : size >= 0.01 || size === 0
          ? value.toFixed(2)
          : value.toExponential(1)
}

function spread({ low, high, readings }: Measure): string {
  return readings > 1 ? `${digits(low)} to ${digits(high)}, ${readings} runs` : 'once'
}

/** An answer as text for a terminal. */
export function answerText(title: string, { checks, figures, ratios }: Answer): string {
  const wide = Math.max(...[...checks, ...figures, ...ratios].map(({ what }) => what.length))
  const lines = [
    title,
    ...checks.map(
      ({ what, difference, limit }) =>
        `  ${what.padEnd(wide)}  ${difference <= limit ? 'equal' : 'NOT EQUAL'}: ${difference.toExponential(1)}, limit ${limit.toExponential(0)}`,
    ),
    ...figures.map(
      (each) => `  ${each.what.padEnd(wide)}  ${digits(each.median).padStart(8)} ${each.unit}  (${spread(each)})${limitText(each)}`,
    ),
    ...ratios.map(
      (each) =>
        `  ${each.what.padEnd(wide)}  ${digits(each.median).padStart(8)} x  (${spread(each)}; best against best ${digits(each.best)} x)${aimText(each)}`,
    ),
  ]
  return lines.join('\n')
}

function limitText({ limit, high, unit }: Figure): string {
  return limit === undefined ? '' : `  limit ${digits(limit)} ${unit}: ${high <= limit ? 'kept' : 'MISSED'}`
}

function aimText(ratio: Ratio): string {
  if (!ratio.aim) return ''
  const wanted = 'atLeast' in ratio.aim ? `at least ${ratio.aim.atLeast} x` : `at most ${ratio.aim.atMost} x`
  return `  aim ${wanted}: ${reached(ratio) ? 'reached' : 'MISSED'}`
}
