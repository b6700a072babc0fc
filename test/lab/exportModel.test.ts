// Models and adapters out of the workspace and in again: PEFT's folders, and merged ones as the transformers library loads them. That the
// genuine libraries load both and agree is asked by bench/peers/adapters.ts.
import { copyFileSync, cpSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { isAbsolute, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { exportModel } from '../../src-main/lab/training/exportModel.ts'
import { importAdapters, importModel } from '../../src-main/lab/files/importModel.ts'
import type { OpenedContext } from '../../src-main/lab/process/openContext.ts'
import { loadStart, tokenizerOfStart } from '../../src-main/lab/training/start.ts'
import type { Start } from '../../src-main/lab/training/start.ts'
import { createRun } from '../../src-main/lab/training/createRun.ts'
import { trainRun } from '../../src-main/lab/training/trainRun.ts'
import { readPeft, withAdapters, writePeft } from '../../src-main/model/adapters.ts'
import { adapterSpecs, LINEARS } from '../../src-main/model/config.ts'
import { configFromHuggingFace, configToHuggingFace } from '../../src-main/model/families.ts'
import { openSafetensors, writeSafetensors } from '../../src-main/model/safetensors.ts'
import type { TensorData } from '../../src-main/model/safetensors.ts'
import { createRng } from '../../src-main/numeric/rng.ts'
import { loadWeights, openPolicy } from '../../src-main/rollout/policy.ts'
import { LITTLE_TEXT, writeLittleText } from '../model/littleText.ts'
import { microSpec, openBench } from './micro.ts'
import type { Bench } from './micro.ts'
import { refusal } from './refusal.ts'

let bench: Bench
let context: OpenedContext
let checkpoint: string
const options = { name: null, signal: new AbortController().signal, now: Date.now }
const at = (name: string): string => join(bench.folder, name)
const startOf = (name: string): Promise<Start> => loadStart(context.store, name, Date.now)
const fixtures = join(import.meta.dirname, '../fixtures/families')

beforeAll(async () => {
  bench = await openBench()
  context = bench.open('workspace')
  await importModel(context.store, writeLittleText(at('little.gguf')), { ...options, name: 'little' })
  const runId = await createRun(
    context,
    microSpec(
      'model:1',
      { name: 'mrt-exact' },
      {
        steps: 2,
        task: { name: 'arithmetic' },
        budget: { thinkingTokens: 12, answerTokens: 5 },
        optimizer: { lr: 3e-2 },
        adapters: { rank: 2, alpha: 8, targets: 'q,o,up' },
      },
    ),
  )
  await trainRun(context, runId)
  checkpoint = `checkpoint:${context.store.checkpoints.newestResumable(runId)!.id}`
})
afterAll(() => {
  context.close()
  bench.dispose()
})

it('is the one GGUF file of a folder without config.json, and the whole folder where that is there', async () => {
  const folder = at('download')
  mkdirSync(folder)
  writeFileSync(join(folder, 'README.md'), '')
  copyFileSync(writeLittleText(at('other.gguf'), 13), join(folder, 'other.gguf'))
  const first = await importModel(context.store, folder, { ...options, name: 'of a folder' })
  expect(context.store.models.get(first.modelId)).toMatchObject({ kind: 'gguf', name: 'of a folder' })
  cpSync(join(fixtures, 'llama'), folder, { recursive: true })
  const second = await importModel(context.store, folder, { ...options, name: 'both' })
  expect(context.store.models.get(second.modelId)).toMatchObject({ kind: 'huggingface', name: 'both' })
  const alone = at('alone')
  mkdirSync(alone)
  copyFileSync(join(fixtures, 'llama/model.safetensors'), join(alone, 'model.safetensors'))
  await expect(importModel(context.store, join(alone, 'model.safetensors'), options)).rejects.toMatchObject({ code: 'model.single' })
})

async function logpsOf({ config, weights }: Pick<Start, 'config' | 'weights'>): Promise<Float32Array> {
  const parameters = await loadWeights(context.engine, config, weights)
  const policy = await openPolicy(context.engine, config, parameters, { rows: 1, maxLength: 32 })
  const [logps] = await policy.score([{ prompt: [5, 6, 7], completion: [100, 200, 300, 400, 500, 600] }])
  policy.dispose()
  parameters.dispose()
  return logps!
}
const furthest = (a: ArrayLike<number>, b: ArrayLike<number>): number => Math.max(...Array.from(a, (value, i) => Math.abs(value - b[i]!)))

describe('an export of adapters', () => {
  it('merged is a model in every word of the transformers library, that answers as the checkpoint does', async () => {
    const exported = await exportModel(context.store, { name: checkpoint, folder: at('merged'), adapters: false }, Date.now)
    const { files, parameters } = exported
    expect([exported.folder, exported.base]).toEqual([at('merged'), 'little'])
    const said = (file: string): unknown => JSON.parse(readFileSync(join(at('merged'), file), 'utf8'))
    expect(said('tokenizer_config.json')).toMatchObject({
      tokenizer_class: 'PreTrainedTokenizerFast',
      clean_up_tokenization_spaces: false,
      chat_template: expect.stringContaining('im_start') as unknown,
    })
    expect(said('generation_config.json')).toMatchObject({ eos_token_id: [2] })
    expect(files).toEqual(['config.json', 'generation_config.json', 'model.safetensors', 'tokenizer.json', 'tokenizer_config.json'])
    const { modelId } = await importModel(context.store, at('merged'), options)
    expect(context.store.models.get(modelId)).toMatchObject({ kind: 'huggingface', parameterCount: parameters })
    const [merged, adapted, plain] = [await startOf(`model:${modelId}`), await startOf(checkpoint), await startOf('model:1')]
    expect(merged.config).toEqual(plain.config)
    const logps = await logpsOf(merged)
    expect(furthest(logps, await logpsOf(adapted))).toBeLessThan(2e-5)
    expect(furthest(logps, await logpsOf(plain))).toBeGreaterThan(1e-3)
    const text = 'What is 12 + 7? \u00e9\u00e8 '
    expect(merged.tokenizer!.encode(text)).toEqual(plain.tokenizer!.encode(text))
    expect(merged.tokenizer!.chat([{ role: 'user', content: text }])).toEqual(plain.tokenizer!.chat([{ role: 'user', content: text }]))
    expect(merged.tokenizer!.stopTokens).toEqual(plain.tokenizer!.stopTokens)
  })

  it('alone is a folder of PEFT that comes in again on the same model, as a start for runs', async () => {
    await exportModel(context.store, { name: checkpoint, folder: at('peft'), adapters: true }, Date.now)
    expect(JSON.parse(readFileSync(join(at('peft'), 'adapter_config.json'), 'utf8'))).toMatchObject({
      peft_type: 'LORA',
      r: 2,
      lora_alpha: 8,
      target_modules: ['q_proj', 'o_proj', 'up_proj'],
      base_model_name_or_path: 'little',
    })
    const stored = await openSafetensors(join(at('peft'), 'adapter_model.safetensors'))
    await stored.close()
    expect(stored.entries.map(({ name }) => name)).toContain('base_model.model.model.layers.1.self_attn.q_proj.lora_A.weight')
    const { modelId } = await importAdapters(context.store, at('peft'), 1, options)
    const [again, before] = [await startOf(`model:${modelId}`), await startOf(checkpoint)]
    expect([...again.adapters!].sort()).toEqual([...before.adapters!].sort())
    expect(await logpsOf(again)).toEqual(await logpsOf(before))
    expect(again.tokenizer).not.toBeNull()
    // Known without reading any weights.
    for (const name of [`model:${modelId}`, checkpoint])
      expect((await tokenizerOfStart(context.store, name))!.encode('What')).toEqual(again.tokenizer!.encode('What'))
    // Merged again, it speaks in the words of the model that lies beneath.
    const merged = await exportModel(context.store, { name: `model:${modelId}`, folder: at('merged again'), adapters: false }, Date.now)
    expect(merged.files).toContain('tokenizer.json')
    await expect(importAdapters(context.store, at('peft'), modelId, options)).rejects.toMatchObject({ code: 'adapters.onAdapters' })
    await expect(importAdapters(context.store, at('peft'), 999, options)).rejects.toMatchObject({ code: 'model.unknown' })
  })

  it('touches no folder that has files, and is refused where there are no adapters', async () => {
    mkdirSync(at('full'), { recursive: true })
    writeFileSync(join(at('full'), 'mine.txt'), 'mine')
    const refused = (expected: unknown, name: string, folder: string) =>
      expect(exportModel(context.store, { name, folder, adapters: true }, Date.now)).rejects.toEqual(expected)
    await refused(
      refusal('export.folder', { expected: `an empty or new folder at ${at('full')}`, found: '1 files', next: 'Name another folder' }),
      checkpoint,
      at('full'),
    )
    await refused(
      refusal('export.noAdapters', { expected: 'adapters in model:1', found: 'whole weights', next: 'Leave out --adapters' }),
      'model:1',
      at('none'),
    )
    await refused(expect.objectContaining({ code: 'ENOTDIR' }), checkpoint, join(at('full'), 'mine.txt'))
    expect([existsSync(at('none')), readFileSync(join(at('full'), 'mine.txt'), 'utf8')]).toEqual([false, 'mine'])
    expect(readdirSync(bench.folder).filter((name) => name.includes('unfinished'))).toEqual([])
  })
})

describe('an export of whole weights', () => {
  it('has the tokenizer of a folder as it lies there and no other file of it, and none where the model speaks a notation', async () => {
    const { files } = await exportModel(context.store, { name: 'model:1', folder: at('whole'), adapters: false }, Date.now)
    const { modelId } = await importModel(context.store, at('whole'), { ...options, name: 'again' })
    const { path } = context.store.models.get(modelId)!
    const place = isAbsolute(path) ? path : join(context.store.folder, path)
    writeFileSync(join(place, 'notes.json'), '{}')
    const twice = await exportModel(context.store, { name: `model:${modelId}`, folder: at('twice'), adapters: false }, Date.now)
    expect(twice.files).toEqual(files)
    for (const file of files.filter((name) => name.startsWith('tokenizer')))
      expect(readFileSync(join(at('twice'), file), 'utf8')).toBe(readFileSync(join(place, file), 'utf8'))
    const notated = await exportModel(context.store, { name: bench.start, folder: at('notated'), adapters: false }, Date.now)
    expect(notated.files).toContain('model.safetensors')
    expect(notated.files.filter((name) => name.startsWith('tokenizer'))).toEqual([])
  })

  it('says how many numbers were written: of adapters alone those, of merged ones none of theirs', async () => {
    const written = async (name: string, adapters: boolean): Promise<number> => {
      const folder = at(`counted-${name.replace(':', '')}-${adapters}`)
      return (await exportModel(context.store, { name, folder, adapters }, Date.now)).parameters
    }
    const start = await startOf(checkpoint)
    const own = [...start.adapters!.values()].reduce((sum, { length }) => sum + length, 0)
    expect(await written(checkpoint, true)).toBe(own)
    const whole = await written('model:1', false)
    expect([whole, await written(checkpoint, false)]).toEqual([context.store.models.get(1)!.parameterCount, whole])
  })
})

describe('a configuration', () => {
  it.each(['llama', 'llama-bias', 'llama3', 'linear', 'yarn', 'qwen2', 'qwen3'])('is read as it was written (%s)', (name) => {
    const config = configFromHuggingFace(JSON.parse(readFileSync(join(fixtures, name, 'config.json'), 'utf8')))
    expect(configFromHuggingFace(configToHuggingFace(config))).toEqual(config)
  })
})

describe('a folder of PEFT', () => {
  const config = withAdapters(LITTLE_TEXT, { rank: 3, alpha: 6, targets: ['k', 'down'] })
  const rng = createRng(4)
  const adapters = new Map(
    adapterSpecs(config).map(({ name, dims }) => [name, Float32Array.from({ length: dims[0]! * dims[1]! }, () => rng.gaussian())]),
  )
  let count = 0
  async function folderWith(stated: Record<string, unknown>, tensors?: (all: Map<string, TensorData>) => void): Promise<string> {
    const folder = at(`peft-${count++}`)
    await writePeft(folder, config, adapters, null)
    const file = join(folder, 'adapter_config.json')
    writeFileSync(file, JSON.stringify({ ...JSON.parse(readFileSync(file, 'utf8')), ...stated }))
    if (!tensors) return folder
    const other = at(`peft-${count++}`)
    mkdirSync(other)
    writeFileSync(join(other, 'adapter_config.json'), readFileSync(file))
    const all = new Map(
      adapterSpecs(config).map(({ name, dims }): [string, TensorData] => [`base_model.model.${name}`, { dims, data: adapters.get(name)! }]),
    )
    tensors(all)
    await writeSafetensors(join(other, 'adapter_model.safetensors'), all)
    return other
  }

  it('gives back what was written', async () => {
    const read = await readPeft(await folderWith({}), LITTLE_TEXT)
    expect(read.config).toEqual(config)
    expect([...read.adapters].sort()).toEqual([...adapters].sort())
  })

  it('with ranks stabilised says the same adapters with another alpha', async () => {
    expect((await readPeft(await folderWith({ use_rslora: true }), LITTLE_TEXT)).config.lora!.alpha).toBeCloseTo(6 * Math.sqrt(3), 6)
  })

  it.each([
    ['adapter.kind', { use_dora: true }, 'DoRA'],
    ['adapter.kind', { peft_type: 'IA3' }, 'another kind'],
    ['adapter.kind', { bias: 'all' }, 'biases'],
    ['adapter.kind', { modules_to_save: ['lm_head'] }, 'trained whole'],
    ['adapter.kind', { rank_pattern: { 'layers.0': 4 } }, 'ranks that differ'],
    ['adapter.kind', { layers_to_transform: [0] }, 'some of the layers'],
    ['adapter.config', { r: 'two' }, '"two"'],
    ['adapter.shape', { r: 400 }, '400'],
    ['adapter.tensors', { r: 2 }, '[3, 96]'],
  ])('is refused with %s for %o', async (code, stated, found) => {
    await expect(readPeft(await folderWith(stated), LITTLE_TEXT)).rejects.toMatchObject({
      code,
      found: expect.stringContaining(found) as unknown,
    })
  })

  it('is refused for a tensor that is missing, of another model, or not finite, and for a folder without one', async () => {
    const first = 'base_model.model.model.layers.0.self_attn.k_proj.lora_A.weight'
    await expect(
      readPeft(await folderWith({}, (all) => all.delete('base_model.model.model.layers.1.mlp.down_proj.lora_B.weight')), LITTLE_TEXT),
    ).rejects.toMatchObject({ code: 'adapter.tensors' })
    await expect(
      readPeft(await folderWith({}, (all) => all.set('base_model.model.lm_head.lora_A.weight', all.get(first)!)), LITTLE_TEXT),
    ).rejects.toMatchObject({ code: 'adapter.tensors', found: 'base_model.model.lm_head.lora_A.weight' })
    await expect(
      readPeft(await folderWith({}, (all) => all.set(first, { dims: [3, 64], data: new Float32Array(192).fill(Number.NaN) })), LITTLE_TEXT),
    ).rejects.toMatchObject({ code: 'model.values' })
    await expect(readPeft(await folderWith({}), { ...LITTLE_TEXT, hiddenSize: 80 })).rejects.toMatchObject({ code: 'adapter.tensors' })
    await expect(readPeft(at('nothing-here'), LITTLE_TEXT)).rejects.toMatchObject({ code: 'adapter.missing' })
  })

  it('has every linear map by the name that PEFT gives it', async () => {
    const folder = at('all-linears')
    const all = withAdapters(LITTLE_TEXT, { rank: 1, alpha: 1 })
    await writePeft(folder, all, new Map(adapterSpecs(all).map(({ name, dims }) => [name, new Float32Array(dims[0]! * dims[1]!)])), 'base')
    expect(all.lora!.targets).toEqual(LINEARS)
    expect((JSON.parse(readFileSync(join(folder, 'adapter_config.json'), 'utf8')) as { target_modules: string[] }).target_modules).toEqual([
      'q_proj',
      'k_proj',
      'v_proj',
      'o_proj',
      'gate_proj',
      'up_proj',
      'down_proj',
    ])
  })
})
