// The graph behind exact mu: traces and, hanging off each of them at chosen cuts, branches that hold a forced stop and the trie of
// correct answers. Weights are read once; the traces attend causally, a branch token attends to its trace up to the cut and to its own
// ancestors: its keys are those of its trace with its own behind them, so no branch meets another and each pays for its own width only.
// Equal to scoring every branch as a sequence of its own.
import type { Graph, Value } from '../graph/ir.ts'
import {
  attentionWeights,
  causalMask,
  embed,
  layerOver,
  logitsOf,
  openStack,
  rotaryTables,
  rotate,
  selfAttention,
  splitKeyHeads,
  splitQueryHeads,
  joinQueryHeads,
  tempered,
} from './llama.ts'
import type { LlamaConfig } from './config.ts'

/**
 * R traces of width T, N branches of width M, at most C children scored per branch slot.
 * Inputs: trace_tokens, trace_positions [R, T] int64; owner [N] int64 (the trace of a branch);
 * branch_tokens, branch_positions [N, M] int64; cut_bias [N, 1, 1, 1, T] (0 for trace tokens before the cut); tree_bias [N, 1, 1, M, M];
 * children [N, M, C] int64 (tokens scored from each slot, any id where unused). Output: child_logps [N, M, C].
 * With `traceLogps`: input trace_targets [R, T] int64 and output trace_logps [R, T] out of the same pass. All log-probs are of softmax(logits / temperature), default 1.
 */
export function branchGraph(config: LlamaConfig, options: { readonly traceLogps: boolean; readonly temperature?: number }): Graph {
  const stack = openStack('branches', config, false)
  const { g } = stack
  const traceTokens = g.input('trace_tokens', 'int64', ['R', 'T'])
  const tracePositions = g.input('trace_positions', 'int64', ['R', 'T'])
  const owner = g.input('owner', 'int64', ['N'])
  const branchTokens = g.input('branch_tokens', 'int64', ['N', 'M'])
  const branchPositions = g.input('branch_positions', 'int64', ['N', 'M'])
  const cutBias = g.input('cut_bias', 'float32', ['N', 1, 1, 1, 'T'])
  const treeBias = g.input('tree_bias', 'float32', ['N', 1, 1, 'M', 'M'])
  const children = g.input('children', 'int64', ['N', 'M', 'C'])
  const traceBias = causalMask(stack, 'T')
  const tables = rotaryTables(stack)

  let trace = embed(stack, traceTokens, 'R*T')
  let branch = embed(stack, branchTokens, 'N*M')
  for (let layer = 0; layer < config.layers; layer++) {
    ;[trace, branch] = layerOver(stack, layer, [trace, branch], ([ofTrace, ofBranch]) => {
      const traceKeys = splitKeyHeads(stack, rotate(stack, ofTrace!.k, tracePositions, tables), 'R', 'T')
      const traceValues = splitKeyHeads(stack, ofTrace!.v, 'R', 'T')
      return [
        selfAttention(stack, ofTrace!, 'R', 'T', tracePositions, traceBias, tables),
        branchAttention(g.gather(traceKeys, owner), g.gather(traceValues, owner), ofBranch!),
      ]
    }) as [Value, Value]
  }

  const scored = g.gatherElements(logSoftmaxOf(branch), g.reshape(children, ['N*M', 'C']))
  g.output('child_logps', g.reshape(scored, ['N', 'M', 'C']))
  if (options.traceLogps) {
    const targets = g.input('trace_targets', 'int64', ['R', 'T'])
    g.output('trace_logps', g.reshape(g.gatherElements(logSoftmaxOf(trace), g.reshape(targets, ['R*T', 1])), ['R', 'T']))
  }
  return g.build()

  function logSoftmaxOf(hidden: Value): Value {
    return g.logSoftmax(tempered(stack, logitsOf(stack, hidden), options.temperature ?? 1))
  }

  function branchAttention(traceKeys: Value, traceValues: Value, own: { q: Value; k: Value; v: Value }): Value {
    const alpha = 1 / Math.sqrt(config.headDim)
    // One token a row: the runtime refuses rows wider than its table of positions, and a trie of many answers is wider than it is deep.
    const positions = g.reshape(branchPositions, ['N*M', 1])
    const q = splitQueryHeads(stack, rotate(stack, own.q, positions, tables), 'N', 'M')
    const k = splitKeyHeads(stack, rotate(stack, own.k, positions, tables), 'N', 'M')
    const v = splitKeyHeads(stack, own.v, 'N', 'M')
    const scores = g.fusedMatMul(q, g.concat([traceKeys, k], 2), { transB: true, alpha })
    const seen = g.concat([g.expand(cutBias, ['N', 1, 1, 'M', 'T']), treeBias], -1)
    return joinQueryHeads(stack, g.matMul(attentionWeights(stack, scores, seen, 'M', 'T+M'), g.concat([traceValues, v], 2)), 'N', 'M')
  }
}
