// Low-rank adapters as files and as weights: put on a configuration, merged into the matrices they adapt, and read from and written to the
// folders of the PEFT library (adapter_config.json and adapter_model.safetensors), under its names. What PEFT can train and is not
// computed here (DoRA, ranks that differ by layer, adapters of embeddings or heads, modules trained whole) is refused by name.
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { adapterNames, adapterSpecs, layerNames, LINEARS, parameterSpecs, withoutAdapters } from './config.ts'
import type { HeldIn, Linear, LlamaConfig } from './config.ts'
import { modelRefusal as refusal, type Fields } from './families.ts'
import { finite } from './huggingFace.ts'
import { openSafetensors, writeSafetensors } from './safetensors.ts'

/** What a person chooses of adapters. */
export interface AdapterChoice {
  readonly rank: number
  readonly alpha: number
  /** All linear maps of the layers unless given. */
  readonly targets?: readonly Linear[]
  /** What the frozen matrices are held in; float32 unless given. */
  readonly held?: HeldIn | undefined
}

/** Targets as a specification writes them, with commas between them. */
const targetsOf = (text: string): readonly Linear[] => text.split(',') as Linear[]

/** What a specification writes of adapters, as a model takes it. */
export const chosenAdapters = ({
  rank,
  alpha,
  targets,
  frozen = 'float32',
}: {
  readonly rank: number
  readonly alpha: number
  readonly targets: string
  readonly frozen?: 'float32' | HeldIn | undefined
}): AdapterChoice => ({ rank, alpha, targets: targetsOf(targets), held: frozen === 'float32' ? undefined : frozen })

/** The model with adapters of this shape, or without any for rank 0. Throws ModelFileError `adapter.shape`. */
export function withAdapters(config: LlamaConfig, { rank, alpha, targets = LINEARS, held }: AdapterChoice): LlamaConfig {
  const { held: _held, ...base } = withoutAdapters(config)
  if (rank === 0) return base
  const widest = Math.min(config.hiddenSize, config.intermediateSize, config.kvHeads * config.headDim)
  const shape = (expected: string, found: string) => refusal('adapter.shape', expected, found, 'Correct the adapters and start again.')
  if (!Number.isSafeInteger(rank) || rank < 1 || rank > widest)
    throw shape(`a rank of 1 to ${widest}, the narrowest matrix of this model`, String(rank))
  if (!(alpha > 0) || !Number.isFinite(alpha)) throw shape('an alpha above 0', String(alpha))
  const other = targets.find((target) => !(LINEARS as readonly string[]).includes(target))
  if (other !== undefined || targets.length === 0) throw shape(`targets among ${LINEARS.join(', ')}`, other ?? 'none')
  return { ...base, lora: { rank, alpha, targets: LINEARS.filter((target) => targets.includes(target)) }, ...(held && { held }) }
}

/** W + (alpha / rank) B A of a matrix that has an adapter, in memory of its own; any other parameter as it is. */
export function mergedParameter(
  { lora }: LlamaConfig,
  name: string,
  values: Float32Array,
  adapters: ReadonlyMap<string, Float32Array>,
): Float32Array {
  if (!lora?.targets.some((target) => name.endsWith(`.${moduleOf(target)}.weight`))) return values
  const names = adapterNames(name)
  const [a, b] = [adapters.get(names.a)!, adapters.get(names.b)!]
  const into = a.length / lora.rank
  const merged = values.slice()
  const delta = new Float64Array(into)
  for (let row = 0; row * into < merged.length; row++) {
    delta.fill(0)
    for (let r = 0; r < lora.rank; r++) {
      const factor = (lora.alpha / lora.rank) * b[row * lora.rank + r]!
      for (let i = 0; i < into; i++) delta[i]! += factor * a[r * into + i]!
    }
    for (let i = 0; i < into; i++) merged[row * into + i]! += delta[i]!
  }
  return merged
}

/** The parameters of the model without adapters, each adapted matrix merged with its adapter. */
export function* mergedWeights(
  config: LlamaConfig,
  tensors: ReadonlyMap<string, Float32Array>,
): Generator<readonly [string, Float32Array]> {
  for (const { name } of parameterSpecs(withoutAdapters(config))) yield [name, mergedParameter(config, name, tensors.get(name)!, tensors)]
}

const CONFIG = 'adapter_config.json'
const TENSORS = 'adapter_model.safetensors'
/** PEFT names a tensor by its path in the wrapped model. */
const PREFIX = 'base_model.model.'
const moduleOf = (target: Linear): string => layerNames(0)[target].split('.').at(-2)!

/** Writes adapters as PEFT's `save_pretrained` does. Throws for a model without adapters. */
export async function writePeft(
  folder: string,
  config: LlamaConfig,
  adapters: ReadonlyMap<string, Float32Array>,
  baseName: string | null,
): Promise<void> {
  const { lora } = config
  if (lora === undefined) throw new Error('a model without adapters has none to write')
  await mkdir(folder, { recursive: true })
  const stated = {
    base_model_name_or_path: baseName,
    bias: 'none',
    fan_in_fan_out: false,
    inference_mode: true,
    init_lora_weights: true,
    lora_alpha: lora.alpha,
    lora_dropout: 0,
    modules_to_save: null,
    peft_type: 'LORA',
    r: lora.rank,
    target_modules: lora.targets.map(moduleOf),
    task_type: 'CAUSAL_LM',
    use_dora: false,
    use_rslora: false,
  }
  await writeSafetensors(
    join(folder, TENSORS),
    new Map(adapterSpecs(config).map(({ name, dims }) => [PREFIX + name, { dims, data: adapters.get(name)! }])),
    { format: 'pt' },
  )
  await writeFile(join(folder, CONFIG), `${JSON.stringify(stated, null, 2)}\n`, { flag: 'wx' })
}

export interface ReadAdapters {
  /** The base model's configuration with these adapters. */
  readonly config: LlamaConfig
  readonly adapters: Map<string, Float32Array>
  /** `base_model_name_or_path`. */
  readonly baseName: string | null
}

/** Settings of PEFT under which its adapters are not those computed here: a name, the value that is fine, and what another one means. */
const obstacles: readonly (readonly [field: string, fine: (value: unknown) => boolean, found: string])[] = [
  ['peft_type', (value) => value === 'LORA', 'adapters of another kind'],
  ['use_dora', (value) => value !== true, 'DoRA'],
  ['bias', (value) => value === undefined || value === 'none', 'biases that were trained'],
  ['fan_in_fan_out', (value) => value !== true, 'matrices stored [in, out]'],
  ['modules_to_save', isEmpty, 'modules that were trained whole'],
  ['rank_pattern', isEmpty, 'ranks that differ by module'],
  ['alpha_pattern', isEmpty, 'alphas that differ by module'],
  ['layers_to_transform', isEmpty, 'some of the layers only'],
  ['lora_bias', (value) => value !== true, 'biases in the adapters'],
]

function isEmpty(value: unknown): boolean {
  return value === undefined || value === null || (typeof value === 'object' && Object.keys(value).length === 0)
}

/**
 * Reads a folder of PEFT against the model it is for. Throws ModelFileError `adapter.missing`, `adapter.config`, `adapter.kind`,
 * `adapter.tensors`, `adapter.shape`, `model.values`, and what opening safetensors throws.
 */
export async function readPeft(folder: string, base: LlamaConfig): Promise<ReadAdapters> {
  const stated = await readStated(folder)
  for (const [field, fine, found] of obstacles)
    if (!fine(stated[field]))
      throw refusal(
        'adapter.kind',
        'plain low-rank adapters on the linear maps of every layer',
        `${found} (${field} is ${JSON.stringify(stated[field])})`,
        'Merge them with PEFT (merge_and_unload), save the model, and import that folder.',
      )
  const { r: rank, lora_alpha: alpha } = stated
  if (typeof rank !== 'number' || typeof alpha !== 'number')
    throw refusal(
      'adapter.config',
      `r and lora_alpha as numbers in ${CONFIG}`,
      JSON.stringify({ r: rank, lora_alpha: alpha }),
      'Save the adapters again with PEFT.',
    )
  const opened = await openSafetensors(join(folder, TENSORS)).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error
    throw refusal('adapter.missing', `${TENSORS} in ${folder}`, 'none', 'Save the adapters with safe_serialization=True.')
  })
  try {
    const own = (name: string): string => (name.startsWith(PREFIX) ? name.slice(PREFIX.length) : name)
    const present = new Set(opened.entries.map(({ name }) => own(name)))
    const targets = LINEARS.filter((target) => present.has(adapterNames(layerNames(0)[target]).a))
    const wrong = (expected: string, found: string) =>
      refusal(
        'adapter.tensors',
        expected,
        found,
        'The adapters and the model do not belong together; choose the model that they were trained on.',
      )
    if (targets.length === 0) throw wrong(`adapters of ${LINEARS.map(moduleOf).join(', ')}`, opened.entries[0]?.name ?? 'none')
    // Stabilised ranks divide by the root of the rank: the same adapters with another alpha.
    const config = withAdapters(base, { rank, alpha: stated.use_rslora === true ? alpha * Math.sqrt(rank) : alpha, targets })
    const wanted = new Map(adapterSpecs(config).map(({ name, dims }) => [name, dims]))
    const adapters = new Map<string, Float32Array>()
    for (const { name: stored, dims } of opened.entries) {
      const name = own(stored)
      const shape = wanted.get(name)
      if (shape === undefined) throw wrong(`only adapters of ${targets.map(moduleOf).join(', ')} in ${base.layers} layers`, stored)
      if (shape.join() !== dims.join()) throw wrong(`${stored} of shape [${shape.join(', ')}]`, `[${dims.join(', ')}]`)
      const { data } = await opened.read(stored)
      adapters.set(name, finite(data instanceof Float32Array ? data : Float32Array.from(data as ArrayLike<number>), stored, TENSORS))
    }
    const missing = [...wanted.keys()].find((name) => !adapters.has(name))
    if (missing !== undefined) throw wrong(`a tensor ${PREFIX}${missing}`, 'none')
    return { config, adapters, baseName: typeof stated.base_model_name_or_path === 'string' ? stated.base_model_name_or_path : null }
  } finally {
    await opened.close()
  }
}

async function readStated(folder: string): Promise<Fields> {
  let text: string
  try {
    text = await readFile(join(folder, CONFIG), 'utf8')
  } catch {
    throw refusal('adapter.missing', `${CONFIG} in ${folder}`, 'none', 'Choose the folder that PEFT saved the adapters in.')
  }
  try {
    const read: unknown = JSON.parse(text)
    if (read !== null && typeof read === 'object' && !Array.isArray(read)) return read as Fields
  } catch {
    // Said below, in the same words as for JSON that is no object.
  }
  throw refusal('adapter.config', `a JSON object in ${join(folder, CONFIG)}`, 'something else', 'Save the adapters again with PEFT.')
}
