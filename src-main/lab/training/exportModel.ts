// A model or checkpoint as a folder of the Hugging Face libraries: whole, with adapters merged into its weights and its tokenizer beside it, or
// the adapters alone as PEFT saves them.
import { copyFile, readdir, rename, rm, writeFile } from 'node:fs/promises'
import { isAbsolute, join, resolve } from 'node:path'
import { LabError, type Model } from '../../../src-preload/contract.ts'
import { writePeft } from '../../model/adapters.ts'
import { trainedCount, parameterCount } from '../../model/config.ts'
import { readGgufModel } from '../../model/ggufModel.ts'
import { writeHuggingFace } from '../../model/huggingFace.ts'
import { ggufTokenizerParts } from '../../model/tokenizers/gguf.ts'
import type { Store } from '../../store/openStore.ts'
import { GGUF_FILE, loadStart, prepareStart } from './start.ts'
import type { Start } from './start.ts'
import { makeFolder } from '../../disk/makeFolder.ts'

export interface ModelExport {
  /** `model:<id>`, `checkpoint:<id>`, or what else a run may start from. */
  readonly name: string
  /** Made by the export; what is there already is not touched. */
  readonly folder: string
  /** The adapters alone. */
  readonly adapters: boolean
}

export interface ExportedModel {
  readonly folder: string
  readonly files: string[]
  /** Numbers written. */
  readonly parameters: number
  readonly base: string
}

/** Throws LabError `export.folder`, `export.noAdapters`, `start.unknown`, `adapters.base`, ModelFileError `model.export`, and what reading the weights throws. */
export async function exportModel(store: Store, { name, folder, adapters }: ModelExport, now: () => number): Promise<ExportedModel> {
  const place = resolve(folder)
  const there = await readdir(place).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return []
    throw error
  })
  if (there.length > 0)
    throw new LabError('export.folder', {
      expected: `an empty or new folder at ${place}`,
      found: `${there.length} files in it`,
      next: 'Name another folder.',
    })
  const start = await loadStart(store, name, now)
  if (adapters && start.adapters === null)
    throw new LabError('export.noAdapters', {
      expected: `adapters in ${name}`,
      found: 'whole weights',
      next: 'Leave out --adapters, or name a checkpoint of a run with adapters.',
    })
  const origin = originOf(store, start)
  const unfinished = `${place}.unfinished-${process.pid}`
  makeFolder(unfinished)
  try {
    if (adapters) await writePeft(unfinished, start.config, start.adapters!, statedName(origin) ?? start.base.name)
    else {
      const whole = prepareStart(start, { rank: 0, alpha: 1, targets: 'q' }, 0)
      await writeHuggingFace(unfinished, whole.config, whole.weights)
      if (origin !== null) await writeTokenizer(store, origin, unfinished)
    }
    await rm(place, { recursive: true, force: true })
    await rename(unfinished, place)
  } finally {
    await rm(unfinished, { recursive: true, force: true })
  }
  const numbers = adapters ? trainedCount(start.config) : parameterCount(prepareStart(start, { rank: 0, alpha: 1, targets: 'q' }, 0).config)
  return { folder: place, files: (await readdir(place)).sort(), parameters: numbers, base: start.base.name }
}

/** The imported model behind a start, which knows the tokenizer; null for one of this program's own. */
function originOf(store: Store, { base, modelId }: Start): Model | null {
  const known = [base.kind === 'model' ? store.models.bySha256(base.id) : null, store.models.get(modelId)]
  return known.find((model) => model?.kind === 'gguf' || model?.kind === 'huggingface') ?? null
}

function statedName(model: Model | null): string | null {
  const { statedName: name } = (model?.provenance ?? {}) as { statedName?: unknown }
  return typeof name === 'string' ? name : null
}

const COPIED =
  /^(generation_config|tokenizer|tokenizer_config|special_tokens_map|vocab|added_tokens)\.json$|^merges\.txt$|^tokenizer\.model$|^chat_template\.jinja$/

/** A folder's tokenizer as it is; that of a GGUF file in the files that the transformers library reads. */
async function writeTokenizer(store: Store, { kind, path, name }: Model, folder: string): Promise<void> {
  const place = isAbsolute(path) ? path : join(store.folder, path)
  if (kind === 'huggingface') {
    for (const file of await readdir(place)) if (COPIED.test(file)) await copyFile(join(place, file), join(folder, file))
    return
  }
  const { metadata } = await readGgufModel(join(place, GGUF_FILE))
  const { json, config, template, stopTokens, bos } = ggufTokenizerParts(metadata, name)
  const write = (file: string, value: unknown): Promise<void> =>
    writeFile(join(folder, file), `${JSON.stringify(value, null, 1)}\n`, { flag: 'wx' })
  const marks = Object.fromEntries(Object.entries(config).filter(([, mark]) => mark !== ''))
  await write('tokenizer.json', json)
  await write('tokenizer_config.json', {
    tokenizer_class: 'PreTrainedTokenizerFast',
    clean_up_tokenization_spaces: false,
    add_bos_token: bos !== null,
    ...marks,
    ...(template !== null && { chat_template: template }),
  })
  await write('generation_config.json', { ...(bos !== null && { bos_token_id: bos }), eos_token_id: stopTokens })
}
