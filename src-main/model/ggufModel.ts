// A model in one GGUF file: its configuration, and its tensors under the names and in the layout of Hugging Face checkpoints.
import { layerNames, parameterSpecs, EMBEDDING, FINAL_NORM, HEAD, type LlamaConfig } from './config.ts'
import { configFromGguf, families } from './families.ts'
import { openGguf, type GgufFile, type GgufValue } from './gguf.ts'
import { finite } from './huggingFace.ts'
import { ModelFileError } from './safetensors.ts'

export interface GgufModel {
  readonly config: LlamaConfig
  readonly metadata: ReadonlyMap<string, GgufValue>
  /** Element types of the weights. */
  readonly dtypes: readonly string[]
}

/** Names in the file of a layer's parameters, behind `blk.<layer>.`. */
const layerParts: { readonly [Part in keyof ReturnType<typeof layerNames>]: string } = {
  inputNorm: 'attn_norm.weight',
  q: 'attn_q.weight',
  k: 'attn_k.weight',
  v: 'attn_v.weight',
  o: 'attn_output.weight',
  qBias: 'attn_q.bias',
  kBias: 'attn_k.bias',
  vBias: 'attn_v.bias',
  oBias: 'attn_output.bias',
  qNorm: 'attn_q_norm.weight',
  kNorm: 'attn_k_norm.weight',
  postNorm: 'ffn_norm.weight',
  gate: 'ffn_gate.weight',
  up: 'ffn_up.weight',
  down: 'ffn_down.weight',
}

/** From our names to those of the file, with the heads whose rows are paired there, else 0. */
function namesInFile(config: LlamaConfig): Map<string, { readonly name: string; readonly paired: number }> {
  const names = new Map([
    [EMBEDDING, { name: 'token_embd.weight', paired: 0 }],
    [FINAL_NORM, { name: 'output_norm.weight', paired: 0 }],
    [HEAD, { name: 'output.weight', paired: 0 }],
  ])
  const pairs = families[config.architecture].ggufPairsRows
  for (let layer = 0; layer < config.layers; layer++) {
    for (const [part, ours] of Object.entries(layerNames(layer)) as [keyof typeof layerParts, string][]) {
      const heads = part === 'q' || part === 'qBias' ? config.heads : part === 'k' || part === 'kBias' ? config.kvHeads : 0
      names.set(ours, { name: `blk.${layer}.${layerParts[part]}`, paired: pairs ? heads : 0 })
    }
  }
  return names
}

/** Tensors that follow from the configuration, or that it was read from. */
const derived = new Set(['rope_freqs.weight'])

async function look(gguf: GgufFile, file: string): Promise<GgufModel> {
  const byName = new Map(gguf.tensors.map((tensor) => [tensor.name, tensor]))
  const wrong = (expected: string, found: string): ModelFileError =>
    new ModelFileError('model.tensors', { expected, found, next: 'The file does not hold what its metadata says; fetch it again.' })
  const embedding = byName.get('token_embd.weight')
  if (embedding === undefined) throw wrong(`a tensor token_embd.weight in ${file}`, 'none')
  const config = configFromGguf(gguf.metadata, {
    has: (name) => byName.has(name),
    vocabSize: embedding.dims[0]!,
    ropeDivisors: byName.has('rope_freqs.weight') ? [...(await gguf.read('rope_freqs.weight'))] : null,
  })
  const names = namesInFile(config)
  const wanted = new Set<string>()
  for (const { name: ours, dims } of parameterSpecs(config)) {
    const { name } = names.get(ours)!
    const found = byName.get(name)
    if (found === undefined) throw wrong(`a tensor ${name} in ${file}`, 'none')
    if (found.dims.join() !== dims.join()) throw wrong(`${name} of shape [${dims.join(', ')}]`, `[${found.dims.join(', ')}] in ${file}`)
    wanted.add(name)
  }
  const other = gguf.tensors.find(({ name }) => !wanted.has(name) && !derived.has(name))
  if (other !== undefined) throw wrong(`only the tensors of a ${config.architecture} model`, `${other.name} in ${file}`)
  return { config, metadata: gguf.metadata, dtypes: [...new Set(gguf.tensors.map(({ type }) => type))] }
}

/** Looks at a file. Throws ModelFileError `gguf.*`, `model.architecture`, `model.config`, `model.tensors`. */
export async function readGgufModel(file: string): Promise<GgufModel> {
  const gguf = await openGguf(file)
  try {
    return await look(gguf, file)
  } finally {
    await gguf.close()
  }
}

/** The weights in 32 bits, one tensor in memory at a time. Throws as `readGgufModel`, and `model.values` for numbers that are not finite. */
export async function* ggufWeights(file: string): AsyncGenerator<readonly [string, Float32Array]> {
  const gguf = await openGguf(file)
  try {
    const { config } = await look(gguf, file)
    const names = namesInFile(config)
    for (const { name: ours, dims } of parameterSpecs(config)) {
      const { name, paired } = names.get(ours)!
      const values = finite(await gguf.read(name), name, file)
      yield [ours, paired === 0 ? values : unpaired(values, paired, dims)]
    }
  } finally {
    await gguf.close()
  }
}

/** llama.cpp keeps row i of a head's first half and row i of its second side by side; here the halves lie one after the other. */
function unpaired(values: Float32Array, heads: number, dims: readonly number[]): Float32Array {
  const rows = dims[0]!
  const width = values.length / rows
  const half = rows / heads / 2
  const out = new Float32Array(values.length)
  for (let head = 0; head < heads; head++) {
    for (let i = 0; i < half; i++) {
      for (let side = 0; side < 2; side++) {
        const from = (2 * (head * half + i) + side) * width
        out.set(values.subarray(from, from + width), (2 * head * half + side * half + i) * width)
      }
    }
  }
  return out
}
