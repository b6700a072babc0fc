// Counts work and guesses when it ends: the mean pace so far, which is steady for steps that cost alike.
import type { ProgressReport } from '../../../src-preload/contract.ts'

export interface ProgressMeter {
  /** A report after `done` units; the pace is taken from the first report on. */
  at(done: number, tokensPerSecond?: number): ProgressReport
}

export function openProgressMeter(given: {
  readonly job: string
  readonly label: string
  readonly total: number
  readonly unit: string
  readonly now: () => number
}): ProgressMeter {
  // By a clock that nobody sets.
  const began = performance.now()
  let first: number | null = null
  let pace: number | null = null
  return {
    at(done, tokensPerSecond) {
      first ??= Math.floor(done)
      const atMs = given.now()
      const counted = done - first
      pace = tokensPerSecond ?? pace
      return {
        job: given.job,
        label: given.label,
        done: Math.floor(done),
        total: given.total,
        unit: given.unit,
        etaMs: counted >= 0.5 ? ((performance.now() - began) / counted) * (given.total - done) : null,
        tokensPerSecond: pace,
        memoryBytes: process.memoryUsage.rss(),
        atMs,
      }
    },
  }
}
