// Training by layers: instead of one graph of the whole model, one graph forward and one backward for each kind of part (embedding, layer,
// head), run for every layer with that layer's weights, so that a deep model opens as fast as a shallow one and holds no more than is needed
// at the moment. What a layer's backward pass needs is kept or computed again, layer by layer; the head, whose logits are as wide as the
// vocabulary, runs over some tokens at a time. Where the output matrix is frozen its pass is fused: it gives d logp / d hidden beside
// log-probs and entropies, and any loss of log-probs is that direction times its own gradient, so that no logits are kept or made twice.
// Pure: graphs, and plans that say which graph runs on what; the engine runs them. Equal to `trainGraph`.
import { gradients } from '../autodiff/gradients.ts'
import { bytesOf, splitAtGradient, trimmed } from '../autodiff/split.ts'
import { GraphBuilder } from '../graph/builder.ts'
import type { Graph, Value } from '../graph/ir.ts'
import type { OpName } from '../graph/opAttributes.ts'
import { EMBEDDING, FINAL_NORM, HEAD, parameterSpecs, portsOf } from './config.ts'
import type { LlamaConfig } from './config.ts'
import {
  causalMask,
  embed,
  GRADIENT_PREFIX,
  layerOver,
  linear,
  openStack,
  rmsNorm,
  rotaryTables,
  selfAttention,
  SUM_PREFIX,
  tempered,
  type Loss,
  type LossNeeds,
  type Stack,
  type TokenValues,
} from './llama.ts'

/** A port of a graph and the value there: all of it, or `rows` of its first axis. */
export interface Wire {
  readonly port: string
  readonly value: string
  readonly from?: number
  readonly rows?: number
}

/** One run of a graph. */
export interface PlannedRun {
  /** Place among the graphs. */
  readonly session: number
  readonly inputs: readonly Wire[]
  /** Ports that read parameters. */
  readonly weights: readonly Wire[]
  /** New values, or rows of a room. */
  readonly outputs: readonly Wire[]
  /** Ports that are added to the gradients of parameters. */
  readonly gradients: readonly Wire[]
  /** Values nobody reads any more. */
  readonly drops: readonly string[]
}

/** How one micro-batch is computed. */
export interface LayeredPlan {
  /** Tensors of float32 that several runs write parts of. */
  readonly rooms: readonly { readonly name: string; readonly dims: readonly number[] }[]
  readonly runs: readonly PlannedRun[]
}

export interface BatchShape {
  readonly rows: number
  readonly width: number
  /** Tokens that are scored, the size of `scored`. */
  readonly scored: number
}

export interface LayeredModel {
  readonly graphs: readonly Graph[]
  /** Parameters that train. */
  readonly trained: readonly string[]
  /** Values at the end of a plan: loss [], logps, entropy [B, T] and `sum/<name>` [] for what the loss reports. */
  readonly outputs: readonly string[]
  /** Layers whose values a budget of bytes keeps for the backward pass, of the micro-batch of this shape. */
  layersKept(shape: BatchShape, bytes: number): number
  /**
   * How a micro-batch is computed. Feeds, as for `trainGraph`: tokens, positions [B, T], scored [K], advantages, weights and what the loss needs [B, T];
   * and, for its targets, `chosen` [K] int64, those at the scored places.
   * @param kept layers, the last ones, whose values are kept
   */
  plan(shape: BatchShape, kept: number): LayeredPlan
}

/** Tokens whose logits are in memory at once. */
export const HEAD_TOKENS = 256

/** What is not computed twice where a layer is kept: the linear maps and what attention reads. Scores and their softmax are, for at 512 tokens they are half of all there is to keep. */
const DEAR: ReadonlySet<OpName> = new Set(['Gemm', 'MatMul'])

/** A usual micro-batch, for which what to keep is chosen. */
const USUAL = { B: 4, T: 512 }

/** Numbers that a kept layer keeps of each token: queries, keys, values, what attention read, its residual, both halves of the feed-forward part, and what adapters pass on. */
export function keptPerToken({ heads, kvHeads, headDim, hiddenSize, intermediateSize, lora }: LlamaConfig): number {
  return 2 * (heads + kvHeads) * headDim + hiddenSize + 2 * intermediateSize + (lora ? lora.rank * lora.targets.length : 0)
}

/** The graphs of a model's parts and the plans over them. Log-probs are those of softmax(logits / temperature), as in `trainGraph`. */
export function layeredModel(config: LlamaConfig, loss: Loss, needs: LossNeeds, temperature = 1): LayeredModel {
  const specs = parameterSpecs(config)
  const trained = specs.filter((spec) => spec.trainable).map((spec) => spec.name)
  const trains = (name: string): boolean => trained.includes(name)
  const frozenHead = !trains(matrixOf(config)) && !trains(FINAL_NORM)

  const graphs: Graph[] = []
  const add = (graph: Graph): number => graphs.push(graph) - 1
  const embedding = add(embeddingGraph(config))
  const embeddingBack = trains(EMBEDDING) ? add(embeddingGradient(config)) : null
  const layer = add(layerForward(config))
  const whole = layerBackward(config)
  const layerBack = add(trimmed({ ...whole, outputs: whole.outputs.filter(({ name }) => name !== 'y') }))
  const split = splitAtGradient(whole, 'dy', DEAR, USUAL)
  const layerKeeping = add(split.forward)
  const layerKept = add(split.backward)
  const head = add(headGraph(config, temperature, frozenHead))
  const headBack = frozenHead ? null : add(headGradient(config, temperature))
  const lossStep = add(lossGradient(loss, needs))
  const spread = add(spreadGraph(config, frozenHead))

  const ports = (session: number): string[] => graphs[session]!.inputs.map(({ name }) => name)
  const parameters = new Set(specs.flatMap(portsOf).map(({ name }) => name))
  /** Ports that are named like a parameter read it; those of layer 0 stand for the layer that is run. */
  const weightsOf = (session: number, at = 0): Wire[] =>
    ports(session)
      .filter((port) => parameters.has(port))
      .map((port) => ({ port, value: ofLayer(port, at) }))
  const gradientsOf = (session: number, at = 0): Wire[] =>
    graphs[session]!.outputs.filter(
      ({ name }) => name.startsWith(GRADIENT_PREFIX) && parameters.has(name.slice(GRADIENT_PREFIX.length)),
    ).map(({ name }) => ({ port: name, value: ofLayer(name.slice(GRADIENT_PREFIX.length), at) }))
  /** Inputs of a graph that are no parameters, by the values they read. */
  const inputsOf = (session: number, values: Readonly<Record<string, string | Omit<Wire, 'port'>>>): Wire[] =>
    ports(session)
      .filter((port) => !parameters.has(port))
      .map((port) => {
        const value = values[port] ?? port
        return typeof value === 'string' ? { port, value } : { port, ...value }
      })

  return {
    graphs,
    trained,
    outputs: graphs[lossStep]!.outputs.map(({ name }) => name).filter((name) => name !== 'dlogps'),
    layersKept,
    plan,
  }

  function layersKept({ rows, width }: BatchShape, bytes: number): number {
    const sizes = { B: rows, T: width }
    const each = split.kept.reduce((sum, value) => sum + bytesOf(value, sizes), 0)
    const inputs = config.layers * rows * width * config.hiddenSize * 4
    return Math.max(0, Math.min(config.layers, Math.floor((bytes - inputs) / each)))
  }

  function plan({ scored }: BatchShape, kept: number): LayeredPlan {
    const runs: PlannedRun[] = []
    const run = (session: number, rest: Partial<PlannedRun> & Pick<PlannedRun, 'inputs'>, at = 0): void => {
      runs.push({ session, weights: weightsOf(session, at), outputs: [], gradients: gradientsOf(session, at), drops: [], ...rest })
    }
    const keeps = (at: number): boolean => at >= config.layers - kept
    const keptWires = (at: number): Wire[] => split.kept.map(({ name }) => ({ port: name, value: `${name}@${at}` }))
    const hidden = (at: number): string => `x@${at}`

    run(embedding, { inputs: inputsOf(embedding, {}), outputs: [{ port: 'x', value: hidden(0) }] })
    for (let at = 0; at < config.layers; at++) {
      const session = keeps(at) ? layerKeeping : layer
      run(
        session,
        {
          inputs: inputsOf(session, { x: hidden(at) }),
          outputs: [{ port: 'y', value: hidden(at + 1) }, ...(keeps(at) ? keptWires(at) : [])],
        },
        at,
      )
    }
    const chunks = Array.from({ length: Math.ceil(scored / HEAD_TOKENS) }, (_, index) => {
      const from = index * HEAD_TOKENS
      return { from, rows: Math.min(HEAD_TOKENS, scored - from) }
    })
    const top = hidden(config.layers)
    for (const chunk of chunks)
      run(head, {
        inputs: inputsOf(head, { x: top, scored: { value: 'scored', ...chunk }, chosen: { value: 'chosen', ...chunk } }),
        outputs: [
          { port: 'logps', value: 'scored_logps', ...chunk },
          { port: 'entropy', value: 'scored_entropy', ...chunk },
          ...(frozenHead ? [{ port: 'direction', value: 'direction', ...chunk }] : []),
        ],
      })
    run(lossStep, { inputs: inputsOf(lossStep, {}), outputs: graphs[lossStep]!.outputs.map(({ name }) => ({ port: name, value: name })) })
    if (headBack !== null)
      for (const chunk of chunks)
        run(headBack, {
          inputs: inputsOf(headBack, {
            x: top,
            scored: { value: 'scored', ...chunk },
            chosen: { value: 'chosen', ...chunk },
            dlogps: { value: 'dlogps', ...chunk },
          }),
          outputs: [{ port: 'direction', value: 'direction', ...chunk }],
        })
    run(spread, { inputs: inputsOf(spread, {}), outputs: [{ port: 'dx', value: 'dy' }], drops: ['direction', top] })
    for (let at = config.layers - 1; at >= 0; at--) {
      const session = keeps(at) ? layerKept : layerBack
      const wires = keeps(at) ? keptWires(at) : []
      run(
        session,
        {
          inputs: inputsOf(session, { x: hidden(at), dy: 'dy', ...Object.fromEntries(wires.map(({ port, value }) => [port, value])) }),
          outputs: [{ port: 'dx', value: 'dy' }],
          drops: [hidden(at), ...wires.map(({ value }) => value)],
        },
        at,
      )
    }
    if (embeddingBack !== null) run(embeddingBack, { inputs: inputsOf(embeddingBack, { dx: 'dy' }) })
    return {
      rooms: [
        { name: 'scored_logps', dims: [scored] },
        { name: 'scored_entropy', dims: [scored] },
        { name: 'direction', dims: [scored, config.hiddenSize] },
      ],
      runs,
    }
  }
}

const LAYER_ZERO = 'model.layers.0.'
const ofLayer = (name: string, at: number): string =>
  name.startsWith(LAYER_ZERO) ? `model.layers.${at}.${name.slice(LAYER_ZERO.length)}` : name

/** A graph of a part of the model: a parameter becomes an input where it is first read. */
const openPart = (name: string, config: LlamaConfig): Stack => openStack(name, config, true, 'read')

function embeddingGraph(config: LlamaConfig): Graph {
  const stack = openPart('embedding', config)
  const x = embed(stack, stack.g.input('tokens', 'int64', ['B', 'T']), 'B*T')
  stack.g.output('x', x)
  return stack.g.build()
}

function embeddingGradient(config: LlamaConfig): Graph {
  const stack = openPart('embedding_gradient', config)
  const x = embed(stack, stack.g.input('tokens', 'int64', ['B', 'T']), 'B*T')
  return pulled(stack.g, x, stack.g.input('dx', 'float32', x.shape), {}, [EMBEDDING])
}

/** Writes a layer: its input x [B*T, hidden], its output. */
function layerPass(stack: Stack): Value {
  const { g, config } = stack
  const x = g.input('x', 'float32', ['B*T', config.hiddenSize])
  const positions = g.input('positions', 'int64', ['B', 'T'])
  const bias = causalMask(stack, 'T')
  const tables = rotaryTables(stack)
  return layerOver(stack, 0, [x], ([projections]) => [selfAttention(stack, projections!, 'B', 'T', positions, bias, tables)])[0]!
}

function layerForward(config: LlamaConfig): Graph {
  const stack = openPart('layer', config)
  stack.g.output('y', layerPass(stack))
  return stack.g.build()
}

/** Output y, and the gradients of what it was made of. */
function layerBackward(config: LlamaConfig): Graph {
  const stack = openPart('layer_gradient', config)
  const y = layerPass(stack)
  stack.g.output('y', y)
  const own = parameterSpecs(config).filter(({ name, trainable }) => trainable && name.startsWith(LAYER_ZERO))
  return pulled(
    stack.g,
    y,
    stack.g.input('dy', 'float32', y.shape),
    { x: 'dx' },
    own.map(({ name }) => name),
  )
}

/** What the head computes for some tokens: their final states [C, hidden], normed, and their logits [C, vocabulary] over the temperature. */
function scoredLogits(stack: Stack, temperature: number): { states: Value; normed: Value; logits: Value; chosen: Value } {
  const { g, config } = stack
  const states = g.gather(g.input('x', 'float32', ['N', config.hiddenSize]), g.input('scored', 'int64', ['C']))
  const normed = rmsNorm(stack, states, FINAL_NORM)
  const logits = tempered(stack, linear(stack, normed, matrixOf(config)), temperature)
  return { states, normed, logits, chosen: g.input('chosen', 'int64', ['C']) }
}

const matrixOf = (config: LlamaConfig): string => (config.untiedHead ? HEAD : EMBEDDING)

const chosenOf = (g: GraphBuilder, all: Value, chosen: Value): Value => g.reshape(g.gatherElements(all, g.reshape(chosen, ['C', 1])), ['C'])

function headGraph(config: LlamaConfig, temperature: number, fused: boolean): Graph {
  const stack = openPart('head', config)
  const { g } = stack
  const { states, normed, logits, chosen } = scoredLogits(stack, temperature)
  const all = g.logSoftmax(logits)
  const chances = g.exp(all)
  g.output('logps', chosenOf(g, all, chosen))
  g.output('entropy', g.neg(g.reduceSum(g.mul(chances, all), [-1], false)))
  if (!fused) return g.build()
  // d logp / d normed = (W[chosen] - sum over the vocabulary of p W) / temperature
  const rows = stack.weight(matrixOf(config))
  return pulled(g, normed, tempered(stack, g.sub(g.gather(rows, chosen), g.gemm(chances, rows)), temperature), {
    [states.name]: 'direction',
  })
}

function headGradient(config: LlamaConfig, temperature: number): Graph {
  const stack = openPart('head_gradient', config)
  const { g } = stack
  const { states, logits, chosen } = scoredLogits(stack, temperature)
  const logps = chosenOf(g, g.logSoftmax(logits), chosen)
  return pulled(g, logps, g.input('dlogps', 'float32', ['C']), { [states.name]: 'direction' }, [FINAL_NORM, matrixOf(config)])
}

/** From the log-probs of the scored tokens [K] to the loss, what it reports, and its gradient by each of them. */
function lossGradient(loss: Loss, needs: LossNeeds): Graph {
  const g = new GraphBuilder('loss')
  const scored = g.input('scored', 'int64', ['K'])
  const chosen = g.input('scored_logps', 'float32', ['K'])
  const plane = (name: string): Value => g.input(name, 'float32', ['B', 'T'])
  const spread = (values: Value): Value => g.reshape(g.scatterElements(g.constantOfShape(['B*T']), scored, values, 0), ['B', 'T'])
  const values: TokenValues = {
    advantages: plane('advantages'),
    weights: plane('weights'),
    logps: spread(chosen),
    entropy: spread(g.input('scored_entropy', 'float32', ['K'])),
    ...(needs.oldLogps && { oldLogps: plane('old_logps') }),
    ...(needs.refLogps && { refLogps: plane('ref_logps') }),
  }
  g.output('logps', values.logps)
  g.output('entropy', values.entropy)
  const { loss: scalar, sums } = loss(g, values)
  g.output('loss', scalar)
  for (const [name, value] of Object.entries(sums)) if (value) g.output(`${SUM_PREFIX}${name}`, value)
  const graph = gradients(g.build(), 'loss', [chosen.name])
  return renamed(graph, { [`${GRADIENT_PREFIX}${chosen.name}`]: 'dlogps' })
}

/** The gradient of the scored tokens' states [K, hidden], laid out where they stand, [B*T, hidden]; 0 elsewhere. */
function spreadGraph(config: LlamaConfig, directions: boolean): Graph {
  const g = new GraphBuilder('spread')
  g.input('positions', 'int64', ['B', 'T'])
  const shape = ['K', config.hiddenSize] as const
  const given = g.input('direction', 'float32', shape)
  const rows = directions ? g.mul(given, g.reshape(g.input('dlogps', 'float32', ['K']), ['K', 1])) : given
  const at = g.expand(g.reshape(g.input('scored', 'int64', ['K']), ['K', 1]), shape)
  g.output('dx', g.scatterElements(g.constantOfShape(['B*T', config.hiddenSize]), at, rows, 0))
  return g.build()
}

/**
 * The graph so far with the gradient of sum(y dy), dy taken as it is, by some of its values: those in `inner` under the names given there,
 * parameters as `grad/<name>`.
 */
function pulled(g: GraphBuilder, y: Value, dy: Value, inner: Readonly<Record<string, string>>, parameters: readonly string[] = []): Graph {
  g.output('pulled', g.reduceSum(g.mul(y, g.stopGradient(dy)), undefined, false))
  const graph = gradients(g.build(), 'pulled', [...Object.keys(inner), ...parameters])
  const names = Object.fromEntries(Object.entries(inner).map(([value, name]) => [`${GRADIENT_PREFIX}${value}`, name]))
  return trimmed(renamed({ ...graph, outputs: graph.outputs.filter(({ name }) => name !== 'pulled') }, names))
}

const renamed = (graph: Graph, names: Readonly<Record<string, string>>): Graph => ({
  ...graph,
  outputs: graph.outputs.map(({ name, value }) => ({ name: names[name] ?? name, value })),
})
