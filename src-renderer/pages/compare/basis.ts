/** What an interval rests on, in words: problems, the clusters they fall into, training seeds, and what it does not cover. */
import type { Figure } from '../../../src-preload/contract.ts'

/** Below so many seeds the noise of training is hardly covered, whatever t says. */
export const FEW_SEEDS = 5

const counted = (n: number, one: string, many = `${one}s`): string => `${n} ${n === 1 ? one : many}`

/** "95 %: 512 problems in 9 clusters, 3 seeds; t with 2 degrees of freedom". Empty where nothing is known of a figure. */
export function basisWords(
  figure: Pick<Figure, 'n' | 'basis'> | null | undefined,
  { seeds = figure?.basis?.seeds ?? 0 }: { readonly seeds?: number } = {},
): string {
  if (!figure) return ''
  const { n, basis } = figure
  const problems = basis && basis.clusters < n ? `${counted(n, 'problem')} in ${counted(basis.clusters, 'cluster')}` : counted(n, 'problem')
  return `95 % interval over ${problems}${seeds > 1 ? ` and ${counted(seeds, 'seed')}` : ''}${basis && basis.df < 30 ? `, t with ${counted(Math.min(basis.df, seeds > 1 ? seeds - 1 : basis.df), 'degree')} of freedom` : ''}.${seedWords(seeds)}`
}

/** What few seeds mean for an interval; empty where no training is involved or there are enough. */
export const seedWords = (seeds: number): string =>
  seeds === 0 || seeds >= FEW_SEEDS
    ? ''
    : seeds === 1
      ? ' One seed: the noise of training is not covered.'
      : ` ${seeds} seeds: the noise of training is hardly covered.`
