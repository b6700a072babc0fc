// Which rollouts of a batch are compared with each other.
import type { GradedRollout } from './types.ts'

/** Positions of the rollouts of each group, groups in order of first appearance. */
export function groupsOf(rollouts: readonly Pick<GradedRollout, 'group'>[]): readonly (readonly number[])[] {
  const groups = new Map<number, number[]>()
  rollouts.forEach((rollout, index) => {
    const members = groups.get(rollout.group)
    if (members) members.push(index)
    else groups.set(rollout.group, [index])
  })
  return [...groups.values()]
}
