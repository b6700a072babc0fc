// The sets of weights that a run needs beside those that train, where each is a whole set: what each is made from, and what changes it.
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { OpenedContext } from '../../src-main/lab/process/openContext.ts'
import { openPolicies, specsOfRoles, type PolicySet } from '../../src-main/lab/training/policySet.ts'
import { loadStart } from '../../src-main/lab/training/start.ts'
import { loadWeights } from '../../src-main/rollout/policy.ts'
import { openBench, type Bench } from './micro.ts'

let bench: Bench
let context: OpenedContext
beforeAll(async () => {
  bench = await openBench()
  context = bench.open('roles')
})
afterAll(() => {
  context.close()
  bench.dispose()
})

const NAME = 'model.norm.weight'
async function opened(work: (policies: PolicySet) => Promise<void>, given = false): Promise<void> {
  const { config, weights } = await loadStart(context.store, bench.start, Date.now)
  const load = () => loadWeights(context.engine, config, weights, specsOfRoles(config))
  const other = given ? { config, parameters: await load() } : null
  other?.parameters.set(NAME, new Float32Array(config.hiddenSize).fill(9))
  const policies = await openPolicies(context.engine, config, await load(), { rows: 1, maxLength: 32 }, other)
  try {
    await work(policies)
  } finally {
    policies.dispose()
  }
}
const fill = (policies: PolicySet, value: number): void => policies.current.parameters.set(NAME, new Float32Array(32).fill(value))
const held = async (policies: PolicySet, role: Parameters<PolicySet['policy']>[0]): Promise<number> =>
  (await policies.policy(role)).parameters.get(NAME)[0]!

describe('weights beside those that train', () => {
  it('are made when they are first asked for: the average from the start, the stale ones from what trains by then', async () => {
    await opened(async (policies) => {
      fill(policies, 3)
      expect([policies.values('ema'), policies.values('stale')]).toEqual([null, null])
      expect([await held(policies, 'start'), await held(policies, 'ema'), await held(policies, 'stale')]).toEqual([1, 1, 3])
      expect([policies.values('ema')!.length, policies.values('stale')!.length]).toEqual([
        policies.current.parameters.elements,
        policies.current.parameters.elements,
      ])
      expect(await policies.policy('start')).toBe(await policies.policy('start'))
      expect(await policies.sampler('current')).toBe(policies.current)
    })
  })

  it('average by the share that is kept at each step', async () => {
    await opened(async (policies) => {
      fill(policies, 5)
      policies.averageStep(0.75)
      expect(await held(policies, 'ema')).toBe(2)
      policies.averageStep(0.75)
      expect(await held(policies, 'ema')).toBe(2.75)
    })
  })

  it('stay as they were until they are refreshed, restarted or restored', async () => {
    await opened(async (policies) => {
      policies.refreshStale()
      expect(policies.values('stale')).toBeNull()
      fill(policies, 2)
      expect(await held(policies, 'stale')).toBe(2)
      fill(policies, 4)
      expect(await held(policies, 'stale')).toBe(2)
      policies.refreshStale()
      expect(await held(policies, 'stale')).toBe(4)
      policies.restart()
      expect([await held(policies, 'current'), await held(policies, 'stale'), await held(policies, 'start')]).toEqual([1, 4, 1])
      const values = policies.values('stale')!
      policies.refreshStale()
      policies.restore('stale', values)
      policies.restore('ema', values)
      expect([await held(policies, 'stale'), await held(policies, 'ema')]).toEqual([4, 4])
    })
  })

  it('are others where others were given, and are not to be had where none were', async () => {
    await opened(async (policies) => expect(await held(policies, 'given')).toBe(9), true)
    await opened(async (policies) => expect(async () => policies.policy('given')).rejects.toThrow('no other weights were given'))
  })
})
