/** How an arm of a comparison looks and is called: one run, or the seeds of one configuration. */
import type { Look } from '../../charts/identity.ts'
import { looks, startLook } from '../shell/looks.svelte.ts'

interface Arm {
  readonly runIds: readonly number[]
  readonly title: string
  readonly key: string
}

export const lookOfArm = ({ runIds }: Pick<Arm, 'runIds'>): Look => (runIds.length === 0 ? startLook : looks.ofId(runIds[0]))
export const seedsOf = ({ runIds }: Pick<Arm, 'runIds'>): string => (runIds.length > 1 ? `${runIds.length} seeds` : '')

/** Names as drawn; arms of the same name (runs alone, several seeds) are told apart by their number. */
export function namesOf(arms: readonly Arm[]): ReadonlyMap<string, string> {
  const count = Map.groupBy(arms, ({ title }) => title)
  return new Map(
    arms.map(({ key, title, runIds }) => [key, (count.get(title)?.length ?? 0) > 1 ? `${title}, run ${runIds[0] ?? 0}` : title]),
  )
}

/** Whether a paired difference can be told from none: its interval leaves 0 out. */
export const differs = (difference: { readonly low: number | null; readonly high: number | null } | null | undefined): boolean =>
  typeof difference?.low === 'number' && typeof difference.high === 'number' && (difference.low > 0 || difference.high < 0)

/** The fewest seeds that any trained and evaluated arm has; 0 where none is. */
export function fewestSeeds(rows: readonly { readonly runIds: readonly number[]; readonly evaluationIds: readonly number[] }[]): number {
  const seeds = rows.flatMap(({ runIds, evaluationIds }) =>
    runIds.length === 0 || evaluationIds.length === 0 ? [] : [evaluationIds.length],
  )
  return seeds.length === 0 ? 0 : Math.min(...seeds)
}

/** "at step 40", where the evaluations read are not simply the newest. */
export const stepsOf = ({ evaluatedSteps }: { readonly evaluatedSteps: readonly (number | null)[] }): string => {
  const known = [...new Set(evaluatedSteps.flatMap((step) => step ?? []))]
  return known.length === 0 ? '' : `at step ${known.length === 1 ? known[0] : `${Math.min(...known)} to ${Math.max(...known)}`}`
}
