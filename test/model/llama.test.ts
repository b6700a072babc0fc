// The decoder's graphs against each other: a token generated with the cache has the log-prob that the whole-sequence pass gives it,
// and a branch of the tree pass has the log-prob that it has as a sequence of its own.
import { describe, expect, it } from 'vitest'
import { createRng } from '../../src-main/numeric/rng.ts'
import { initialWeights, parameterSpecs } from '../../src-main/model/config.ts'
import type { LlamaConfig } from '../../src-main/model/config.ts'
import { branchGraph } from '../../src-main/model/branches.ts'
import { decodeGraph, scoreGraph } from '../../src-main/model/llama.ts'
import { exactMu } from '../../src-main/rollout/exactMu.ts'
import type { CutTrace } from '../../src-main/rollout/exactMu.ts'
import { compile } from './ortReference.ts'
import type { PlainTensor } from './ortReference.ts'

const config: LlamaConfig = {
  architecture: 'llama',
  vocabSize: 23,
  hiddenSize: 32,
  intermediateSize: 48,
  layers: 2,
  heads: 4,
  kvHeads: 2,
  headDim: 16,
  ropeTheta: 10_000,
  rmsEps: 1e-5,
  maxPositions: 64,
}

/** Weights large enough that the model is sure of itself, so that a wrong mask or position shows. */
const weights = Object.fromEntries(
  parameterSpecs(config).map((spec) => {
    const values = initialWeights(config, 5).get(spec.name)!
    return [
      spec.name,
      { dtype: 'float32', dims: spec.dims, data: spec.decay ? values.map((value) => value * 12) : values } satisfies PlainTensor,
    ]
  }),
)

const score = await compile(scoreGraph(config))
const branches = await compile(branchGraph(config, { traceLogps: true }))

async function scoreSequence(tokens: readonly number[]): Promise<number[]> {
  const width = tokens.length - 1
  const { logps } = await score({
    ...weights,
    tokens: { dtype: 'int64', dims: [1, width], data: tokens.slice(0, -1) },
    targets: { dtype: 'int64', dims: [1, width], data: tokens.slice(1) },
    positions: { dtype: 'int64', dims: [1, width], data: tokens.slice(0, -1).map((_, position) => position) },
    scored: { dtype: 'int64', dims: [width], data: tokens.slice(0, -1).map((_, position) => position) },
  })
  return [...(logps!.data as Float32Array)]
}

const rng = createRng(11)
const randomTokens = (count: number): number[] => Array.from({ length: count }, () => rng.int(config.vocabSize))
const answers: number[][] = [
  [4, 5, 6, 2],
  [4, 5, 7, 8, 2],
  [4, 2],
  [9, 5, 6, 2],
]
const suffix = [3]

/** The answers above as a trie. */
const trie = (() => {
  const token: number[] = []
  const parent: number[] = []
  const seen = new Map<string, number>()
  for (const answer of answers) {
    let above = -1
    for (const next of answer) {
      const key = `${above}:${next}`
      if (!seen.has(key)) {
        seen.set(key, token.length)
        token.push(next)
        parent.push(above)
      }
      above = seen.get(key)!
    }
  }
  return {
    token: Int32Array.from(token),
    parent: Int32Array.from(parent),
    terminal: Uint8Array.from(token, (id) => (id === 2 ? 1 : 0)),
    strings: answers.length,
  }
})()

const traces: CutTrace[] = [
  { prompt: [1, 12, 13], completion: randomTokens(17), cuts: [0, 5, 11, 17], answers: trie },
  { prompt: [1, 12, 13], completion: randomTokens(6), cuts: [0, 6], answers: trie },
  { prompt: [1, 14, 15, 16], completion: randomTokens(9), cuts: [9, 2], answers: trie },
]

/** J by its definition: every answer at every cut is a sequence of its own. */
async function separateJ(trace: CutTrace, cut: number): Promise<number> {
  let sum = 0
  for (const answer of answers) {
    const context = [...Array.from(trace.prompt), ...Array.from(trace.completion).slice(0, cut), ...suffix]
    const logps = await scoreSequence([...context, ...answer])
    sum += Math.exp(logps.slice(context.length - 1).reduce((a, b) => a + b, 0))
  }
  return sum
}

describe('the decoder as graphs', () => {
  it('gives a generated token the log-prob that the whole-sequence pass gives it', async () => {
    const decode = await compile(decodeGraph(config))
    const tokens = randomTokens(12)
    const expected = await scoreSequence(tokens)
    let caches: Record<string, PlainTensor> = {}
    for (let layer = 0; layer < config.layers; layer++)
      for (const side of ['key', 'value'])
        caches[`past_${side}_${layer}`] = {
          dtype: 'float32',
          dims: [1, config.kvHeads, 32, config.headDim],
          data: new Float32Array(config.kvHeads * 32 * config.headDim),
        }
    let length = 0
    for (const chunk of [tokens.slice(0, 5), ...tokens.slice(5, -1).map((token) => [token])]) {
      length += chunk.length
      const result = await decode({
        ...weights,
        ...caches,
        tokens: { dtype: 'int64', dims: [1, chunk.length], data: chunk },
        seqlens_k: { dtype: 'int32', dims: [1], data: [length - 1] },
        total_sequence_length: { dtype: 'int32', dims: [], data: [length] },
      })
      const logits = [...(result.logits!.data as Float32Array)]
      const peak = Math.max(...logits)
      const logp = logits[tokens[length]!]! - peak - Math.log(logits.reduce((sum, value) => sum + Math.exp(value - peak), 0))
      expect(logp).toBeCloseTo(expected[length - 1]!, 4)
      caches = Object.fromEntries(
        Object.entries(caches).map(([name, old]) => [
          name,
          { ...old, data: result[name.replace('past', 'present')]!.data as Float32Array },
        ]),
      )
    }
  })

  it('computes J of every cut in one pass exactly as branch by branch', async () => {
    const mu = await exactMu(traces, suffix, async (feeds) => run(feeds))
    for (let i = 0; i < traces.length; i++)
      for (let c = 0; c < traces[i]!.cuts.length; c++) {
        const expected = await separateJ(traces[i]!, traces[i]!.cuts[c]!)
        expect(Math.abs(mu.J[i]![c]! - expected) / expected).toBeLessThan(1e-4)
        expect(mu.J[i]![c]!).toBeCloseTo(expected, 5)
      }
  })

  it('merges cuts that share prompt and prefix', async () => {
    const mu = await exactMu(traces, suffix, async (feeds) => run(feeds))
    expect([mu.cuts, mu.distinctCuts]).toEqual([8, 7])
    expect(mu.J[0]![0]).toBe(mu.J[1]![0])
  })

  it('gives other numbers without the tree mask', async () => {
    const open = await exactMu(traces, suffix, async (feeds) =>
      run({ ...feeds, tree_bias: { ...feeds.tree_bias!, data: new Float32Array(feeds.tree_bias!.data.length) } }),
    )
    expect(Math.abs(Math.log(open.J[0]![1]! / (await separateJ(traces[0]!, 5))))).toBeGreaterThan(0.01)
  })

  it('gives other numbers with running positions', async () => {
    const running = await exactMu(traces, suffix, async (feeds) =>
      run({
        ...feeds,
        branch_positions: {
          ...feeds.branch_positions!,
          data: Int32Array.from(
            feeds.branch_positions!.data as ArrayLike<number>,
            (_, index) => 20 + (index % feeds.branch_positions!.dims[1]!),
          ),
        },
      }),
    )
    expect(Math.abs(Math.log(running.J[0]![1]! / (await separateJ(traces[0]!, 5))))).toBeGreaterThan(0.01)
  })

  it('yields the log-probs of the trace from the same pass', async () => {
    const [trace] = traces
    const sequence = [...Array.from(trace!.prompt), ...Array.from(trace!.completion)]
    let traceLogps: Float32Array | undefined
    await exactMu([trace!], suffix, async (feeds) => {
      const result = await run(feeds)
      traceLogps = result.trace_logps!.data as Float32Array
      return result
    })
    const expected = await scoreSequence(sequence)
    expected.forEach((value, position) => expect(traceLogps![position]!).toBeCloseTo(value, 4))
  })
})

/** The branch session with the targets that the trace's own log-probs need. */
async function run(feeds: Record<string, PlainTensor>) {
  const { dims, data } = feeds.trace_tokens!
  const targets = Int32Array.from(data as ArrayLike<number>, (_, index) => ((index + 1) % dims[1]! === 0 ? 0 : Number(data[index + 1])))
  const outputs = await branches({ ...weights, ...feeds, trace_targets: { dtype: 'int64', dims, data: targets } })
  return outputs as never as Record<string, { dtype: 'float32'; dims: number[]; data: Float32Array }>
}
