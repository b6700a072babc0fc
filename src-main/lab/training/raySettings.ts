// Where the workers of a run are: given by a person, checked, and kept with what the run is made on.
import { rayCluster, type Json, type RayCluster } from '../../../src-preload/contract.ts'
import { rayAddress } from '../../cluster/address.ts'

/** Shares of what a step draws, where a run over Ray does not say. */
const RAY_SHARES = 8

const settings = rayCluster.omit({ leavesMachine: true })

export type RaySettings = Omit<RayCluster, 'leavesMachine'>

/** Checked settings. Throws LabError `ray.address`, `ray.away`. */
export function raySettings(given: Partial<RayCluster> & Pick<RayCluster, 'address'>): RaySettings {
  const { address, leavesMachine, ...rest } = rayCluster.parse(given)
  return { address: rayAddress(address, leavesMachine), ...rest }
}

/** Those of a run, from what it is made on; null for one that computes here. */
export function rayOf(environment: Json): RaySettings | null {
  const { ray } = (environment ?? {}) as { readonly ray?: unknown }
  return ray === undefined ? null : settings.parse(ray)
}

/** A run over Ray: what it draws is cut into shares, which its specification says, and where it is made is kept with what it is made on. */
export function onRay(spec: unknown, environment: Json, ray: RaySettings | null): readonly [spec: unknown, environment: Json] {
  if (ray === null) return [spec, environment]
  return [
    { shares: RAY_SHARES, ...(spec as object) },
    { ...(environment as object), ray: { ...ray } },
  ]
}
