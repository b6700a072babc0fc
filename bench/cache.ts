// What would a cache of keys and values in 16 bits do to the numbers? Half of what a step of many rows or behind a long text reads would be saved; but
// log-probs of drawn tokens must be those that the trainer finds, to 1e-3. Keys and values are rounded as they are made (before keys are rotated, which
// turns errors and makes none), the same seeds draw, and what differs is looked at up to the first token that is another.
import { openEngine, type Engine } from '../src-main/engine/engine.ts'
import type { Completion } from '../src-main/engine/decoder.ts'
import type { Graph, Node, Value } from '../src-main/graph/ir.ts'
import { toOnnx } from '../src-main/graph/onnx.ts'
import type { LlamaConfig } from '../src-main/model/config.ts'
import { decodeGraph, withPositions } from '../src-main/model/llama.ts'
import { loadWeights } from '../src-main/rollout/policy.ts'
import { BENCH_CONFIG, benchWeights, randomWeights, SMOL_CONFIG, startWeights } from './models.ts'
import { figure, type Check, type Figure, type Question } from './question.ts'
import { openWriter, write } from './writing.ts'

const TYPES = ['bfloat16', 'float16'] as const
/** How far log-probs of sampling and of training may lie apart. */
const LIMIT = 1e-3

export const question: Question = {
  title: 'cache: keys and values in 16 bits, and the log-probs of what is drawn',
  async ask({ start }) {
    const engine = openEngine()
    const starter = await startWeights(start)
    const checks: Check[] = []
    const figures: Figure[] = []
    for (const [name, config, weights, rows, positions] of [
      ['starter', starter.config, starter.tensors, 64, 256],
      ['4.8 M', BENCH_CONFIG, benchWeights().tensors, 64, 256],
      ['135 M', SMOL_CONFIG, randomWeights(SMOL_CONFIG), 8, 96],
    ] as const) {
      const parameters = await loadWeights(engine, config, weights)
      const graph = decodeGraph(withPositions(config, positions))
      const draw = (onnx: Uint8Array) => drawn(engine, config, onnx, parameters, rows, positions)
      const whole = await draw(toOnnx(graph, undefined, true))
      const theirs = compared(whole, await draw(toOnnx(graph)))
      checks.push({ what: `${name}: log-probs by our attention and by the runtime's`, difference: theirs.largest, limit: 1e-4 })
      for (const type of TYPES) {
        const { largest, mean, same } = compared(whole, await draw(toOnnx(rounded(graph, type), undefined, true)))
        figures.push(
          figure(`${name}, ${type}: log-probs differ at most by`, 'nats', [largest], LIMIT),
          figure(`${name}, ${type}: log-probs differ on average by`, 'nats', [mean]),
          figure(`${name}, ${type}: texts that stay the same`, '%', [100 * same]),
        )
      }
      parameters.dispose()
    }
    engine.dispose()
    return { checks, figures, ratios: [] }
  },
}

/** The graph with the keys and values that enter the cache rounded to a type and widened again. */
function rounded(graph: Graph, type: (typeof TYPES)[number]): Graph {
  const nodes = graph.nodes.flatMap((node): Node[] => {
    if (node.op !== 'GroupQueryAttention') return [node]
    const casts: Node[] = []
    const through = (name: string): string => {
      const { shape } = graph.nodes.flatMap(({ outputs }): readonly Value[] => outputs).find((value) => value.name === name)!
      const [narrow, wide] = [`${name}/${type}`, `${name}/${type}/wide`]
      casts.push(
        { op: 'Cast', inputs: [name], outputs: [{ name: narrow, dtype: type, shape }], attributes: { to: type } },
        { op: 'Cast', inputs: [narrow], outputs: [{ name: wide, dtype: 'float32', shape }], attributes: { to: 'float32' } },
      )
      return wide
    }
    const [query, key, value, ...others] = node.inputs
    const inputs = [query!, through(key!), through(value!), ...others]
    return [...casts, { ...node, inputs }]
  })
  return { ...graph, nodes }
}

async function drawn(
  engine: Engine,
  config: LlamaConfig,
  onnx: Uint8Array,
  parameters: Awaited<ReturnType<typeof loadWeights>>,
  rows: number,
  positions: number,
): Promise<Completion[]> {
  const decoder = await openWriter(engine, config, parameters, { onnx, rows, positions })
  const completions = await write(decoder, rows, positions)
  decoder.dispose()
  return completions
}

/** Log-probs of the tokens that both drew, up to where they part. */
function compared(one: readonly Completion[], other: readonly Completion[]) {
  const apart = one.map(({ tokens, logps }, row) => {
    const parted = tokens.findIndex((token, at) => token !== other[row]!.tokens[at])
    const common = parted === -1 ? tokens.length : parted
    return { same: parted === -1, differences: Array.from(logps.slice(0, common), (logp, at) => Math.abs(logp - other[row]!.logps[at]!)) }
  })
  const differences = apart.flatMap((row) => row.differences)
  return {
    largest: Math.max(...differences),
    mean: differences.reduce((sum, value) => sum + value, 0) / differences.length,
    same: apart.filter(({ same }) => same).length / apart.length,
  }
}
