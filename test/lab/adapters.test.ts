// Runs with low-rank adapters: only these train, are kept and come back, on the weights that they name; the reference is the model without them.
import { existsSync, renameSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { LabError } from '../../src-preload/contract.ts'
import type { RunSpecInput } from '../../src-preload/contract.ts'
import { contentsInUse } from '../../src-main/lab/training/checkpoints.ts'
import { evaluateRun } from '../../src-main/lab/comparing/evaluateRun.ts'
import { importModel } from '../../src-main/lab/files/importModel.ts'
import type { OpenedContext } from '../../src-main/lab/process/openContext.ts'
import { openPolicies, specsOfRoles } from '../../src-main/lab/training/policySet.ts'
import { loadStart, prepareStart } from '../../src-main/lab/training/start.ts'
import type { Start } from '../../src-main/lab/training/start.ts'
import { createRun } from '../../src-main/lab/training/createRun.ts'
import { trainRun } from '../../src-main/lab/training/trainRun.ts'
import { loadCheckpoint } from '../../src-main/model/checkpoint.ts'
import { adapterSpecs, parameterSpecs, withoutAdapters } from '../../src-main/model/config.ts'
import { loadWeights, openPolicy } from '../../src-main/rollout/policy.ts'
import { writeLittleText } from '../model/littleText.ts'
import { microSpec, openBench } from './micro.ts'
import type { Bench } from './micro.ts'

let bench: Bench
let context: OpenedContext
beforeAll(async () => {
  bench = await openBench()
  context = bench.open('adapters')
})
afterAll(() => {
  context.close()
  bench.dispose()
})

const ADAPTERS = { rank: 2, alpha: 8, targets: 'q,v,down' }
const adapted = (more: Partial<RunSpecInput> = {}, algorithm: RunSpecInput['algorithm'] = { name: 'mrt-exact' }): RunSpecInput =>
  microSpec('starter', algorithm, { adapters: ADAPTERS, steps: 3, ...more })
const trained = async (spec: RunSpecInput): Promise<number> => {
  const id = await createRun(context, spec)
  await trainRun(context, id)
  return id
}
const newest = (runId: number) => context.store.checkpoints.newestResumable(runId)!
const kept = (runId: number) => loadCheckpoint(join(context.store.checkpointsFolder, newest(runId).contentId))
const startOf = (name: string): Promise<Start> => loadStart(context.store, name, Date.now)
async function tensorsOf({ weights }: Pick<Start, 'weights'>): Promise<Map<string, Float32Array>> {
  const all = new Map<string, Float32Array>()
  for await (const [name, values] of weights) all.set(name, values)
  return all
}
const sequences = [{ prompt: [1, 30, 31, 32], completion: [40, 41, 42, 43, 44, 45] }]
async function logpsOf(start: Start): Promise<Float32Array> {
  const weights = await loadWeights(context.engine, start.config, start.weights)
  const policy = await openPolicy(context.engine, start.config, weights, { rows: 1, maxLength: 64 })
  const [logps] = await policy.score(sequences)
  policy.dispose()
  weights.dispose()
  return logps!
}
const refused = async (code: string, act: () => unknown): Promise<void> =>
  expect((async () => act())()).rejects.toSatisfy((error) => error instanceof LabError && error.code === code)
const timeless = (runId: number) =>
  context.store.steps
    .range(runId, 1, 1000)
    .map(({ metrics }) => Object.entries(metrics).filter(([name]) => !/^time\/|step_time/.test(name)))

describe('a run with adapters', () => {
  let runId: number
  beforeAll(async () => {
    runId = await trained(adapted())
  })

  it('keeps the adapters, their moments and the name of the model that they belong to, and none of its weights', async () => {
    const { config, tensors, optimizer, meta } = await kept(runId)
    const shape = config as never as Start['config']
    expect(shape.lora).toEqual({ rank: 2, alpha: 8, targets: ['q', 'v', 'down'] })
    expect([...tensors.keys()].sort()).toEqual(
      adapterSpecs(shape)
        .map(({ name }) => name)
        .sort(),
    )
    const numbers = adapterSpecs(shape).reduce((sum, { dims }) => sum + dims[0]! * dims[1]!, 0)
    expect([optimizer!.m!.data.length, optimizer!.v!.data.length]).toEqual([numbers, numbers])
    expect(meta.base).toEqual({
      kind: 'model',
      id: context.store.models.get(context.store.runs.get(runId)!.modelId!)!.sha256,
      name: 'starter',
    })
    expect(newest(runId)).toMatchObject({ kind: 'adapter' })
    expect(newest(runId).bytes).toBeLessThan(4 * (4 * numbers) + 10_000)
    expect([...tensors].filter(([name]) => name.includes('lora_B')).every(([, { data }]) => data.some((value) => value !== 0))).toBe(true)
  })

  it('comes back as the untouched model with its adapters', async () => {
    const start = await startOf(`checkpoint:${newest(runId).id}`)
    const [all, starter] = [await tensorsOf(start), await tensorsOf(await startOf('starter'))]
    expect([...all.keys()]).toHaveLength(parameterSpecs(start.config).length)
    for (const [name, values] of starter) expect(all.get(name)).toEqual(values)
    const { tensors } = await kept(runId)
    for (const [name, { data }] of tensors) expect(all.get(name)).toEqual(data)
  })

  it('is evaluated with its adapters, as its merged model is', async () => {
    const name = `checkpoint:${newest(runId).id}`
    const merged = prepareStart(await startOf(name), { rank: 0, alpha: 32, targets: 'q' }, 1)
    expect(merged.config.lora).toBeUndefined()
    const [a, b, plain] = [await logpsOf(await startOf(name)), await logpsOf(merged), await logpsOf(await startOf('starter'))]
    a.forEach((logp, t) => expect(Math.abs(logp - b[t]!)).toBeLessThan(1e-5))
    expect(Math.max(...a.map((logp, t) => Math.abs(logp - plain[t]!)))).toBeGreaterThan(1e-3)
    expect(context.store.evaluations.get(await evaluateRun(context, { runId }))!.status).toBe('finished')
  })

  it('goes on from its checkpoint in another run, and is refused with other adapters; rank 0 trains the merged weights', async () => {
    const start = `checkpoint:${newest(runId).id}`
    const on = await trained(adapted({ start, steps: 1 }))
    expect((await kept(on)).meta.base).toEqual((await kept(runId)).meta.base)
    expect(context.store.runs.get(on)).toMatchObject({ parentRunId: runId, parentStep: 3 })
    await refused('run.adapters', () => createRun(context, adapted({ start, adapters: { ...ADAPTERS, rank: 3 } })))
    const whole = await trained(adapted({ start, steps: 1, adapters: {} }))
    expect([...(await kept(whole)).tensors.keys()].some((name) => name.includes('lora'))).toBe(false)
  })

  it('may rest on a checkpoint of whole weights, whose files then stay though its run is gone', async () => {
    const whole = await trained(microSpec('starter', { name: 'dr-grpo' }, { steps: 1 }))
    const { id, contentId } = newest(whole)
    const upon = await trained(adapted({ start: `checkpoint:${id}`, steps: 2, checkpointEvery: 1 }))
    expect((await kept(upon)).meta.base).toMatchObject({ kind: 'checkpoint', id: contentId })
    const before = await logpsOf(await startOf(`checkpoint:${newest(upon).id}`))
    context.store.runs.remove(whole)
    expect(context.store.checkpoints.referenced()).not.toContain(contentId)
    expect(await contentsInUse(context.store)).toContain(contentId)
    // Any of its checkpoints that can be read says so; where none can, nothing may be taken for unused.
    const [first, second] = context.store.checkpoints.ofRun(upon).map((each) => join(context.store.checkpointsFolder, each.contentId))
    renameSync(first!, `${first}-away`)
    expect(await contentsInUse(context.store)).toContain(contentId)
    renameSync(second!, `${second}-away`)
    await expect(contentsInUse(context.store)).rejects.toMatchObject({ code: 'checkpoint.missing' })
    for (const each of [first, second]) renameSync(`${each}-away`, each!)
    expect(await logpsOf(await startOf(`checkpoint:${newest(upon).id}`))).toEqual(before)
    expect(existsSync(join(context.store.checkpointsFolder, contentId))).toBe(true)
  })

  it.each([
    ['mrt-exact', { mu: 'ema', emaDecay: 0.9 }],
    ['mrt-pooled', { staleSteps: 2 }],
    ['grpo', { klBeta: 0.01, updatesPerBatch: 2 }],
  ])('ends with the same numbers whether or not it was stopped in between: %s %o', async (name, options) => {
    const spec = adapted({ steps: 4 }, { name, options })
    const whole = await trained(spec)
    const stopped = await createRun(context, spec)
    await trainRun(context, stopped, { control: () => (context.store.runs.get(stopped)!.lastStep === 3 ? 'stop-after-step' : 'go') })
    expect(context.store.runs.get(stopped)!.lastStep).toBe(3)
    await trainRun(context, stopped)
    expect(timeless(stopped)).toEqual(timeless(whole))
    const [a, b] = [await kept(stopped), await kept(whole)]
    expect([...a.tensors]).toEqual([...b.tensors])
    expect(a.optimizer).toEqual(b.optimizer)
    expect(a.meta.weights).toBe(b.meta.weights)
  })

  it('computes otherwise with another rank, alpha, target or seed, and refuses what no adapter reads', async () => {
    const ends = new Set<string>()
    const others: Partial<RunSpecInput>[] = [
      {},
      { adapters: { ...ADAPTERS, rank: 3 } },
      { adapters: { ...ADAPTERS, alpha: 4 } },
      { adapters: { ...ADAPTERS, targets: 'q,v' } },
      { seed: 6 },
      { adapters: {} },
    ]
    for (const more of others) ends.add(String((await kept(await trained(adapted({ ...more, steps: 2 })))).meta.weights))
    expect(ends.size).toBe(others.length)
    await refused('run.inert', () => createRun(context, adapted({ adapters: { alpha: 4 } })))
    await refused('run.inert', () => createRun(context, adapted({ adapters: { targets: 'q' } })))
    await refused('run.spec', () => createRun(context, adapted({ adapters: { rank: 2, targets: 'q,head' } })))
    await expect(createRun(context, adapted({ adapters: { rank: 4000 } }))).rejects.toMatchObject({ code: 'adapter.shape' })
  })

  it('is made on a model of text too, and speaks with its tokenizer afterwards', async () => {
    const { modelId } = await importModel(context.store, writeLittleText(join(bench.folder, 'little.gguf')), {
      name: 'little',
      signal: new AbortController().signal,
      now: Date.now,
    })
    const id = await trained(
      adapted({ start: `model:${modelId}`, steps: 1, task: { name: 'arithmetic' }, budget: { thinkingTokens: 12, answerTokens: 5 } }),
    )
    const start = await startOf(`checkpoint:${newest(id).id}`)
    expect(start.tokenizer).not.toBeNull()
    expect(start.base).toMatchObject({ kind: 'model', name: 'little' })
  })
})

describe('a run whose frozen matrices are held in less than single precision', () => {
  it.each(['bfloat16', 'float16', 'int4'] as const)(
    'trains on %s with the log-probs that it sampled with, and its checkpoint is evaluated and read in the same numbers',
    async (frozen) => {
      const id = await trained(adapted({ adapters: { ...ADAPTERS, frozen }, steps: 2, optimizer: { lr: 1e-3 } }))
      for (const { metrics } of context.store.steps.range(id, 1, 2))
        expect(metrics['sampling/sampling_logp_difference/max']).toBeLessThan(1e-4)
      const start = await startOf(`checkpoint:${newest(id).id}`)
      expect(start.config.held).toBe(frozen)
      const { held: _held, ...wide } = start.config
      const own = await logpsOf(start)
      const otherwise = await logpsOf({ ...(await startOf(`checkpoint:${newest(id).id}`)), config: wide })
      const apart = Math.max(...own.map((logp, t) => Math.abs(logp - otherwise[t]!)))
      // The starter comes in float16, in which it loses nothing.
      if (frozen === 'float16') expect(apart).toBe(0)
      else expect(apart).toBeGreaterThan(1e-5)
      expect(apart).toBeLessThan(frozen === 'int4' ? 2 : 0.1)
      if (frozen === 'int4') expect(apart).toBeGreaterThan(0.1)
      expect(await evaluateRun(context, { runId: id })).toEqual(expect.any(Number))
    },
  )

  it('gives the adapters up to matrices in single precision where they are merged, or asked for so', async () => {
    const id = await trained(adapted({ adapters: { ...ADAPTERS, frozen: 'bfloat16' }, steps: 1 }))
    const start = await startOf(`checkpoint:${newest(id).id}`)
    expect(prepareStart(start, { rank: 0, alpha: 32, targets: 'q' }, 1).config.held).toBeUndefined()
    expect(prepareStart(start, ADAPTERS, 1).config.held).toBeUndefined()
    expect(prepareStart(start, { ...ADAPTERS, frozen: 'float16' }, 1).config.held).toBe('float16')
  })

  it('is refused without adapters, where everything trains, and on a device that does not read such numbers', async () => {
    await refused('run.inert', () => createRun(context, adapted({ adapters: { frozen: 'bfloat16' } })))
    const proven = { of: () => ({ device: 'webgpu', ok: true, checks: [], durationMs: 1, atMs: 1 }), keep() {} }
    await refused('run.frozen', () =>
      createRun(
        { ...context, store: context.store, deviceTests: proven },
        adapted({ adapters: { ...ADAPTERS, frozen: 'float16' }, device: 'webgpu' }),
      ),
    )
  })
})

describe('the weights that a run with adapters needs', () => {
  it('lie in one set: the start is the model without adapters, the moving average and the stale ones are small sets beside', async () => {
    const start = prepareStart(await startOf(bench.start), { rank: 2, alpha: 64, targets: 'q,k,v,o,gate,up,down' }, 1)
    const weights = await loadWeights(context.engine, start.config, start.weights, specsOfRoles(start.config))
    const base = parameterSpecs(withoutAdapters(start.config)).reduce((sum, { dims }) => sum + dims.reduce((a, b) => a * b, 1), 0)
    const one = adapterSpecs(start.config).reduce((sum, { dims }) => sum + dims[0]! * dims[1]!, 0)
    expect(weights.elements).toBe(base + 3 * one)
    const policies = await openPolicies(context.engine, start.config, weights, { rows: 1, maxLength: 64 })
    const [reference, ema] = [await policies.policy('start'), await policies.policy('ema')]
    for (const policy of [reference, ema]) expect(policy.parameters).toBe(policies.current.parameters)
    const logps = async (role: 'current' | 'start' | 'ema' | 'stale') => (await (await policies.policy(role)).score(sequences))[0]!
    const atStart = await logps('start')
    expect(await logps('current')).toEqual(atStart)
    for (const { name, dims } of adapterSpecs(start.config))
      if (name.includes('lora_B')) weights.set(name, new Float32Array(dims[0]! * dims[1]!).fill(0.3))
    const moved = await logps('current')
    expect(moved).not.toEqual(atStart)
    expect(await logps('start')).toEqual(atStart)
    expect(await logps('ema')).toEqual(atStart)
    expect(await logps('stale')).toEqual(moved)
    policies.averageStep(0.5)
    expect(await logps('ema')).not.toEqual(atStart)
    expect(await logps('ema')).not.toEqual(moved)
    policies.averageStep(0)
    expect(await logps('ema')).toEqual(moved)
    for (const { name, dims } of adapterSpecs(start.config))
      if (name.includes('lora_B')) weights.set(name, new Float32Array(dims[0]! * dims[1]!))
    expect(await logps('stale')).toEqual(moved)
    policies.refreshStale()
    expect(await logps('stale')).toEqual(atStart)
    expect(policies.values('ema')).toHaveLength(one)
    policies.dispose()
  })

  it('average from the start, even where the average is first asked for after they have moved', async () => {
    const start = prepareStart(await startOf(bench.start), { rank: 2, alpha: 64, targets: 'q,down' }, 1)
    const weights = await loadWeights(context.engine, start.config, start.weights, specsOfRoles(start.config))
    const policies = await openPolicies(context.engine, start.config, weights, { rows: 1, maxLength: 64 })
    const specs = adapterSpecs(start.config).map(({ name, dims }) => ({ name, up: name.includes('lora_B'), size: dims[0]! * dims[1]! }))
    for (const { name, up, size } of specs) if (up) weights.set(name, new Float32Array(size).fill(0.5))
    policies.averageStep(0.75)
    const values = policies.values('ema')!
    let at = 0
    for (const { up, size } of specs) {
      const of = values.subarray(at, (at += size))
      if (up) expect(new Set(of)).toEqual(new Set([0.125]))
    }
    expect(at).toBe(values.length)
    policies.dispose()
  })
})
