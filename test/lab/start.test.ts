// Where weights come from, by the name that they have: what is found, what is put on record, and what is refused.
import { join, relative } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { DeviceTests } from '../../src-main/lab/process/deviceTests.ts'
import type { OpenedContext } from '../../src-main/lab/process/openContext.ts'
import { createRun } from '../../src-main/lab/training/createRun.ts'
import {
  configOfStart,
  deviceOf,
  loadModel,
  loadStart,
  modelOf,
  prepareStart,
  servedModel,
  startCheckpoint,
  tokenizerOf,
  tokenizerOfStart,
  vocabularyOf,
  type Start,
} from '../../src-main/lab/training/start.ts'
import { importModel } from '../../src-main/lab/files/importModel.ts'
import { saveCheckpoint } from '../../src-main/model/checkpoint.ts'
import { parameterSpecs } from '../../src-main/model/config.ts'
import type { Json, Model, NewModel } from '../../src-preload/contract.ts'
import { writeLittleText } from '../model/littleText.ts'
import { MICRO_CONFIG, microSpec, openBench, type Bench } from './micro.ts'
import { refusal } from './refusal.ts'

let bench: Bench
let context: OpenedContext
let textId: number
beforeAll(async () => {
  bench = await openBench()
  context = bench.open('starts')
  const { modelId } = await importModel(context.store, writeLittleText(join(bench.folder, 'little.gguf')), {
    name: 'Little',
    signal: new AbortController().signal,
    now: Date.now,
  })
  textId = modelId
})
afterAll(() => {
  context.close()
  bench.dispose()
})

const startOf = (name: string): Promise<Start> => loadStart(context.store, name, () => 7)
/** The record of a model whose files are nowhere. */
const recorded = (name: string, more: Partial<NewModel> = {}): Model =>
  context.store.models.get(
    context.store.models.add({
      name,
      kind: 'served',
      family: 'served',
      config: { vocabSize: 77 },
      tokenizer: {},
      parameterCount: 0,
      bytes: 0,
      path: 'nowhere',
      sha256: name,
      provenance: {},
      createdAtMs: 1,
      ...more,
    }),
  )!
/** A checkpoint with the weights of the bench, of a run with this configuration. */
async function checkpointOf(modelId: number | null, config: Record<string, unknown> | null = null): Promise<number> {
  const runId = await createRun(context, microSpec(bench.start, { name: 'dr-grpo' }))
  if (config !== null) {
    const { id: _id, uid: _uid, ...run } = context.store.runs.get(runId)!
    return checkpointOfRun(context.store.runs.add({ ...run, config: config as unknown as Json }).id, modelId)
  }
  return checkpointOfRun(runId, modelId)
}
async function checkpointOfRun(runId: number, modelId: number | null): Promise<number> {
  const tensors = new Map(
    parameterSpecs(MICRO_CONFIG).map(({ name, dims }) => [
      name,
      { dims, data: new Float32Array(dims.reduce((a, b) => a * b, 1)).fill(runId / 100) },
    ]),
  )
  const saved = await saveCheckpoint(context.store.checkpointsFolder, { config: MICRO_CONFIG, tensors, meta: {} })
  return context.store.checkpoints.add({
    contentId: saved.id,
    runId,
    step: 3,
    kind: 'full',
    modelId,
    bytes: saved.bytes,
    resumable: true,
    pinned: false,
    createdAtMs: 1,
  })
}

describe('the name of weights', () => {
  it('says which checkpoint they are, where it is the name of one', () => {
    expect(['checkpoint:12', 'checkpoint:x', 'checkpoint:12x', 'a checkpoint:1', 'model:3', 'starter'].map(startCheckpoint)).toEqual([
      12,
      null,
      null,
      null,
      null,
      null,
    ])
  })

  it('is refused where nothing has it', async () => {
    const nowhere = join(bench.folder, 'no such folder')
    for (const [name, found] of [
      ['checkpoint:999', 'no checkpoint with id 999'],
      ['model:999', 'no model with id or name 999'],
      ['model:unheard of', 'no model with id or name unheard of'],
      [nowhere, `no folder ${nowhere}`],
    ] as const)
      await expect(startOf(name)).rejects.toEqual(
        refusal('start.unknown', { expected: `weights to start from at "${name}"`, found, next: 'Use "starter", "checkpoint:<id>"' }),
      )
    await expect(loadModel(context.store, recorded('gone', { kind: 'checkpoint' }))).rejects.toEqual(
      refusal('start.unknown', { expected: 'at "gone"', found: `no folder ${join(context.store.folder, 'nowhere')}` }),
    )
  })

  it('is refused with how to fetch them where they can be had', async () => {
    const { store, close } = bench.open('nothing fetched')
    try {
      const fetched = refusal('start.notFetched', {
        expected: 'the model smollm2-135m',
        found: 'none',
        next: 'mrt models fetch smollm2-135m',
      })
      await expect(loadStart(store, 'model:smollm2-135m', () => 7)).rejects.toEqual(fetched)
      expect(() => modelOf(store, 'model:smollm2-135m')).toThrow(fetched)
    } finally {
      close()
    }
  })
})

describe('a folder of weights', () => {
  it('is put on record once, wherever it is named from, and knows neither run nor step', async () => {
    const start = await startOf(bench.start)
    expect([start.runId, start.step, start.tokenizer, start.adapters]).toEqual([null, null, null, null])
    const model = context.store.models.get(start.modelId)!
    expect(model).toMatchObject({
      name: bench.start,
      kind: 'checkpoint',
      path: bench.start,
      family: 'llama',
      tokenizer: { task: 'countdown' },
      provenance: { name: 'micro' },
      createdAtMs: 7,
    })
    const numbers = parameterSpecs(MICRO_CONFIG).reduce((sum, { dims }) => sum + dims.reduce((a, b) => a * b, 1), 0)
    expect([model.parameterCount, model.bytes]).toEqual([numbers, 4 * numbers])
    expect(start.base).toEqual({ kind: 'model', id: model.sha256, name: 'micro' })
    expect((await startOf(relative(process.cwd(), bench.start))).modelId).toBe(start.modelId)
    expect((await startOf(`model:${start.modelId}`)).modelId).toBe(start.modelId)
    expect(vocabularyOf(start)).toEqual({ size: 416, tokenizer: null })
  })

  it('is called by its contents where nobody gave it a name', async () => {
    const tensors = new Map(
      parameterSpecs(MICRO_CONFIG).map(({ name, dims }) => [
        name,
        { dims, data: new Float32Array(dims.reduce((a, b) => a * b, 1)).fill(3) },
      ]),
    )
    const { id, path } = await saveCheckpoint(join(bench.folder, 'nameless'), { config: MICRO_CONFIG, tensors, meta: {} })
    expect((await startOf(path)).base).toEqual({ kind: 'model', id, name: id })
  })

  it('that came with the program is known as that, wherever the program lies', async () => {
    const { modelId, base } = await startOf('starter')
    expect(context.store.models.get(modelId)).toMatchObject({ name: 'starter', kind: 'starter', path: 'starter' })
    expect((await loadModel(context.store, context.store.models.get(modelId)!)).base).toEqual(base)
  })
})

describe('a checkpoint', () => {
  it('belongs to its run, step and model', async () => {
    const { modelId } = await startOf(bench.start)
    const id = await checkpointOf(modelId)
    const { runId, contentId } = context.store.checkpoints.get(id)!
    const start = await startOf(`checkpoint:${id}`)
    expect([start.runId, start.step, start.modelId, start.tokenizer]).toEqual([runId, 3, modelId, null])
    expect(start.base).toEqual({ kind: 'checkpoint', id: contentId, name: `checkpoint:${id}` })
  })

  it('whose model is not on record is put there itself', async () => {
    const id = await checkpointOf(null)
    const start = await startOf(`checkpoint:${id}`)
    expect(context.store.models.get(start.modelId)).toMatchObject({ name: `checkpoint:${id}`, kind: 'checkpoint' })
    expect(await tokenizerOfStart(context.store, `checkpoint:${id}`)).toBeNull()
  })

  it('of a model of text speaks with its tokenizer', async () => {
    const id = await checkpointOf(textId)
    expect((await startOf(`checkpoint:${id}`)).tokenizer).not.toBeNull()
    expect(await tokenizerOfStart(context.store, `checkpoint:${id}`)).not.toBeNull()
  })
})

describe('a model of this workspace', () => {
  it('is found by its id, by its name however that is written, or by the name that it is fetched by', () => {
    const fetched = recorded('SmolLM2-135M-Instruct')
    const numbered = recorded('424242')
    const find = (name: string): number => modelOf(context.store, name).id
    expect([find(`model:${textId}`), find('model:little'), find('LITTLE'), find('model:smollm2-135m'), find('model:424242')]).toEqual([
      textId,
      textId,
      textId,
      fetched.id,
      numbered.id,
    ])
  })

  it('of text has a tokenizer, in a notation none', async () => {
    const little = await startOf('model:little')
    expect(little.tokenizer).not.toBeNull()
    expect([little.modelId, little.runId, little.step, little.adapters]).toEqual([textId, null, null, null])
    expect(little.base).toEqual({ kind: 'model', id: context.store.models.get(textId)!.sha256, name: 'Little' })
    for (const name of ['starter', bench.start, 'checkpoint:999']) expect(await tokenizerOfStart(context.store, name)).toBeNull()
    expect(await tokenizerOfStart(context.store, 'model:little')).not.toBeNull()
    const { modelId } = await startOf(bench.start)
    expect(await tokenizerOf(context.store, context.store.models.get(modelId)!)).toBeNull()
    expect(await tokenizerOf(context.store, recorded('a notation', { kind: 'huggingface', config: { vocabSize: 416 } }))).toBeNull()
  })

  it('that another program serves has no weights here', async () => {
    const model = recorded('served one')
    expect(servedModel(context.store, 'model:served one')?.id).toBe(model.id)
    expect(['starter', 'checkpoint:1', `model:${textId}`, bench.start].map((name) => servedModel(context.store, name))).toEqual([
      null,
      null,
      null,
      null,
    ])
    await expect(startOf('model:served one')).rejects.toEqual(
      refusal('start.served', { found: 'served one, which another program serves' }),
    )
  })

  it('says its shape before it is read, as a checkpoint of it does', async () => {
    const { store } = context
    const { modelId } = await startOf(bench.start)
    const id = await checkpointOf(modelId)
    expect(configOfStart(store, `model:${modelId}`)).toEqual(MICRO_CONFIG)
    expect(configOfStart(store, `checkpoint:${id}`)).toEqual(MICRO_CONFIG)
    expect(configOfStart(store, `checkpoint:${await checkpointOf(null)}`)).toBeUndefined()
    expect(['starter', bench.start, 'model:little', 'checkpoint:999', 'model:999'].map((name) => configOfStart(store, name))).toEqual([
      undefined,
      undefined,
      undefined,
      undefined,
      undefined,
    ])
  })
})

describe('what computes with weights outside of a run', () => {
  const tests = (ok: boolean): DeviceTests => ({ of: () => ({ device: 'webgpu', ok, checks: [], durationMs: 1, atMs: 1 }), keep() {} })

  it('is the device of the run that made them, where that has shown its numbers, else the processor', async () => {
    const { store } = context
    const run = await checkpointOf(null, { ...microSpec(bench.start, { name: 'dr-grpo' }), device: 'webgpu' })
    const plain = await checkpointOf(null, { name: 'from before devices' })
    const on = (name: string, deviceTests?: DeviceTests) => deviceOf({ store, ...(deviceTests && { deviceTests }) }, name)
    expect([on(`checkpoint:${run}`, tests(true)), on(`checkpoint:${run}`, tests(false)), on(`checkpoint:${run}`)]).toEqual([
      'webgpu',
      'cpu',
      'cpu',
    ])
    for (const name of [`checkpoint:${plain}`, 'checkpoint:999', 'starter', `model:${textId}`]) expect(on(name, tests(true))).toBe('cpu')
  })
})

describe('a start as a run trains it', () => {
  it('is as it is where all of it trains, and has adapters drawn by the seed where these do', async () => {
    const start = await startOf(bench.start)
    expect(prepareStart(start, { rank: 0, alpha: 32, targets: 'q' }, 1)).toBe(start)
    const adapted = (seed: number) => [...prepareStart(start, { rank: 2, alpha: 8, targets: 'q' }, seed).adapters!]
    expect(adapted(1)).toEqual(adapted(1))
    expect(adapted(2)).not.toEqual(adapted(1))
  })

  /** A folder with adapters of the bench that say that they belong to these weights. */
  async function adaptersOn(start: Start, base: Start['base']): Promise<string> {
    const prepared = prepareStart(start, { rank: 2, alpha: 8, targets: 'q' }, 1)
    const dims = new Map(parameterSpecs(prepared.config).map((spec) => [spec.name, spec.dims]))
    const tensors = new Map([...prepared.adapters!].map(([name, data]) => [name, { dims: dims.get(name)!, data }]))
    return (await saveCheckpoint(join(bench.folder, `adapters of ${base.name}`), { config: prepared.config, tensors, meta: { base } })).path
  }

  it('goes on with adapters of its own in their shape alone, or without them', async () => {
    const start = await startOf(bench.start)
    const there = await startOf(await adaptersOn(start, { ...start.base, name: 'one that goes on' }))
    const on = prepareStart(there, { rank: 2, alpha: 8, targets: 'q' }, 9)
    expect([on.adapters, on.config.lora]).toEqual([there.adapters, { rank: 2, alpha: 8, targets: ['q'] }])
    for (const [chosen, found] of [
      [{ rank: 3, alpha: 8, targets: 'q' }, 'rank 3, alpha 8, targets q'],
      [{ rank: 2, alpha: 9, targets: 'q' }, 'rank 2, alpha 9, targets q'],
      [{ rank: 2, alpha: 8, targets: 'q,v' }, 'rank 2, alpha 8, targets q,v'],
    ] as const)
      expect(() => prepareStart(there, chosen, 1)).toThrow(
        refusal('run.adapters', { expected: 'the adapters of the start: rank 2, alpha 8, targets q', found, next: 'rank 0' }),
      )
    const whole = prepareStart(there, { rank: 0, alpha: 8, targets: 'q' }, 1)
    const names: string[] = []
    for await (const [name] of whole.weights) names.push(name)
    const plain = parameterSpecs(MICRO_CONFIG).map(({ name }) => name)
    expect([whole.adapters, whole.config.lora, names.toSorted()]).toEqual([null, undefined, plain.toSorted()])
  })

  it('is refused where the weights that its adapters belong to are gone', async () => {
    const start = await startOf(bench.start)
    const there = await startOf(await adaptersOn(start, start.base))
    expect([there.adapters?.size, there.base, there.tokenizer]).toEqual([2 * MICRO_CONFIG.layers, start.base, null])
    for (const kind of ['model', 'checkpoint'] as const)
      await expect(startOf(await adaptersOn(start, { kind, id: 'of no contents here', name: `a ${kind}` }))).rejects.toEqual(
        refusal('adapters.base', {
          expected: `the weights of a ${kind}, which these adapters were trained on`,
          found: `no ${kind} with the contents of no conten…`,
          next: 'Import that model again',
        }),
      )
  })
})
