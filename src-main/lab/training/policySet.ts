// The weights a run needs besides the ones it trains: a frozen copy of the start (KL reference, frozen prover), a moving average, and
// the weights of some steps ago (stale prefixes). Each is made when first asked for and costs nothing before.
// With adapters all roles share one set of weights: the start is the model without adapters, read from the same memory, and the other roles
// are small sets of adapters of their own beside those that train.
import type { Engine } from '../../engine/engine.ts'
import { joined, type ParameterSet } from '../../engine/parameters.ts'
import { adapterSpecs, withoutAdapters } from '../../model/config.ts'
import type { LlamaConfig, ParameterSpec } from '../../model/config.ts'
import { openPolicy } from '../../rollout/policy.ts'
import type { Policy, PolicyOptions } from '../../rollout/policy.ts'
import type { Sampler } from '../../rollout/sampler.ts'

export type Role = 'current' | 'start' | 'ema' | 'stale' | 'given'
/** Roles with values of their own that change over a run. */
export type MovingRole = 'ema' | 'stale'
const MOVING: readonly MovingRole[] = ['ema', 'stale']

export interface PolicySet {
  readonly current: Policy
  /** The policy of a role; the first call opens it. */
  policy(role: Role): Promise<Policy>
  /** Who draws and measures with the weights of a role: the policy itself, or workers elsewhere that hold the same weights. */
  sampler(role: Role): Promise<Sampler>
  /** All that sets a role apart from the start, as one list: its weights, or its adapters alone. Null for a role that does not exist yet. */
  values(role: MovingRole): Float32Array | null
  /** Takes back what `values` gave, as when a run is resumed. */
  restore(role: MovingRole, values: Float32Array): void
  /** One step of the moving average, if the run has one: ema += (1 - decay) (current - ema). */
  averageStep(decay: number): void
  /** The stale policy becomes the current one. */
  refreshStale(): void
  /** The current policy becomes the start again. */
  restart(): void
  dispose(): void
}

/** What must lie beside the weights for the roles of a run, as `loadWeights` takes it: nothing for a model that trains whole. */
export const specsOfRoles = (config: LlamaConfig): ParameterSpec[] =>
  config.lora === undefined ? [] : MOVING.flatMap((role) => adapterSpecs(ofRole(config, role)))

const ofRole = (config: LlamaConfig, set: MovingRole): LlamaConfig => ({ ...config, lora: { ...config.lora!, set } })

/** Weights of a shape of their own. */
export interface GivenWeights {
  readonly config: LlamaConfig
  readonly parameters: ParameterSet
}

/**
 * @param start weights the run starts from, with `specsOfRoles` beside them; the set owns them
 * @param given other weights, read for the role of that name; the set owns them
 */
export async function openPolicies(
  engine: Engine,
  config: LlamaConfig,
  start: ParameterSet,
  options: PolicyOptions,
  given: GivenWeights | null = null,
): Promise<PolicySet> {
  const roles = config.lora === undefined ? wholeRoles(start) : adapterRoles(config, start)
  const policies = new Map<Role, Promise<Policy>>()
  const open = (role: Role): Promise<Policy> => {
    if (role !== 'given') return openPolicy(engine, roles.config(role) ?? config, roles.parameters(role), options)
    if (given === null) throw new Error('no other weights were given')
    return openPolicy(engine, given.config, given.parameters, options)
  }
  const policy = (role: Role): Promise<Policy> => {
    if (!policies.has(role)) policies.set(role, open(role))
    return policies.get(role)!
  }
  const current = await policy('current')
  return {
    current,
    policy,
    sampler: policy,
    values: roles.values,
    restore: roles.restore,
    averageStep: roles.averageStep,
    refreshStale: roles.refreshStale,
    restart: roles.restart,
    dispose() {
      for (const opened of policies.values()) void opened.then((each) => each.dispose())
      roles.dispose()
      given?.parameters.dispose()
    },
  }
}

/** The roles that are made from the weights of the run. */
type OwnRole = Exclude<Role, 'given'>

interface Roles extends Pick<PolicySet, 'values' | 'restore' | 'averageStep' | 'refreshStale' | 'restart' | 'dispose'> {
  /** The shape under which a role reads its weights, where it is not the run's own. */
  config(role: OwnRole): LlamaConfig | null
  /** Makes the role where it does not exist yet. */
  parameters(role: OwnRole): ParameterSet
}

/** Every role is a whole set of weights. */
function wholeRoles(start: ParameterSet): Roles {
  const sets = new Map<OwnRole, ParameterSet>([
    ['current', start.clone()],
    ['start', start],
  ])
  const current = sets.get('current')!
  const parameters = (role: OwnRole): ParameterSet => {
    let set = sets.get(role)
    if (!set) {
      set = (role === 'ema' ? start : current).clone()
      sets.set(role, set)
    }
    return set
  }
  return {
    config: () => null,
    parameters,
    values: (role) => sets.get(role)?.snapshot() ?? null,
    restore: (role, values) => parameters(role).load(values),
    averageStep: (decay) => parameters('ema').lerpFrom(current, 1 - decay),
    refreshStale: () => sets.get('stale')?.copyFrom(current),
    restart: () => current.copyFrom(start),
    dispose() {
      for (const set of sets.values()) set.dispose()
    },
  }
}

/** Every role is a set of adapters in one set of weights; the start has none. */
function adapterRoles(config: LlamaConfig, shared: ParameterSet): Roles {
  const namesOf = (of: LlamaConfig): string[] => adapterSpecs(of).map(({ name }) => name)
  const trained = namesOf(config)
  const names = { ema: namesOf(ofRole(config, 'ema')), stale: namesOf(ofRole(config, 'stale')) }
  const atStart = trained.map((name) => shared.get(name))
  const made = new Set<OwnRole>()
  const write = (role: MovingRole, valuesOf: (index: number) => Float32Array): void =>
    names[role].forEach((name, index) => shared.set(name, valuesOf(index)))
  const make = (role: OwnRole): void => {
    if ((role !== 'ema' && role !== 'stale') || made.has(role)) return
    made.add(role)
    write(role, (index) => (role === 'ema' ? atStart[index]! : shared.get(trained[index]!)))
  }
  return {
    config: (role) => (role === 'start' ? withoutAdapters(config) : role === 'current' ? null : ofRole(config, role)),
    parameters(role) {
      make(role)
      return shared
    },
    values(role) {
      if (!made.has(role)) return null
      return joined(names[role].map((name) => shared.get(name)))
    },
    restore(role, values) {
      made.add(role)
      let at = 0
      write(role, (index) => values.slice(at, (at += atStart[index]!.length)))
    },
    averageStep(decay) {
      make('ema')
      write('ema', (index) => {
        const now = shared.get(trained[index]!)
        return shared.get(names.ema[index]!).map((value, i) => value + (1 - decay) * (now[i]! - value))
      })
    },
    refreshStale() {
      if (made.has('stale')) write('stale', (index) => shared.get(trained[index]!))
    },
    restart: () => trained.forEach((name, index) => shared.set(name, atStart[index]!)),
    dispose: () => shared.dispose(),
  }
}
