// The Llama-style decoder as graphs: one step of generation with a key/value cache, and the whole-sequence pass that training
// differentiates. Weights are graph inputs under their checkpoint names, so every session reads the one native parameter set.
// Activations are flat, [tokens, features]. RMSNorm is composed from elementary ops wherever a backward pass reads it
// (a fused kernel's second output is not trusted on every provider) and fused where nothing is differentiated.
import { GraphBuilder } from '../graph/builder.ts'
import type { Dim } from '../graph/dims.ts'
import type { Graph, Value } from '../graph/ir.ts'
import { gradients } from '../autodiff/gradients.ts'
import { adapterNames, BLOCK, EMBEDDING, FINAL_NORM, HEAD, layerNames, parameterSpecs, partsOf, portsOf } from './config.ts'
import type { Linear, LlamaConfig } from './config.ts'
import { rotaryRule } from './rope.ts'

/** The additive mask of a pair that must not attend to each other; exp of it is 0 in fp32 and it stays finite under addition. */
export const HIDDEN = -1e9

/** Prefix of the gradient outputs of a training graph. */
export const GRADIENT_PREFIX = 'grad/'

/** A layer's queries, keys and values before attention, each [tokens, heads * headDim], and its position in the stack. */
export interface Projections {
  readonly layer: number
  readonly q: Value
  readonly k: Value
  readonly v: Value
}

/** What the layers share while a graph is being written. */
export interface Stack {
  readonly g: GraphBuilder
  readonly config: LlamaConfig
  /** A parameter in float32, whatever it is held in: widened where it is first read, so that its copy lives no longer than what reads it. */
  readonly weight: (name: string) => Value
  /** A parameter as it is held. */
  readonly held: (name: string) => Value
  /** The bytes, scales and offsets of a matrix in blocks; null for any other parameter. */
  readonly blocked: (name: string) => { readonly blocks: Value; readonly scales: Value; readonly offsets: Value } | null
  /** True where a backward pass will follow. */
  readonly differentiable: boolean
}

/**
 * Opens a graph that reads parameters, each a graph input.
 * @param declared every parameter, or those that are read, as they are read; a matrix in blocks has an input for each part that is read
 */
export function openStack(name: string, config: LlamaConfig, differentiable: boolean, declared: 'all' | 'read' = 'all'): Stack {
  const g = new GraphBuilder(name)
  const specs = parameterSpecs(config)
  const inBlocks = new Set(specs.filter(({ dtype }) => dtype === 'int4').map((spec) => spec.name))
  const ports = new Map(specs.flatMap(portsOf).map((port) => [port.name, port]))
  const inputs = new Map<string, Value>()
  const held = (port: string): Value => {
    const { dtype, dims } = ports.get(port)!
    const input = inputs.get(port) ?? g.input(port, dtype, dims)
    inputs.set(port, input)
    return input
  }
  if (declared === 'all') for (const { name } of specs) if (!inBlocks.has(name)) held(name)
  const wide = new Map<string, Value>()
  const weight = (parameter: string): Value => {
    const known = wide.get(parameter) ?? widened(parameter)
    wide.set(parameter, known)
    return known
  }
  return { g, config, held, weight, blocked, differentiable }

  function widened(parameter: string): Value {
    if (!inBlocks.has(parameter)) return g.cast(held(parameter), 'float32')
    // A number is (its 4 bits - 8) * scale + offset.
    const { scales, offsets } = partsOf(parameter)
    const [out, into] = ports.get(parameter)!.dims as [number, number]
    const steps = g.reshape(g.dequantizeLinear(held(parameter), held(scales)), [out, into / BLOCK, BLOCK])
    const least = g.sub(held(offsets), g.mul(held(scales), 8))
    return g.reshape(g.add(steps, g.reshape(least, [out, into / BLOCK, 1])), [out, into])
  }

  function blocked(parameter: string): ReturnType<Stack['blocked']> {
    if (!inBlocks.has(parameter)) return null
    const { blocks, scales, offsets } = partsOf(parameter)
    return { blocks: held(blocks), scales: held(scales), offsets: held(offsets) }
  }
}

/** y = x W^T + b with W [out, in] and, where it is named, b [out]. */
export function linear({ g, weight, blocked, differentiable }: Stack, x: Value, name: string, bias: string | null = null): Value {
  const parts = differentiable ? null : blocked(name)
  if (parts === null) return g.gemm(x, weight(name), bias === null ? null : weight(bias), { transB: true })
  // The offset of a block is added once for the sum of what is multiplied with it.
  const [tokens, into] = x.shape as [Dim, number]
  const sums = g.reduceSum(g.reshape(x, [tokens, into / BLOCK, BLOCK]), [-1], false)
  const y = g.add(g.matMulNBits(x, parts.blocks, parts.scales), g.gemm(sums, parts.offsets, null, { transB: true }))
  return bias === null ? y : g.add(y, weight(bias))
}

/**
 * The linear map of a layer by its short name, with its adapter where it has one: y = x W^T + b + (alpha / rank) (x A^T) B^T. W is read
 * and never changed, so that the same memory also serves the model without adapters.
 */
export function layerLinear(stack: Stack, x: Value, layer: number, target: Linear, bias: string | null = null): Value {
  const {
    g,
    weight,
    config: { lora },
  } = stack
  const name = layerNames(layer)[target]
  const y = linear(stack, x, name, bias)
  if (!lora?.targets.includes(target)) return y
  const { a, b } = adapterNames(name, lora.set)
  return g.gemm(g.gemm(x, weight(a), null, { transB: true }), weight(b), y, { transB: true, alpha: lora.alpha / lora.rank })
}

/** x / sqrt(mean(x^2) + eps) * scale over the last axis, which is `size` wide (Zhang and Sennrich 2019). */
export function rmsNorm({ g, config, weight, differentiable }: Stack, x: Value, name: string, size = config.hiddenSize): Value {
  if (!differentiable) return g.simplifiedLayerNormalization(x, weight(name), config.rmsEps)
  const meanSquare = g.mul(g.reduceSumSquare(x, [-1]), 1 / size)
  return g.mul(g.mul(x, g.reciprocal(g.sqrt(g.add(meanSquare, config.rmsEps)))), weight(name))
}

/** RMSNorm of each head of flat queries or keys [tokens, heads * headDim], where the family has it. */
function headNorm(stack: Stack, x: Value, name: string): Value {
  const { g, config } = stack
  if (!config.qkNorm) return x
  const [tokens, features] = x.shape as [Dim, number]
  return g.reshape(rmsNorm(stack, g.reshape(x, [tokens, features / config.headDim, config.headDim]), name, config.headDim), x.shape)
}

/** Token ids of any shape to flat embeddings [tokens, hiddenSize]. */
export function embed({ g, held, config }: Stack, tokens: Value, count: Dim): Value {
  return g.reshape(g.cast(g.gather(held(EMBEDDING), tokens), 'float32'), [count, config.hiddenSize])
}

/**
 * One layer over any number of streams that share weights but not attention.
 * @param streams hidden states, each [tokens, hiddenSize]
 * @param attend from each stream's projections to its attention output [tokens, heads * headDim]
 */
export function layerOver(
  stack: Stack,
  layer: number,
  streams: readonly Value[],
  attend: (projections: readonly Projections[]) => readonly Value[],
): Value[] {
  const { g, config } = stack
  const names = layerNames(layer)
  const biased = config.attentionBias !== undefined
  const projections = streams.map((x) => {
    const normed = rmsNorm(stack, x, names.inputNorm)
    return {
      layer,
      q: headNorm(stack, layerLinear(stack, normed, layer, 'q', biased ? names.qBias : null), names.qNorm),
      k: headNorm(stack, layerLinear(stack, normed, layer, 'k', biased ? names.kBias : null), names.kNorm),
      v: layerLinear(stack, normed, layer, 'v', biased ? names.vBias : null),
    }
  })
  const attended = attend(projections)
  return streams.map((x, stream) => {
    const afterAttention = g.add(x, layerLinear(stack, attended[stream]!, layer, 'o', config.attentionBias === 'qkvo' ? names.oBias : null))
    const normed = rmsNorm(stack, afterAttention, names.postNorm)
    const gated = g.mul(g.quickGelu(layerLinear(stack, normed, layer, 'gate')), layerLinear(stack, normed, layer, 'up'))
    return g.add(afterAttention, layerLinear(stack, gated, layer, 'down'))
  })
}

/** Logits [tokens, vocabSize] of final hidden states, through the embedding or an output matrix of its own. */
export function logitsOf(stack: Stack, hidden: Value): Value {
  return linear(stack, rmsNorm(stack, hidden, FINAL_NORM), stack.config.untiedHead ? HEAD : EMBEDDING)
}

/** logits / T: everything a policy says of its tokens is said of softmax(logits / T), which is what it samples from. At 1 the graph is the one without it. */
export function tempered({ g }: Stack, logits: Value, temperature: number): Value {
  return temperature === 1 ? logits : g.mul(logits, 1 / temperature)
}

/** Positions that tables are made for where sequences are shorter than that: so many cost a megabyte, and what is longer than planned is still right. */
const USUAL_POSITIONS = 4096

/**
 * A configuration with tables no longer than used: for the longest context of a large model they would take a hundred MB in every graph.
 * @param longest tokens of the longest sequence that is planned; twice as many are covered, as answers may be hung off a full sequence
 */
export function withPositions(config: LlamaConfig, longest: number): LlamaConfig {
  return { ...config, maxPositions: Math.min(config.maxPositions, Math.max(USUAL_POSITIONS, 2 * longest)) }
}

const tablesOf = new WeakMap<Stack, { cos: Value; sin: Value }>()

/** Cosine and sine tables of rotary positions (Su et al. 2021), scaled where the model asks for it, each [maxPositions, headDim / 2]; once for a stack. */
export function rotaryTables(stack: Stack): { cos: Value; sin: Value } {
  const known = tablesOf.get(stack)
  if (known) return known
  const { g, config } = stack
  const half = config.headDim / 2
  const cos = new Float32Array(config.maxPositions * half)
  const sin = new Float32Array(config.maxPositions * half)
  const { frequencies, amplitude } = rotaryRule(config)
  for (let position = 0; position < config.maxPositions; position++) {
    for (let i = 0; i < half; i++) {
      const angle = position * frequencies[i]!
      cos[position * half + i] = amplitude * Math.cos(angle)
      sin[position * half + i] = amplitude * Math.sin(angle)
    }
  }
  const shape = [config.maxPositions, half]
  const tables = { cos: g.constant(cos, shape, 'rotary_cos'), sin: g.constant(sin, shape, 'rotary_sin') }
  tablesOf.set(stack, tables)
  return tables
}

/** Flat keys or values [rows * width, kvHeads * headDim] to [rows, kvHeads, width, headDim]. */
export function splitKeyHeads({ g, config }: Stack, x: Value, rows: Dim, width: Dim): Value {
  return g.transpose(g.reshape(x, [rows, width, config.kvHeads, config.headDim]), [0, 2, 1, 3])
}

/** Flat queries to [rows, kvHeads, group * width, headDim]: the query heads that share a key head lie one after another. */
export function splitQueryHeads({ g, config }: Stack, x: Value, rows: Dim, width: Dim): Value {
  const group = config.heads / config.kvHeads
  const split = g.transpose(g.reshape(x, [rows, width, config.kvHeads, group, config.headDim]), [0, 2, 3, 1, 4])
  return g.reshape(split, [rows, config.kvHeads, timesDim(width, group), config.headDim])
}

/** The inverse of splitQueryHeads, flat. */
export function joinQueryHeads({ g, config }: Stack, x: Value, rows: Dim, width: Dim): Value {
  const group = config.heads / config.kvHeads
  const joined = g.transpose(g.reshape(x, [rows, config.kvHeads, group, width, config.headDim]), [0, 3, 1, 2, 4])
  return g.reshape(joined, [timesDim(rows, width), config.heads * config.headDim])
}

export function timesDim(a: Dim, b: Dim): Dim {
  return typeof a === 'number' && typeof b === 'number' ? a * b : `${a}*${b}`
}

/** Rotates flat queries or keys by their positions [rows, width]. */
export function rotate({ g }: Stack, x: Value, positions: Value, tables: { cos: Value; sin: Value }): Value {
  const features = x.shape[1]!
  const [rows, width] = positions.shape
  return g.reshape(g.rotaryEmbedding(g.reshape(x, [rows!, width!, features]), positions, tables.cos, tables.sin), x.shape)
}

/** softmax(scores + bias): scores [rows, kvHeads, group * width, keys], bias [rows or 1, 1, 1, width, keys]. */
export function attentionWeights({ g, config }: Stack, scores: Value, bias: Value, width: Dim, keys: Dim): Value {
  const rows = scores.shape[0]!
  const group = config.heads / config.kvHeads
  const spread = g.reshape(scores, [rows, config.kvHeads, group, width, keys])
  return g.reshape(g.softmax(g.add(spread, bias)), scores.shape)
}

/** The additive mask of sequences in which a token sees itself and what is before it, [1, 1, 1, width, width]. */
export function causalMask({ g }: Stack, width: Dim): Value {
  const at = g.cast(g.range(0, width), 'float32')
  return g.reshape(g.where(g.greater(g.reshape(at, [1, width]), g.reshape(at, [width, 1])), HIDDEN, 0), [1, 1, 1, width, width])
}

/** Causal (or otherwise masked) self-attention of whole sequences; flat in, flat out. */
export function selfAttention(
  stack: Stack,
  projections: Projections,
  rows: Dim,
  width: Dim,
  positions: Value,
  bias: Value,
  tables: { cos: Value; sin: Value },
): Value {
  const { g, config } = stack
  const q = splitQueryHeads(stack, rotate(stack, projections.q, positions, tables), rows, width)
  const k = splitKeyHeads(stack, rotate(stack, projections.k, positions, tables), rows, width)
  const v = splitKeyHeads(stack, projections.v, rows, width)
  const scores = g.fusedMatMul(q, k, { transB: true, alpha: 1 / Math.sqrt(config.headDim) })
  return joinQueryHeads(stack, g.matMul(attentionWeights(stack, scores, bias, width, width), v), rows, width)
}

/** Values that a loss may be written with, each float32 [B, T]; logps are differentiable, the rest are data. */
export interface TokenValues {
  readonly logps: Value
  readonly entropy: Value
  readonly advantages: Value
  readonly weights: Value
  readonly oldLogps?: Value
  readonly refLogps?: Value
}

/** Which data a loss reads besides advantages and weights. */
export interface LossNeeds {
  readonly oldLogps: boolean
  readonly refLogps: boolean
}

/** A loss: a scalar to minimise, and named scalars to report. */
export type Loss = (
  g: GraphBuilder,
  values: TokenValues,
) => { readonly loss: Value; readonly sums: Readonly<Partial<Record<string, Value>>> }

/** Prefix of the outputs that hold a loss's reported scalars. */
export const SUM_PREFIX = 'sum/'

/**
 * Forward, loss and backward as one graph.
 * Inputs: tokens, positions, targets [B, T] int64; scored [K] int64, the places in the flattened [B * T] whose targets are scored: a vocabulary is wide, so
 * there are logits for these alone; advantages, weights and, where needed, old_logps, ref_logps [B, T].
 * Outputs: loss [], logps [B, T], entropy [B, T] (nats; both 0 where nothing is scored), `sum/<name>` [] for each scalar the loss reports, and `grad/<parameter>` for every parameter that trains.
 * @param temperature log-probabilities, entropies and with them the loss are those of softmax(logits / temperature)
 * @param also a term that is added to the loss, with inputs of its own
 */
export function trainGraph(
  config: LlamaConfig,
  loss: Loss,
  needs: LossNeeds,
  temperature = 1,
  also: ((stack: Stack, temperature: number) => Value) | null = null,
): Graph {
  const stack = openStack('train', config, true)
  const { g } = stack
  const { logps, entropy } = sequencePass(stack, temperature)
  g.output('logps', logps)
  g.output('entropy', entropy)
  const plane = (name: string): Value => g.input(name, 'float32', ['B', 'T'])
  const values: TokenValues = {
    logps,
    entropy,
    advantages: plane('advantages'),
    weights: plane('weights'),
    ...(needs.oldLogps && { oldLogps: plane('old_logps') }),
    ...(needs.refLogps && { refLogps: plane('ref_logps') }),
  }
  const { loss: scalar, sums } = loss(g, values)
  g.output('loss', also === null ? scalar : g.add(scalar, also(stack, temperature)))
  for (const [name, value] of Object.entries(sums)) if (value) g.output(`${SUM_PREFIX}${name}`, value)
  return gradients(
    g.build(),
    'loss',
    parameterSpecs(config)
      .filter((spec) => spec.trainable)
      .map((spec) => spec.name),
  )
}

/** Log-probabilities and entropies of given sequences, nothing differentiated. Inputs and outputs as in `trainGraph`, without the loss. */
export function scoreGraph(config: LlamaConfig, temperature = 1): Graph {
  const stack = openStack('score', config, false)
  const { logps, entropy } = sequencePass(stack, temperature)
  stack.g.output('logps', logps)
  stack.g.output('entropy', entropy)
  return stack.g.build()
}

/** Final states [K, hiddenSize], before the last norm, of the scored places of given sequences. Inputs as in `trainGraph`: tokens, positions, scored. */
export function statesGraph(config: LlamaConfig): Graph {
  const stack = openStack('states', config, false)
  const { g } = stack
  const x = sequenceStates(stack, g.input('tokens', 'int64', ['B', 'T']), g.input('positions', 'int64', ['B', 'T']))
  g.output('states', g.gather(x, g.input('scored', 'int64', ['K'])))
  return g.build()
}

/** Log-probabilities [C, A] of the tokens `chosen` [C, A] int64 behind final states [C, hiddenSize]: the head alone, for some places at a time. */
export function chosenGraph(config: LlamaConfig, temperature = 1): Graph {
  const stack = openStack('chosen', config, false)
  const { g } = stack
  const logits = logitsOf(stack, g.input('states', 'float32', ['C', config.hiddenSize]))
  g.output('logps', g.gatherElements(g.logSoftmax(tempered(stack, logits, temperature)), g.input('chosen', 'int64', ['C', 'A'])))
  return g.build()
}

function sequencePass(stack: Stack, temperature: number): { logps: Value; entropy: Value } {
  const { g } = stack
  const tokens = g.input('tokens', 'int64', ['B', 'T'])
  const positions = g.input('positions', 'int64', ['B', 'T'])
  const targets = g.input('targets', 'int64', ['B', 'T'])
  const scored = g.input('scored', 'int64', ['K'])
  const x = sequenceStates(stack, tokens, positions)
  const all = g.logSoftmax(tempered(stack, logitsOf(stack, g.gather(x, scored)), temperature))
  const chosen = g.gatherElements(all, g.reshape(g.gather(g.reshape(targets, ['B*T']), scored), ['K', 1]))
  const fixed = g.stopGradient(all)
  const entropies = g.neg(g.reduceSum(g.mul(g.exp(fixed), fixed), [-1]))
  const plane = (values: Value): Value =>
    g.reshape(g.scatterElements(g.constantOfShape(['B*T']), scored, g.reshape(values, ['K']), 0), ['B', 'T'])
  return { logps: plane(chosen), entropy: plane(entropies) }
}

/** Every layer over whole sequences: tokens and positions [B, T] to states [B*T, hiddenSize]. */
function sequenceStates(stack: Stack, tokens: Value, positions: Value): Value {
  const bias = causalMask(stack, 'T')
  const tables = rotaryTables(stack)
  let x = embed(stack, tokens, 'B*T')
  for (let layer = 0; layer < stack.config.layers; layer++) {
    x = layerOver(stack, layer, [x], ([projections]) => [selfAttention(stack, projections!, 'B', 'T', positions, bias, tables)])[0]!
  }
  return x
}

/**
 * One chunk of generation with a key/value cache updated in place.
 * Inputs: tokens [B, S] int64, seqlens_k [B] int32 (length after the chunk, minus one), total_sequence_length [] int32,
 * past_key_l / past_value_l [B, kvHeads, M, headDim]. Outputs: logits [B, vocabSize] of the last position, present_key_l / present_value_l.
 */
export function decodeGraph(config: LlamaConfig): Graph {
  const stack = openStack('decode', config, false)
  const { g } = stack
  const tokens = g.input('tokens', 'int64', ['B', 'S'])
  const seqlensK = g.input('seqlens_k', 'int32', ['B'])
  const totalSequenceLength = g.input('total_sequence_length', 'int32', [])
  const tables = rotaryTables(stack)
  const chunk = (x: Value): Value => g.reshape(x, ['B', 'S', x.shape[1]!])
  let x = embed(stack, tokens, 'B*S')
  for (let layer = 0; layer < config.layers; layer++) {
    const cache = ['B', config.kvHeads, 'M', config.headDim]
    const pastKey = g.input(`past_key_${layer}`, 'float32', cache)
    const pastValue = g.input(`past_value_${layer}`, 'float32', cache)
    x = layerOver(stack, layer, [x], ([{ q, k, v }]: readonly Projections[] | readonly [Projections]) => {
      const { output, presentKey, presentValue } = g.groupQueryAttention(
        {
          query: chunk(q),
          key: chunk(k),
          value: chunk(v),
          pastKey,
          pastValue,
          seqlensK,
          totalSequenceLength,
          cosCache: tables.cos,
          sinCache: tables.sin,
        },
        { numHeads: config.heads, kvNumHeads: config.kvHeads },
      )
      g.output(`present_key_${layer}`, presentKey)
      g.output(`present_value_${layer}`, presentValue)
      return [g.reshape(output, ['B*S', config.heads * config.headDim])]
    })[0]!
  }
  const last = g.reshape(g.slice(g.reshape(x, ['B', 'S', config.hiddenSize]), 1, 'S-1', 'S'), ['B', config.hiddenSize])
  g.output('logits', logitsOf(stack, last))
  return g.build()
}
