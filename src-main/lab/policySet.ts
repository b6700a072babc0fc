// The weights a run needs besides the ones it trains: a frozen copy of the start (KL reference, frozen prover), a moving average, and
// the weights of some steps ago (stale prefixes). Each is made when first asked for and costs nothing before.
import type { Engine } from '../engine/engine.ts'
import type { ParameterSet } from '../engine/parameters.ts'
import type { LlamaConfig } from '../model/config.ts'
import { openPolicy } from '../rollout/policy.ts'
import type { Policy, PolicyOptions } from '../rollout/policy.ts'

export type Role = 'current' | 'start' | 'ema' | 'stale'

export interface PolicySet {
  readonly current: Policy
  /** The policy of a role; the first call opens it. */
  policy(role: Role): Promise<Policy>
  /** Weights of a role that exists already; null otherwise. */
  weights(role: Role): ParameterSet | null
  /** Takes over values for a role, as when a run is resumed. */
  restore(role: Role, values: Float32Array): void
  /** One step of the moving average, if the run has one: ema += (1 - decay) (current - ema). */
  averageStep(decay: number): void
  /** The stale policy becomes the current one. */
  refreshStale(): void
  dispose(): void
}

/** @param start weights the run starts from; the set owns `current`, which it makes a copy of them */
export async function openPolicies(engine: Engine, config: LlamaConfig, start: ParameterSet, options: PolicyOptions): Promise<PolicySet> {
  const sets = new Map<Role, ParameterSet>([['current', start.clone()], ['start', start]])
  const policies = new Map<Role, Promise<Policy>>()
  const weightsOf = (role: Role): ParameterSet => {
    let set = sets.get(role)
    if (!set) {
      set = (role === 'ema' ? start : sets.get('current')!).clone()
      sets.set(role, set)
    }
    return set
  }
  const policy = (role: Role): Promise<Policy> => {
    if (!policies.has(role)) policies.set(role, openPolicy(engine, config, weightsOf(role), options))
    return policies.get(role)!
  }
  const current = await policy('current')
  return {
    current,
    policy,
    weights: (role) => sets.get(role) ?? null,
    restore: (role, values) => weightsOf(role).load(values),
    averageStep: (decay) => weightsOf('ema').lerpFrom(current.parameters, 1 - decay),
    refreshStale: () => sets.get('stale')?.copyFrom(current.parameters),
    dispose() {
      for (const opened of policies.values()) void opened.then((each) => each.dispose())
      for (const set of sets.values()) set.dispose()
    },
  }
}
