// The gradient of J by which the answering policy rises: sum over right answers of p(a) grad log p(a), which is the gradient of J itself, taken through the packed
// branches. Nothing is sampled, so at given prefixes it has no noise; cuts that share prompt and prefix are computed once, their weights added up. Pure.
import type { Tensor } from '../engine/tensor.ts'
import type { AnswerBranch } from './answerBranches.ts'
import { fillBranches, planBranches, prefixKey, tokensOf } from './exactMu.ts'
import type { CutTrace } from './exactMu.ts'

export interface WeighedTrace extends CutTrace {
  /** What J at each cut counts in the objective; one entry per cut. */
  readonly weights: readonly number[]
}

/** The inputs of `answerTerm`. */
export interface AnswerBatch {
  readonly feeds: Record<string, Tensor>
  /** Tokens of traces and branches, padding left out. */
  readonly tokens: number
}

/** Micro-batches whose loss is minus the weighted sum of J over all cuts. @param suffix tokens that force the stop @param tokenBudget tokens computed at once */
export function answerBatches(traces: readonly WeighedTrace[], suffix: readonly number[], tokenBudget?: number): AnswerBatch[] {
  const counted = traces.flatMap((trace) => {
    const kept = [...trace.cuts.keys()].filter((at) => trace.weights[at] !== 0)
    return kept.length === 0 ? [] : [{ ...trace, cuts: kept.map((at) => trace.cuts[at]!), weights: kept.map((at) => trace.weights[at]!) }]
  })
  const { batches, keys } = planBranches(counted, suffix, tokenBudget)
  const weightOf = new Map<string, number>()
  keys.forEach((list, trace) => list.forEach((key, at) => weightOf.set(key, (weightOf.get(key) ?? 0) + counted[trace]!.weights[at]!)))
  return batches.map((batch) => {
    const { feeds, width, branches, maxChildren } = fillBranches(batch)
    const most = Math.max(...batch.map(({ branch }) => branch.trie.terminal.reduce((sum, end) => sum + end, 0)))
    const size = width * maxChildren
    const paths = new Float32Array(branches * most * size)
    const weights = new Float32Array(branches * most)
    let at = 0
    for (const { trace, branch, cuts } of batch) {
      const places = placesOf(branch, maxChildren)
      for (const cut of cuts) {
        const weight = weightOf.get(prefixKey(trace, cut))!
        places.forEach((path, answer) => {
          weights[at * most + answer] = weight
          for (const place of path) paths[(at * most + answer) * size + place] = 1
        })
        at++
      }
    }
    return {
      feeds: {
        ...feeds,
        paths: { dtype: 'float32', dims: [branches, most, size], data: paths },
        path_weights: { dtype: 'float32', dims: [branches, most], data: weights },
      },
      tokens: tokensOf(batch),
    }
  })
}

/** For every right answer the children it reads, as slot * maxChildren + child. */
function placesOf({ children, trie }: AnswerBranch, maxChildren: number): number[][] {
  const place = new Int32Array(trie.token.length)
  children.forEach((nodes, slot) =>
    nodes.forEach((node, child) => {
      place[node] = slot * maxChildren + child
    }),
  )
  return [...trie.terminal.keys()]
    .filter((node) => trie.terminal[node] === 1)
    .map((node) => {
      const path: number[] = []
      for (let at = node; at >= 0; at = trie.parent[at]!) path.push(place[at]!)
      return path
    })
}

/** The inputs of a branch that weighs nothing, for micro-batches that hold sequences alone. */
export function noAnswers(): Record<string, Tensor> {
  const ints = (dims: readonly number[]): Tensor => ({ dtype: 'int64', dims, data: new Int32Array(dims.reduce((a, b) => a * b, 1)) })
  const floats = (dims: readonly number[]): Tensor => ({ dtype: 'float32', dims, data: new Float32Array(dims.reduce((a, b) => a * b, 1)) })
  return {
    trace_tokens: ints([1, 1]),
    trace_positions: ints([1, 1]),
    owner: ints([1]),
    branch_tokens: ints([1, 1]),
    branch_positions: ints([1, 1]),
    cut_bias: floats([1, 1, 1, 1, 1]),
    tree_bias: floats([1, 1, 1, 1, 1]),
    children: ints([1, 1, 1]),
    paths: floats([1, 1, 1]),
    path_weights: floats([1, 1]),
  }
}
