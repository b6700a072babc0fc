// The bootstrap of means, for many columns at once. A resample of n questions is how often each was drawn, so a resampled mean is
// a weighted sum, the means of many columns over all resamples are one matrix product, and means of sums and differences follow
// from those of their parts without another pass. Draws are those of `bootstrap.ts` (clusters, questions within them, seeds
// crossed with both), so the intervals are the same numbers; anything but a mean (a ratio, a crossing) is worked out per resample from the means here.

import { OTHER_SEED_STREAM, questionDrawer, SEED_STREAM, type Clusters } from './bootstrap.ts'
import { fillIndices, type Seed } from './rng.ts'

/** How often each item was drawn in each resample. */
export interface Resampling {
  readonly items: number
  readonly draws: number
  /** [draws, items] */
  readonly counts: Uint16Array
  /** [draws] items drawn in all: not the same each time where whole clusters are drawn. */
  readonly sizes: Uint32Array
}

function resampling(items: number, draws: number, drawn: (draw: number) => Int32Array): Resampling {
  const counts = new Uint16Array(draws * items)
  const sizes = new Uint32Array(draws)
  for (let draw = 0; draw < draws; draw++) {
    const chosen = drawn(draw)
    sizes[draw] = chosen.length
    for (let i = 0; i < chosen.length; i++) counts[draw * items + chosen[i]] += 1
  }
  return { items, draws, counts, sizes }
}

/** @param clusters [questions] as `BootstrapOptions.clusters` */
export const questionResampling = (questions: number, draws: number, seed: Seed, clusters?: Clusters): Resampling =>
  resampling(questions, draws, questionDrawer(questions, seed, clusters))

/** @param other true for the second of two arms whose seeds have nothing in common */
export function seedResampling(seeds: number, draws: number, seed: Seed, other = false): Resampling {
  const drawn = new Int32Array(seeds)
  return resampling(seeds, draws, (draw) => {
    fillIndices(drawn, seeds, seed, other ? OTHER_SEED_STREAM : SEED_STREAM, draw)
    return drawn
  })
}

/**
 * Means of each column over each resample.
 * @param columns [columns][items]
 * @returns [columns][draws]
 */
export function resampledMeans({ items, draws, counts, sizes }: Resampling, columns: readonly Float64Array[]): Float64Array[] {
  return weightedSums(columns, draws, (draw, weights) => {
    for (let i = 0; i < items; i++) weights[i] = counts[draw * items + i] / sizes[draw]
  })
}

/**
 * Sums of each column under the weights of each draw.
 * @param weigh fills the weights of one draw, [items]
 * @returns [columns][draws]
 */
function weightedSums(
  columns: readonly Float64Array[],
  draws: number,
  weigh: (draw: number, weights: Float64Array) => void,
): Float64Array[] {
  const items = columns[0]?.length ?? 0
  const wrong = columns.find(({ length }) => length !== items)
  if (wrong !== undefined) throw new RangeError(`every column must have ${items} items, found one of ${wrong.length}`)
  const sums = columns.map(() => new Float64Array(draws))
  const weights = new Float64Array(items)
  for (let draw = 0; draw < draws; draw++) {
    weigh(draw, weights)
    let at = 0
    // Four columns a pass: each weight is loaded once for all of them, which makes this twice as fast as one at a time.
    for (; at + 3 < columns.length; at += 4) {
      const [a, b, c, d] = [columns[at], columns[at + 1], columns[at + 2], columns[at + 3]]
      let [sumA, sumB, sumC, sumD] = [0, 0, 0, 0]
      for (let i = 0; i < items; i++) {
        const weight = weights[i]
        sumA += weight * a[i]
        sumB += weight * b[i]
        sumC += weight * c[i]
        sumD += weight * d[i]
      }
      sums[at][draw] = sumA
      sums[at + 1][draw] = sumB
      sums[at + 2][draw] = sumC
      sums[at + 3][draw] = sumD
    }
    for (; at < columns.length; at++) {
      const column = columns[at]
      let sum = 0
      for (let i = 0; i < items; i++) sum += weights[i] * column[i]
      sums[at][draw] = sum
    }
  }
  return sums
}

/**
 * Means over resampled seeds of means over resampled questions.
 * @param bySeed [seeds][draws] each seed's resampled means
 * @returns [draws]
 */
export function overResampledSeeds({ items, draws, counts }: Resampling, bySeed: readonly Float64Array[]): Float64Array {
  const means = new Float64Array(draws)
  for (let draw = 0; draw < draws; draw++)
    for (let seed = 0; seed < items; seed++) means[draw] += (counts[draw * items + seed] / items) * bySeed[seed][draw]
  return means
}
