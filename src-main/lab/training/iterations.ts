// A run as iterations of imitation: what is drawn from, and where learning begins. Everything follows from the step alone, so that a resumed run does the same.
import type { Needs } from '../../rl/algorithm.ts'
import { needsOf } from '../../rl/algorithms.ts'
import { firstOfPart } from '../../rl/schedules.ts'
import type { Role } from './policySet.ts'
import type { Running } from './step.ts'

/** The weights that rollouts to learn from are drawn from. */
export const samplerOf = ({ iterations }: Needs): Role => (iterations ? 'stale' : 'current')

/** The first step of the iteration that a step belongs to; the step itself where every step draws from the weights as they are. */
function iterationStart({ spec, method }: Pick<Running, 'spec' | 'method'>, step: number): number {
  const { iterations } = needsOf(method)
  return iterations ? firstOfPart(step, spec.steps, iterations.count) : step
}

/** At the first step of an iteration: what was learned is drawn from, and learning begins where the method says. */
export function beginIteration({ spec, method, policies, learner }: Running, step: number): void {
  const { iterations } = needsOf(method)
  if (!iterations || step === 1 || iterationStart({ spec, method }, step) !== step) return
  policies.refreshStale()
  if (!iterations.fromStart) return
  policies.restart()
  learner.reset()
}

/** Steps after which the weights of a step were as they were used in it: those that texts to learn from were drawn from, and those that learn. */
export function weightsOfStep(
  running: Pick<Running, 'spec' | 'method'>,
  step: number,
): { readonly drawn: number; readonly current: number } {
  const start = iterationStart(running, step)
  const restarted = needsOf(running.method).iterations?.fromStart === true && start === step
  return { drawn: start - 1, current: restarted ? 0 : step - 1 }
}
