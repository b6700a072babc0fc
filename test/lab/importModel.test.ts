// A model that comes in is what it was: its files with their checksums under a folder of its own, what it says of itself, and nothing half
// done beside it, however the import ended.
import { createHash } from 'node:crypto'
import { copyFileSync, cpSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { importAdapters, importModel, isModel, type ModelOptions } from '../../src-main/lab/files/importModel.ts'
import { loadCheckpoint, saveCheckpoint } from '../../src-main/model/checkpoint.ts'
import { writePeft, withAdapters } from '../../src-main/model/adapters.ts'
import { adapterSpecs, parameterCount, parameterSpecs } from '../../src-main/model/config.ts'
import { openStore } from '../../src-main/store/openStore.ts'
import type { Store } from '../../src-main/store/openStore.ts'
import { LITTLE_TEXT, writeLittleText } from '../model/littleText.ts'
import { MICRO_CONFIG, openBench } from './micro.ts'
import type { Bench } from './micro.ts'

const AT_MS = 1_800_000_000_000
const family = join(import.meta.dirname, '../fixtures/families/llama')
const signal = new AbortController().signal
const options: ModelOptions = { name: null, signal, now: () => AT_MS }
const sha256 = (path: string): string => createHash('sha256').update(readFileSync(path)).digest('hex')

let bench: Bench
let gguf: string
beforeAll(async () => {
  bench = await openBench()
  gguf = writeLittleText(join(bench.folder, 'Little.GGUF'))
})
afterAll(() => bench.dispose())

let store: Store
let count = 0
beforeEach(() => {
  store = openStore(join(bench.folder, `models-${count++}`), { create: true, program: 'test' })
})
afterEach(() => store.close())
/** Folders of models in the workspace, unfinished ones too. */
const folders = (): string[] => (existsSync(join(store.folder, 'models')) ? readdirSync(join(store.folder, 'models')) : [])
const bringing = async (path: string, more: Partial<ModelOptions> = {}) => {
  const { modelId, record } = await importModel(store, path, { ...options, ...more })
  return { model: store.models.get(modelId)!, record }
}

describe('a GGUF file', () => {
  it('is kept as it was, with its checksum, its tokenizer and what it says of itself', async () => {
    const { model, record } = await bringing(gguf)
    const digest = sha256(gguf)
    const copied = { name: 'model.gguf', bytes: statSync(gguf).size, sha256: digest }
    expect(model).toMatchObject({
      name: 'Little',
      kind: 'gguf',
      family: 'llama',
      config: { layers: 2, vocabSize: 704 },
      tokenizer: { files: ['model.gguf'], vocabSize: 700, task: null },
      parameterCount: parameterCount(LITTLE_TEXT),
      bytes: copied.bytes,
      sha256: digest,
      provenance: { from: 'Little.GGUF', licence: 'apache-2.0', dtypes: ['F32'], files: [copied], importedAtMs: AT_MS },
      createdAtMs: AT_MS,
    })
    expect((model.provenance as { statedName: unknown }).statedName === null).toBe(true)
    expect(folders().map((name) => join('models', name))).toEqual([model.path])
    expect(sha256(join(store.folder, model.path, 'model.gguf'))).toBe(digest)
    expect(model.path).toBe(join('models', digest.slice(0, 32)))
    expect(record).toEqual({
      importId: `${AT_MS}-00000000`,
      kind: 'model',
      files: [{ ...copied, format: 'gguf', compression: 'none', source: null, rows: 0, imported: 0, rejected: 0, notes: [] }],
      rows: 1,
      imported: 1,
      rejectedRows: 0,
      rejectedByCode: {},
      similar: { count: 0, examples: [] },
      split: null,
      why: { roles: '', grader: '' },
      notes: [],
      atMs: AT_MS,
    })
  })

  it('that is here already is refused by the name it has, and leaves nothing', async () => {
    const { model } = await bringing(gguf, { name: 'mine' })
    const again = join(bench.folder, 'other.gguf')
    copyFileSync(gguf, again)
    await expect(bringing(again)).rejects.toMatchObject({
      code: 'model.known',
      expected: 'a model that is not here yet',
      found: 'the same weights under the name mine',
      next: 'Use that one.',
    })
    expect(folders().map((name) => join('models', name))).toEqual([model.path])
  })

  it('takes the place of what a killed import left under its name', async () => {
    const place = join(store.folder, 'models', sha256(gguf).slice(0, 32))
    mkdirSync(join(place, 'half'), { recursive: true })
    const { model } = await bringing(gguf)
    expect(readdirSync(join(store.folder, model.path))).toEqual(['model.gguf'])
  })

  it('whose import is cancelled leaves nothing', async () => {
    await expect(bringing(gguf, { signal: AbortSignal.abort() })).rejects.toThrow()
    expect([folders(), store.models.list()]).toEqual([[], []])
  })
})

describe('a folder of the transformers library', () => {
  it('is kept with every file that makes the model, each with its checksum, and no more', async () => {
    const folder = join(bench.folder, 'family')
    cpSync(family, folder, { recursive: true })
    writeFileSync(join(folder, 'events.log'), 'not of the model')
    expect(await isModel(folder)).toBe(true)
    const { model, record } = await bringing(folder)
    const names = record.files.map(({ name }) => name)
    expect(names).toEqual(expect.arrayContaining(['config.json', 'model.safetensors']))
    expect(readdirSync(join(store.folder, model.path)).sort()).toEqual([...names].sort())
    expect(record.files.map(({ name, bytes, sha256: digest }) => [name, bytes, digest])).toEqual(
      names.map((name) => [name, statSync(join(folder, name)).size, sha256(join(folder, name))]),
    )
    expect(record.files.find(({ name }) => name === 'model.safetensors')!.format).toBe('safetensors')
    expect(model).toMatchObject({
      name: 'family',
      kind: 'huggingface',
      bytes: record.files.reduce((sum, { bytes }) => sum + bytes, 0),
      tokenizer: { task: null, files: names.filter((name) => /token|vocab|merges/.test(name)) },
      provenance: {
        from: 'family',
        statedName: null,
        dtypes: expect.arrayContaining([expect.stringMatching(/^B?F\d+$/)]) as unknown,
        files: record.files.map(({ name, bytes, sha256: digest }) => ({ name, bytes, sha256: digest })),
        importedAtMs: AT_MS,
      },
      createdAtMs: AT_MS,
    })
    expect(model.path).toBe(join('models', model.sha256.slice(0, 32)))
    expect(model.parameterCount).toBe(parameterCount(model.config as never))
    expect(folders().map((name) => join('models', name))).toEqual([model.path])
  })

  it('says under which name it was made, comes in by any one of its files, and only once', async () => {
    const folder = join(bench.folder, 'stated')
    cpSync(family, folder, { recursive: true })
    const stated = JSON.parse(readFileSync(join(family, 'config.json'), 'utf8')) as object
    writeFileSync(join(folder, 'config.json'), JSON.stringify({ ...stated, _name_or_path: 'maker/model' }))
    const { model } = await bringing(join(folder, 'model.safetensors'), { name: 'by a file' })
    expect(model).toMatchObject({ name: 'by a file', kind: 'huggingface', provenance: { from: 'stated', statedName: 'maker/model' } })
    await expect(bringing(folder)).rejects.toMatchObject({ code: 'model.known' })
    expect(folders().map((name) => join('models', name))).toEqual([model.path])
  })

  it('takes the place of what a killed import left under its name', async () => {
    const { model } = await bringing(family)
    store.models.remove(model.id)
    writeFileSync(join(store.folder, model.path, 'half'), '')
    const again = (await bringing(family)).model
    expect(again.path).toBe(model.path)
    expect(readdirSync(join(store.folder, again.path))).not.toContain('half')
  })

  it('without config.json is none, though one GGUF file lies beside the file that was named, or two are in it', async () => {
    const folder = join(bench.folder, 'loose')
    mkdirSync(folder)
    copyFileSync(join(family, 'model.safetensors'), join(folder, 'model.safetensors'))
    copyFileSync(gguf, join(folder, 'one.gguf'))
    await expect(bringing(join(folder, 'model.safetensors'))).rejects.toMatchObject({
      code: 'model.single',
      expected: expect.stringContaining('config.json') as unknown,
      found: 'model.safetensors alone',
      next: expect.stringContaining('Drop the whole folder') as unknown,
    })
    copyFileSync(gguf, join(folder, 'two.gguf'))
    await expect(bringing(folder)).rejects.toMatchObject({ code: expect.stringMatching(/^model\.(?!known)/) as unknown })
    expect([folders(), store.models.list()]).toEqual([[], []])
  })
})

describe('a checkpoint of this program', () => {
  it('is kept under its name with the task whose words it speaks', async () => {
    const { model, record } = await bringing(bench.start)
    expect(record.files.map(({ name }) => name)).toEqual(['checkpoint.json', 'weights.safetensors'])
    expect(model).toMatchObject({
      name: 'micro',
      kind: 'checkpoint',
      family: 'llama',
      path: join('models', basename(bench.start)),
      sha256: basename(bench.start),
      parameterCount: parameterSpecs(MICRO_CONFIG).reduce((sum, { dims }) => sum + dims.reduce((product, dim) => product * dim, 1), 0),
      bytes: record.files.reduce((sum, { bytes }) => sum + bytes, 0),
      tokenizer: { task: expect.any(String) as unknown },
    })
    expect(model).toMatchObject({
      provenance: {
        from: basename(bench.start),
        meta: { name: 'micro' },
        files: record.files.map(({ name, bytes, sha256: digest }) => ({ name, bytes, sha256: digest })),
        importedAtMs: AT_MS,
      },
      createdAtMs: AT_MS,
    })
    expect(folders()).toEqual([basename(bench.start)])
    await expect(bringing(bench.start)).rejects.toMatchObject({ code: 'model.known' })
    expect(readdirSync(join(store.folder, model.path)).sort()).toEqual(['checkpoint.json', 'weights.safetensors'])
  })

  it('is called as asked, takes the place of what a killed import left, and leaves nothing when it is cancelled', async () => {
    await expect(bringing(bench.start, { signal: AbortSignal.abort() })).rejects.toThrow()
    expect([folders(), store.models.list()]).toEqual([[], []])
    mkdirSync(join(store.folder, 'models', basename(bench.start), 'half'), { recursive: true })
    const { model } = await bringing(bench.start, { name: 'asked' })
    expect(model.name).toBe('asked')
    expect(readdirSync(join(store.folder, model.path))).not.toContain('half')
  })

  it('without a name is called after its folder, and keeps what its training goes on from', async () => {
    const data = (fill: number) =>
      new Map(
        parameterSpecs(MICRO_CONFIG).map(({ name, dims }) => [
          name,
          { dims, data: new Float32Array(dims.reduce((a, b) => a * b, 1)).fill(fill) },
        ]),
      )
    const optimizer = Object.fromEntries([...data(0)].map(([name, tensor]) => [`m/${name}`, tensor]))
    const { path } = await saveCheckpoint(join(bench.folder, 'trained'), {
      config: MICRO_CONFIG,
      tensors: data(0.5),
      optimizer,
      meta: { step: 3 },
    })
    const { model, record } = await bringing(path)
    expect([model.name, record.files.map(({ name }) => name)]).toEqual([
      basename(path),
      ['checkpoint.json', 'weights.safetensors', 'optimizer.safetensors'],
    ])
    expect((await loadCheckpoint(join(store.folder, model.path))).meta).toEqual({ step: 3 })
  })
})

describe('adapters of PEFT', () => {
  it('become a checkpoint that names the model they belong to, with nothing beside it', async () => {
    const { model: base } = await bringing(gguf, { name: 'base' })
    const config = withAdapters(LITTLE_TEXT, { rank: 2, alpha: 4, targets: ['q'] })
    const adapters = new Map(adapterSpecs(config).map(({ name, dims }) => [name, new Float32Array(dims[0]! * dims[1]!).fill(0.5)]))
    await writePeft(join(bench.folder, 'adapters'), config, adapters, 'stated base')
    const { modelId, record } = await importAdapters(store, join(bench.folder, 'adapters'), base.id, options)
    const model = store.models.get(modelId)!
    expect(model).toMatchObject({
      name: 'adapters',
      kind: 'checkpoint',
      config: { lora: { rank: 2, alpha: 4, targets: ['q'] } },
      provenance: { meta: { statedBase: 'stated base', base: { kind: 'model', id: base.sha256, name: 'base' } } },
    })
    expect(folders().sort()).toEqual([basename(base.path), basename(model.path)].sort())
    expect(readdirSync(join(store.folder, model.path)).sort()).toEqual(record.files.map(({ name }) => name).sort())
  })

  it('are put on no model that has some already, and on none that is not here', async () => {
    const { model: base } = await bringing(gguf, { name: 'base' })
    const config = withAdapters(LITTLE_TEXT, { rank: 2, alpha: 4, targets: ['q'] })
    const adapters = new Map(adapterSpecs(config).map(({ name, dims }) => [name, new Float32Array(dims[0]! * dims[1]!).fill(0.25)]))
    const folder = join(bench.folder, 'more adapters')
    await writePeft(folder, config, adapters, 'stated base')
    const { modelId } = await importAdapters(store, folder, base.id, { ...options, name: 'mine' })
    expect(store.models.get(modelId)).toMatchObject({
      name: 'mine',
      provenance: { meta: { name: 'more adapters', made: 'from adapters of PEFT' } },
    })
    await expect(importAdapters(store, folder, modelId, options)).rejects.toMatchObject({
      code: 'adapters.onAdapters',
      expected: 'a model without adapters to put these on',
      found: 'mine, which has some',
      next: 'Name the model that both were trained on.',
    })
    await expect(importAdapters(store, folder, 99, options)).rejects.toMatchObject({
      code: 'model.unknown',
      expected: 'the id of a model here',
      found: '99',
      next: 'See mrt models list.',
    })
    // The same adapters again leave nothing but what was there.
    const before = folders()
    await expect(importAdapters(store, folder, base.id, options)).rejects.toMatchObject({ code: 'model.known' })
    expect(folders()).toEqual(before)
  })
})
