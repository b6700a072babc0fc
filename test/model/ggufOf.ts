// A model as the GGUF file that llama.cpp's converter would write of it, in float32.
import { layerNames, parameterSpecs, type LlamaConfig } from '../../src-main/model/config.ts'
import { floats, ggufBytes, type Plain } from './ggufWriter.ts'

const parts: Readonly<Record<string, string>> = {
  input_layernorm: 'attn_norm',
  'self_attn.q_proj': 'attn_q',
  'self_attn.k_proj': 'attn_k',
  'self_attn.v_proj': 'attn_v',
  'self_attn.o_proj': 'attn_output',
  'self_attn.q_norm': 'attn_q_norm',
  'self_attn.k_norm': 'attn_k_norm',
  post_attention_layernorm: 'ffn_norm',
  'mlp.gate_proj': 'ffn_gate',
  'mlp.up_proj': 'ffn_up',
  'mlp.down_proj': 'ffn_down',
}

function nameOf(ours: string): string {
  const [, layer, part, end] = /^model\.layers\.(\d+)\.(.+)\.(weight|bias)$/.exec(ours) ?? []
  if (part !== undefined) return `blk.${layer}.${parts[part]}.${end}`
  return ours === 'model.embed_tokens.weight' ? 'token_embd.weight' : ours === 'model.norm.weight' ? 'output_norm.weight' : 'output.weight'
}

/** Rows [head][half][i] to [head][i][half], as `permute` of the converter does for the llama architecture. */
function paired(values: Float32Array, rows: number, heads: number): Float32Array {
  const width = values.length / rows
  const half = rows / heads / 2
  return Float32Array.from(values, (_, at) => {
    const row = Math.floor(at / width)
    const [head, inHead] = [Math.floor(row / (2 * half)), row % (2 * half)]
    return values[(head * 2 * half + (inHead % 2) * half + Math.floor(inHead / 2)) * width + (at % width)]!
  })
}

export function ggufOf(
  config: LlamaConfig,
  weights: ReadonlyMap<string, Float32Array>,
  more: Readonly<Record<string, Plain>> = {},
): Buffer {
  const a = config.architecture
  const scaling = config.ropeScaling
  const metadata: Record<string, Plain> = {
    'general.architecture': a,
    [`${a}.block_count`]: config.layers,
    [`${a}.context_length`]: config.maxPositions,
    [`${a}.embedding_length`]: config.hiddenSize,
    [`${a}.feed_forward_length`]: config.intermediateSize,
    [`${a}.attention.head_count`]: config.heads,
    [`${a}.attention.head_count_kv`]: config.kvHeads,
    [`${a}.attention.key_length`]: config.headDim,
    [`${a}.rope.freq_base`]: config.ropeTheta,
    [`${a}.attention.layer_norm_rms_epsilon`]: config.rmsEps,
    ...(scaling !== undefined &&
      'factor' in scaling && { [`${a}.rope.scaling.type`]: scaling.kind, [`${a}.rope.scaling.factor`]: scaling.factor }),
    ...(scaling?.kind === 'yarn' && {
      [`${a}.rope.scaling.original_context_length`]: scaling.originalPositions,
      [`${a}.rope.scaling.attn_factor`]: scaling.attentionFactor,
    }),
    ...more,
  }
  const names = Array.from({ length: config.layers }, (_, layer) => layerNames(layer))
  return ggufBytes(
    metadata,
    parameterSpecs(config).map(({ name, dims }) => {
      const heads =
        a !== 'llama'
          ? 0
          : names.some(({ q, qBias }) => name === q || name === qBias)
            ? config.heads
            : names.some(({ k, kBias }) => name === k || name === kBias)
              ? config.kvHeads
              : 0
      const values = weights.get(name)!
      return { name: nameOf(name), dims, bytes: floats(heads === 0 ? values : paired(values, dims[0]!, heads)) }
    }),
  )
}
