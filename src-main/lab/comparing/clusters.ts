// Which problems belong together, so that intervals can resample them together: what a task declared of its problems, else a column of an
// imported set that names where a problem comes from. Also what an interval rests on, in the words of the record.

import type { Figure, Problem } from '../../../src-preload/contract.ts'
import { degreesOfFreedom, type Clusters } from '../../numeric/bootstrap.ts'

/** The slice under which a task's cluster is kept with each problem. */
export const CLUSTER_SLICE = 'cluster'
/** Columns of imported sets that say where a problem comes from, the finest first. */
const ORIGINS = ['subject', 'problem_type', 'category', 'type', 'source', 'data_source', 'file'] as const
/** Origins are resampled only where there are at least so many: two files are no sample of files, and the figure is then about these. */
const FEWEST_ORIGINS = 5
const ORIGIN_MARK = 'from '

/** The cluster of a stored problem; null where nothing is known of it, and the problem then stands for itself. */
export function clusterOf({ slices, answer }: Pick<Problem, 'slices' | 'answer'>): string | null {
  const declared = slices[CLUSTER_SLICE]
  if (typeof declared === 'string') return declared
  // Countdown problems recorded before tasks declared clusters, and imported ones.
  if (typeof answer === 'object' && answer !== null && 'target' in answer && typeof answer.target === 'number')
    return `target ${answer.target}`
  const origin = ORIGINS.find((name) => typeof slices[name] === 'string' && slices[name] !== '')
  return origin === undefined ? null : `${ORIGIN_MARK}${origin} ${String(slices[origin])}`
}

/** Clusters of a list of problems as 0, 1, 2, ... in the order in which each first appears. */
export function clustersOf(names: readonly (string | null)[]): Clusters {
  const origins = new Set(names.filter((name) => name?.startsWith(ORIGIN_MARK)))
  const numbers = new Map<string, number>()
  return Int32Array.from(names, (name, index) => {
    const key = name === null || (origins.size < FEWEST_ORIGINS && origins.has(name)) ? `${index}` : `= ${name}`
    if (!numbers.has(key)) numbers.set(key, numbers.size)
    return numbers.get(key)!
  })
}

/** What an interval over these problems and so many training seeds rests on; `clusters` equals the problems where each stands for itself. */
export function basisOf(clusters: Clusters, seeds: number): NonNullable<Figure['basis']> {
  return { clusters: clusters.reduce((most, cluster) => Math.max(most, cluster + 1), 0), seeds, df: degreesOfFreedom(clusters, seeds) }
}
