// What a preview shows of a dataset beside its rows: how hard the problems are said to be, how long they are, and how they
// fall into splits. Splits depend only on the seed and each problem's id, so adding problems moves none of the others.

import { createHash } from 'node:crypto'
import type { DatasetRow } from './normalise.ts'

/** Counts per bin: bin i covers [edges[i], edges[i+1]), the last one its upper edge too. */
export interface LengthHistogram {
  readonly edges: readonly number[]
  readonly counts: readonly number[]
  readonly unit: string
}

export interface DatasetSummary {
  readonly rows: number
  /** Rows per value of each slice; a slice with more than 50 values lists the most frequent and `others`. */
  readonly slices: { readonly [name: string]: { readonly values: { readonly [value: string]: number }; readonly others: number } }
  readonly problemLengths: LengthHistogram
  readonly answerLengths: LengthHistogram
  readonly splits: { readonly [split: string]: number }
}

export interface Summariser {
  add(row: DatasetRow): void
  summary(): DatasetSummary
}

/** Collects a summary row by row. `measure` gives a text's length; characters unless a tokenizer is handed in. */
export function createSummariser(measure: (text: string) => number = (text) => text.length, unit = 'characters'): Summariser {
  const slices = new Map<string, Map<string, number>>()
  const splits = new Map<string, number>()
  const problems = createDoubling()
  const answers = createDoubling()
  let rows = 0
  return {
    add(row) {
      rows++
      for (const [name, value] of Object.entries(row.slices)) {
        const values = slices.get(name) ?? new Map<string, number>()
        slices.set(name, values)
        if (values.size < 10_000 || values.has(value)) values.set(value, (values.get(value) ?? 0) + 1)
      }
      if (row.split !== undefined) splits.set(row.split, (splits.get(row.split) ?? 0) + 1)
      problems.add(measure(row.problem))
      if (row.answer !== undefined) answers.add(measure(typeof row.answer === 'string' ? row.answer : JSON.stringify(row.answer)))
    },
    summary: () => ({
      rows,
      slices: Object.fromEntries([...slices].map(([name, values]) => [name, mostFrequent(values, rows)])),
      problemLengths: problems.histogram(unit),
      answerLengths: answers.histogram(unit),
      splits: Object.fromEntries(splits),
    }),
  }
}

function mostFrequent(values: ReadonlyMap<string, number>, rows: number): { values: { [value: string]: number }; others: number } {
  const top = [...values].sort((a, b) => b[1] - a[1] || a[0].localeCompare(b[0])).slice(0, 50)
  const shown = top.reduce((sum, [, count]) => sum + count, 0)
  const present = [...values.values()].reduce((sum, count) => sum + count, 0)
  return { values: Object.fromEntries(top), others: values.size >= 10_000 ? rows - shown : present - shown }
}

const BINS = 20

/** A histogram of 20 equal bins from 0 whose width doubles whenever a value does not fit: one pass, no range known before. */
function createDoubling(): { add(value: number): void; histogram(unit: string): LengthHistogram } {
  let width = 1
  let counts = new Array<number>(BINS).fill(0)
  return {
    add(value) {
      while (value >= width * BINS) {
        counts = Array.from({ length: BINS }, (_, bin) => (counts[2 * bin] ?? 0) + (counts[2 * bin + 1] ?? 0))
        width *= 2
      }
      counts[Math.floor(value / width)]!++
    },
    histogram: (unit) => ({ edges: Array.from({ length: BINS + 1 }, (_, bin) => bin * width), counts: [...counts], unit }),
  }
}

export interface SplitShare {
  readonly name: string
  readonly share: number
}

/**
 * The split of a problem: its place in [0, 1) by a hash of seed and id, against the shares in order. What is left over when
 * they do not add up to 1 goes to the last one.
 */
export function splitOf(seed: number, id: string, shares: readonly SplitShare[]): string {
  const place = createHash('sha256').update(`${seed}\0${id}`).digest().readUIntBE(0, 6) / 2 ** 48
  let upTo = 0
  for (const { name, share } of shares) {
    upTo += share
    if (place < upTo) return name
  }
  return shares.at(-1)!.name
}
