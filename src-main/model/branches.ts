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
import type { Stack } from './llama.ts'

/**
 * R traces of width L, N branches of width M, at most C children scored per branch slot.
 * Inputs: trace_tokens, trace_positions [R, L] int64; owner [N] int64 (the trace of a branch);
 * branch_tokens, branch_positions [N, M] int64; cut_bias [N, 1, 1, 1, L] (0 for trace tokens before the cut); tree_bias [N, 1, 1, M, M];
 * children [N, M, C] int64 (tokens scored from each slot, any id where unused). Output: child_logps [N, M, C].
 * With `traceLogps`: input trace_targets [R, L] int64 and output trace_logps [R, L] out of the same pass. All log-probs are of softmax(logits / temperature), default 1.
 */
export function branchGraph(config: LlamaConfig, options: { readonly traceLogps: boolean; readonly temperature?: number }): Graph {
  const stack = openStack('branches', config, false)
  const { g } = stack
  const { childLogps, trace } = branchPass(stack, options.temperature ?? 1)
  g.output('child_logps', childLogps)
  if (options.traceLogps) {
    const targets = g.input('trace_targets', 'int64', ['R', 'L'])
    const logps = g.logSoftmax(tempered(stack, logitsOf(stack, trace), options.temperature ?? 1))
    g.output('trace_logps', g.reshape(g.gatherElements(logps, g.reshape(targets, ['R*L', 1])), ['R', 'L']))
  }
  return g.build()
}

/**
 * A term of a loss, -sum of w J over branches, J being differentiated through all of the branch and its trace: the exact gradient by which the answering policy
 * raises J. Inputs as in `branchGraph`, and paths [N, P, M*C] (1 where a right answer reads a child, 0 elsewhere) with path_weights [N, P], w for every right answer.
 */
export function answerTerm(stack: Stack, temperature: number): Value {
  const { g } = stack
  const { childLogps } = branchPass(stack, temperature)
  const paths = g.input('paths', 'float32', ['N', 'P', 'M*C'])
  const weights = g.input('path_weights', 'float32', ['N', 'P'])
  const chances = g.exp(g.reshape(g.matMul(paths, g.reshape(childLogps, ['N', 'M*C', 1])), ['N', 'P']))
  return g.neg(g.reduceSum(g.mul(chances, weights), undefined, false))
}

/**
 * `branchGraph` behind traces whose keys and values are known, as of a decoder that wrote them: inputs trace_key_l and trace_value_l
 * [R, kvHeads, L, headDim] of every layer l, keys rotated, in place of trace_tokens and trace_positions.
 */
export function keptBranchGraph(config: LlamaConfig, temperature = 1): Graph {
  const stack = openStack('kept_branches', config, false)
  const { g } = stack
  const inputs = branchInputs(stack)
  const tables = rotaryTables(stack)
  let branch = embed(stack, inputs.tokens, 'N*M')
  for (let layer = 0; layer < config.layers; layer++) {
    const [keys, values] = (['key', 'value'] as const).map((what) =>
      g.input(`trace_${what}_${layer}`, 'float32', ['R', config.kvHeads, 'L', config.headDim]),
    ) as [Value, Value]
    ;[branch] = layerOver(stack, layer, [branch], ([own]) => [branchAttention(stack, inputs, tables, keys, values, own!)]) as [Value]
  }
  g.output('child_logps', childLogpsOf(stack, branch, temperature))
  return g.build()
}

/** Final states [K, hiddenSize], before the last norm, of the branch slots `read` [K] int64, places in the flattened [N * M]. Inputs as in `branchGraph`, without children. */
export function branchStatesGraph(config: LlamaConfig): Graph {
  const stack = openStack('branch_states', config, false)
  const { branch } = branchStates(stack)
  stack.g.output('states', stack.g.gather(branch, stack.g.input('read', 'int64', ['K'])))
  return stack.g.build()
}

function branchPass(stack: Stack, temperature: number): { readonly childLogps: Value; readonly trace: Value } {
  const { branch, trace } = branchStates(stack)
  return { childLogps: childLogpsOf(stack, branch, temperature), trace }
}

function childLogpsOf(stack: Stack, branch: Value, temperature: number): Value {
  const { g } = stack
  const children = g.input('children', 'int64', ['N', 'M', 'C'])
  const logps = g.logSoftmax(tempered(stack, logitsOf(stack, branch), temperature))
  return g.reshape(g.gatherElements(logps, g.reshape(children, ['N*M', 'C'])), ['N', 'M', 'C'])
}

interface BranchInputs {
  readonly owner: Value
  readonly tokens: Value
  readonly positions: Value
  readonly cutBias: Value
  readonly treeBias: Value
}

function branchInputs({ g }: Stack): BranchInputs {
  return {
    owner: g.input('owner', 'int64', ['N']),
    tokens: g.input('branch_tokens', 'int64', ['N', 'M']),
    positions: g.input('branch_positions', 'int64', ['N', 'M']),
    cutBias: g.input('cut_bias', 'float32', ['N', 1, 1, 1, 'L']),
    treeBias: g.input('tree_bias', 'float32', ['N', 1, 1, 'M', 'M']),
  }
}

function branchStates(stack: Stack): { readonly branch: Value; readonly trace: Value } {
  const { g, config } = stack
  const traceTokens = g.input('trace_tokens', 'int64', ['R', 'L'])
  const tracePositions = g.input('trace_positions', 'int64', ['R', 'L'])
  const inputs = branchInputs(stack)
  const traceBias = causalMask(stack, 'L')
  const tables = rotaryTables(stack)

  let trace = embed(stack, traceTokens, 'R*L')
  let branch = embed(stack, inputs.tokens, 'N*M')
  for (let layer = 0; layer < config.layers; layer++) {
    ;[trace, branch] = layerOver(stack, layer, [trace, branch], ([ofTrace, ofBranch]) => {
      const traceKeys = splitKeyHeads(stack, rotate(stack, ofTrace!.k, tracePositions, tables), 'R', 'L')
      const traceValues = splitKeyHeads(stack, ofTrace!.v, 'R', 'L')
      return [
        selfAttention(stack, ofTrace!, 'R', 'L', tracePositions, traceBias, tables),
        branchAttention(stack, inputs, tables, traceKeys, traceValues, ofBranch!),
      ]
    }) as [Value, Value]
  }
  return { branch, trace }
}

/** @param traceKeys, traceValues [R, kvHeads, L, headDim] */
function branchAttention(
  stack: Stack,
  { owner, positions: branchPositions, cutBias, treeBias }: BranchInputs,
  tables: ReturnType<typeof rotaryTables>,
  traceKeys: Value,
  traceValues: Value,
  own: { readonly q: Value; readonly k: Value; readonly v: Value },
): Value {
  const { g, config } = stack
  const alpha = 1 / Math.sqrt(config.headDim)
  // One token a row: the runtime refuses rows wider than its table of positions, and a trie of many answers is wider than it is deep.
  const positions = g.reshape(branchPositions, ['N*M', 1])
  const q = splitQueryHeads(stack, rotate(stack, own.q, positions, tables), 'N', 'M')
  const k = splitKeyHeads(stack, rotate(stack, own.k, positions, tables), 'N', 'M')
  const v = splitKeyHeads(stack, own.v, 'N', 'M')
  const scores = g.fusedMatMul(q, g.concat([g.gather(traceKeys, owner), k], 2), { transB: true, alpha })
  const seen = g.concat([g.expand(cutBias, ['N', 1, 1, 'M', 'L']), treeBias], -1)
  return joinQueryHeads(
    stack,
    g.matMul(attentionWeights(stack, scores, seen, 'M', 'L+M'), g.concat([g.gather(traceValues, owner), v], 2)),
    'N',
    'M',
  )
}
