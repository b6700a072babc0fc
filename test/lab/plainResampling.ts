// Intervals and p-values of a study worked out a second time, by plain loops that share nothing with the program: another generator, lists
// of indices instead of counts, Student's t from its density. Clusters are drawn, then problems of each, then seeds; the percentile
// interval's arms are stretched by t / z and sqrt(units / (units - 1)). Two sets of resamples never agree to the digit, so each end comes with how
// far two of them may lie apart.

const DRAWS = 6_000
/** Resamples behind the printed figures. */
const PRINTED_DRAWS = 2_000
const APART = 5

/** Marsaglia's xorshift, 32 bits; 0..1. */
function generator(seed: number): () => number {
  let state = seed | 1
  return () => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return (state >>> 0) / 2 ** 32
  }
}

const average = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length

/** Student's t outside of which a share lies, by adding up the density; whole degrees of freedom. */
export function tOutside(share: number, df: number): number {
  // The density in the angle atan(t / sqrt(df)) is a power of the cosine, so its whole is a finite sum of slices.
  const slices = 20_000
  const density = Array.from({ length: slices }, (_, i) => Math.cos(((i + 0.5) / slices) * (Math.PI / 2)) ** (df - 1))
  const all = density.reduce((sum, value) => sum + value, 0)
  let inside = 0
  let at = 0
  while (inside + density[at]! < (1 - share) * all) inside += density[at++]!
  return Math.sqrt(df) * Math.tan(((at + ((1 - share) * all - inside) / density[at]!) / slices) * (Math.PI / 2))
}

export interface PlainFigure {
  readonly value: number
  readonly low: number
  readonly high: number
  /** How far an end may lie from that of another set of resamples. */
  readonly leeway: readonly [number, number]
}

/**
 * @param tables what is resampled together: each [seeds][problems], the same seeds and problems in all
 * @param of from the means of the tables to one figure
 */
export function plainFigure(
  tables: readonly (readonly (readonly number[])[])[],
  clusters: readonly number[],
  of: (means: readonly number[]) => number = ([x]) => x!,
): PlainFigure {
  const random = generator(987_654_321)
  const below = (n: number): number => Math.floor(random() * n)
  const members = [...new Set(clusters)].map((cluster) => clusters.flatMap((each, problem) => (each === cluster ? [problem] : [])))
  const clustered = members.length > 1 && members.length < clusters.length
  const seeds = tables[0]!.length
  const values: number[] = []
  for (let draw = 0; draw < DRAWS; draw++) {
    const problems: number[] = []
    if (clustered)
      for (let i = 0; i < members.length; i++) {
        const own = members[below(members.length)]!
        for (let k = 0; k < own.length; k++) problems.push(own[below(own.length)]!)
      }
    else for (let i = 0; i < clusters.length; i++) problems.push(below(clusters.length))
    const chosen = Array.from({ length: seeds }, () => below(seeds))
    values.push(of(tables.map((table) => average(chosen.map((seed) => average(problems.map((problem) => table[seed]![problem]!)))))))
  }
  const units = clustered ? Math.round(clusters.length ** 2 / members.reduce((sum, own) => sum + own.length ** 2, 0)) : clusters.length
  const df = Math.max(1, Math.min(units, seeds > 1 ? seeds : Infinity) - 1)
  const stretch = (tOutside(0.05, df) / 1.959964) * Math.sqrt((df + 1) / df)
  const sorted = values.filter(Number.isFinite).sort((a, b) => a - b)
  const quantile = (p: number): number => sorted[Math.min(sorted.length - 1, Math.max(0, Math.round(p * (sorted.length - 1))))]!
  const value = of(tables.map((table) => average(table.map(average))))
  // The error of a quantile is that of its rank, brought to values by how thinly they lie there.
  const rankError = Math.sqrt(0.025 * 0.975 * (1 / PRINTED_DRAWS + 1 / sorted.length))
  const leeway = (p: number): number => (APART * stretch * rankError * (quantile(p + 0.015) - quantile(p - 0.015))) / 0.03
  return {
    value,
    low: value + stretch * (quantile(0.025) - value),
    high: value + stretch * (quantile(0.975) - value),
    leeway: [leeway(0.025), leeway(0.975)],
  }
}
