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
  return new Map(arms.map(({ key, title, runIds }) => [key, (count.get(title)?.length ?? 0) > 1 ? `${title}, run ${runIds[0] ?? 0}` : title]))
}

/** "at step 40", where the evaluations read are not simply the newest. */
export const stepsOf = ({ evaluatedSteps }: { readonly evaluatedSteps: readonly (number | null)[] }): string => {
  const known = [...new Set(evaluatedSteps.flatMap((step) => step ?? []))]
  return known.length === 0 ? '' : `at step ${known.length === 1 ? known[0] : `${Math.min(...known)} to ${Math.max(...known)}`}`
}
