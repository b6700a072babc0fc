// Curves of equal regret for the map of accuracy and tokens, and bands over seeds for curves of training.

import { mean, sampleDeviation } from '../../numeric/stats.ts'
import { studentQuantile } from '../../numeric/student.ts'

const LINE_POINTS = 60
/** Distances between curves, and about how many of them lie among the dots. */
const SPACINGS = [0.005, 0.01, 0.02, 0.05, 0.1] as const
const ABOUT = 8

/**
 * Regrets whose curves are drawn: round numbers, spaced so that several lie among the regrets that were measured, and a few on either
 * side. Evenly from 0.1 to 0.9 where nothing was measured.
 */
export function regretLevels(measured: readonly number[]): number[] {
  const low = measured.length === 0 ? 0.1 : Math.min(...measured)
  const high = measured.length === 0 ? 0.9 : Math.max(...measured)
  const spacing = SPACINGS.find((each) => (high - low) / each <= ABOUT) ?? SPACINGS.at(-1)!
  const [first, last] = measured.length === 0 ? [1, 9] : [Math.floor(low / spacing) - 2, Math.ceil(high / spacing) + 2]
  return Array.from({ length: last - first + 1 }, (_, index) => Number(((first + index) * spacing).toFixed(3))).filter(
    (level) => level > 0 && level < 1,
  )
}

/** How far the curves may be from a regret that was measured: beyond it they would be read as saying something else, and are not drawn. */
const AGREES = 0.02

/** Whether the curves say of every dot the regret that was measured for it. */
export const curvesAgree = (
  budget: number,
  dots: readonly { readonly tokens: number; readonly accuracy: number; readonly regret: number }[],
): boolean => dots.every(({ tokens, accuracy, regret }) => Math.abs(1 - accuracy * Math.max(0, 1 - tokens / budget) - regret) <= AGREES)

/**
 * Where a model would lie that is right with a chance a after t tokens and wrong before: A = a (1 - t / C), so that regret 1 - A is the
 * same along a = (1 - regret) / (1 - t / C). Lines end where they would need an accuracy above 1.
 */
export function equalRegret(budget: number, levels: readonly number[]): { regret: number; tokens: number[]; accuracy: number[] }[] {
  return levels.map((regret) => {
    const tokens = Array.from({ length: LINE_POINTS + 1 }, (_, index) => (regret * budget * index) / LINE_POINTS)
    return { regret, tokens, accuracy: tokens.map((t) => (1 - regret) / (1 - t / budget)) }
  })
}

/** [low, high] at each point; null where a band says nothing, as for a single run. */
export function bandOf(band: string, points: readonly (readonly number[])[]): [number, number][] | null {
  const runs = points[0]?.length ?? 0
  if (band === 'none' || runs < 2) return null
  if (band === 'range') return points.map((values) => [Math.min(...values), Math.max(...values)])
  // The 95 % interval of Student's t over the runs: exact for two, where resampling two values cannot show their spread.
  const scale = { deviation: 1, error: 1 / Math.sqrt(runs), bootstrap: studentQuantile(0.05, runs - 1) / Math.sqrt(runs) }[band] ?? 1
  return points.map((values) => {
    const half = sampleDeviation(values) * scale
    return [mean(values) - half, mean(values) + half]
  })
}
