/**
 * What an axis or a column measures: its name, its unit, and how its values and ticks are written.
 * One table keyed by kind; axes, tips, tables and file headers all read it, so a unit is stated once.
 * Adding a quantity is adding a line here.
 */
import { bytes, compact, decimalsFor, duration, exponent, fixed, signed, significant } from './format.ts'

export type QuantityName =
  | 'step'
  | 'tokens'
  | 'budget'
  | 'time'
  | 'flops'
  | 'episodes'
  | 'fraction'
  | 'percent'
  | 'change'
  | 'count'
  | 'number'
  | 'nats'
  | 'bytes'
  | 'rate'

export interface Quantity {
  /** Used as the axis label where the chart names none. */
  readonly name: string
  /** Unit beside the label; empty for pure numbers. */
  readonly unit: string
  /** A single value at reading precision, without its unit unless the unit is part of the spelling (4 min). */
  readonly format: (value: number) => string
  /** A tick, given the distance to the next one and the largest tick. */
  readonly tick: (value: number, step: number, largest: number) => string
  /** Ticks fall on whole numbers only. */
  readonly whole?: boolean
  /** Candidate distances between ticks, where tens are not natural (seconds). */
  readonly steps?: readonly number[]
}

/** Values so small that nobody would count their decimals are told by powers of ten. */
const plainTick = (value: number, step: number, largest: number) =>
  step < 1e-5 && largest < 1e-3 ? exponent(value) : fixed(value, decimalsFor(step))

/** Thousands and up share one prefix per axis, so that ticks can be compared at a glance. */
function compactTick(value: number, step: number, largest: number): string {
  if (largest < 10_000) return fixed(value, decimalsFor(step))
  if (value === 0) return '0'
  const [factor, prefix] = largest >= 1e12 ? [1e12, 'T'] : largest >= 1e9 ? [1e9, 'G'] : largest >= 1e6 ? [1e6, 'M'] : [1e3, 'k']
  return step / factor < 1e-3 ? compact(value) : `${fixed(value / factor, decimalsFor(step / factor))}${prefix}`
}

const minute = 60
const hour = 3600
const day = 86400

export const quantities: Readonly<Record<QuantityName, Quantity>> = {
  step: { name: 'training step', unit: '', format: (v) => fixed(v), tick: compactTick, whole: true },
  tokens: {
    name: 'tokens',
    unit: 'tokens',
    format: (v) => (Math.abs(v) < 1000 ? fixed(v, Number.isInteger(v) ? 0 : 1) : compact(v)),
    tick: compactTick,
  },
  budget: { name: 'thinking budget', unit: 'tokens', format: (v) => fixed(v), tick: compactTick, whole: true },
  time: {
    name: 'wall time',
    unit: '',
    format: duration,
    tick: (v) => duration(v),
    steps: [
      1,
      2,
      5,
      10,
      15,
      30,
      minute,
      2 * minute,
      5 * minute,
      10 * minute,
      15 * minute,
      30 * minute,
      hour,
      2 * hour,
      3 * hour,
      6 * hour,
      12 * hour,
      day,
      2 * day,
      7 * day,
    ],
  },
  flops: { name: 'compute', unit: 'FLOPs', format: (v) => exponent(v), tick: (v) => exponent(v) },
  episodes: { name: 'episodes', unit: '', format: (v) => fixed(v, Number.isInteger(v) ? 0 : 1), tick: plainTick, whole: true },
  fraction: { name: 'fraction', unit: '', format: (v) => fixed(v, 3), tick: plainTick },
  percent: { name: 'share', unit: '%', format: (v) => fixed(v * 100, 1), tick: (v, step) => fixed(v * 100, decimalsFor(step * 100)) },
  change: {
    name: 'change',
    unit: '',
    format: (v) => signed(v, 3),
    tick: (v, step, largest) => (v > 0 ? `+${plainTick(v, step, largest)}` : plainTick(v, step, largest)),
  },
  count: { name: 'count', unit: '', format: (v) => fixed(v), tick: compactTick, whole: true },
  number: {
    name: 'value',
    unit: '',
    format: (v) => significant(v, 4),
    tick: (v, step, largest) => (largest >= 1e6 ? exponent(v) : plainTick(v, step, largest)),
  },
  nats: { name: 'log probability', unit: 'nats', format: (v) => significant(v, 3), tick: plainTick },
  bytes: { name: 'memory', unit: '', format: bytes, tick: (v) => bytes(v) },
  rate: { name: 'speed', unit: 'tokens/s', format: (v) => compact(v), tick: compactTick },
}

/** "thinking budget (tokens)": a label with its unit, for axes and table heads. */
export function labelled(quantity: QuantityName, label?: string): string {
  const { name, unit } = quantities[quantity]
  const text = label ?? name
  return unit && !text.includes(unit) ? `${text} (${unit})` : text
}

/** "thinking_budget_tokens": the same as a column name that survives any CSV reader. */
export function columnName(quantity: QuantityName, label?: string): string {
  return slug(labelled(quantity, label).replace('%', 'percent'))
}

/** Lower case words joined by underscores. */
export function slug(text: string): string {
  return (
    text
      .toLowerCase()
      .normalize('NFKD')
      .replace(/[^a-z0-9@µμα]+/g, '_')
      .replace(/^_+|_+$/g, '') || 'value'
  )
}
