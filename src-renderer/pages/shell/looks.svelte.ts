/**
 * One look per configuration, the same on every page: runs that differ only by seed share it, the first configuration of a
 * family (outcome, length, MRT) has the family's own, and a new run changes nobody else's.
 */
import type { Run } from '../../../src-preload/contract.ts'
import { assignLooks, lookAt, type Look } from '../../charts/identity.ts'
import { familyOf, runs } from '../../state/runs.svelte.ts'

class Looks {
  #byGroup: ReadonlyMap<string, Look> = $derived.by(() => {
    const groups = [...runs.groups]
    const given = assignLooks(groups.map(([, [first]]) => familyOf(first.run)))
    return new Map(groups.map(([key], i) => [key, given[i]]))
  })

  of({ groupKey }: Pick<Run, 'groupKey'>): Look {
    return this.#byGroup.get(groupKey) ?? lookAt(0)
  }

  ofId(runId: number): Look {
    const item = runs.byId.get(runId)
    return item ? this.of(item.run) : lookAt(0)
  }
}

export const looks = new Looks()
/** The weights that runs start from. */
export const startLook = lookAt(0)
