// The trie of correct answers laid out as a branch: which tokens are forwarded after a forced stop, who sees whom, and how the
// log-probs that come back add up to J, the probability that the answer given now is correct. Pure; no engine in sight.
// J = sum over correct answers a of exp(sum_l log pi(a_l | prefix, `</think>`, a_<l)), end token included.
import type { AnswerTrie } from '../tasks/types.ts'

/** A forced stop followed by every correct answer. Slot 0.. are the suffix tokens, then one slot per inner trie node. */
export interface AnswerBranch {
  /** Token forwarded at each slot, [slots]. */
  readonly tokens: Int32Array
  /** Distance from the cut, [slots]: slot s gets position cut + depth. The first suffix token has depth 0. */
  readonly depths: Int32Array
  /** The slot that a slot continues, [slots]; -1 for the first suffix token, which continues the trace itself. */
  readonly parents: Int32Array
  /** Trie nodes whose log-prob is read at each slot: children[slot] lists node indices. */
  readonly children: readonly (readonly number[])[]
  /** Largest number of children of any slot. */
  readonly maxChildren: number
  readonly trie: AnswerTrie
}

/**
 * Lays out a trie of answers behind a forced stop. Terminal nodes (`<eos>`) are scored from their parent and never forwarded.
 * @param suffix tokens that end the thinking, at least one
 */
export function layOutBranch(trie: AnswerTrie, suffix: readonly number[]): AnswerBranch {
  if (suffix.length === 0) throw new Error('a forced stop needs at least one suffix token')
  const slotOfNode = new Int32Array(trie.token.length).fill(-1)
  const tokens: number[] = [...suffix]
  const depths: number[] = suffix.map((_, index) => index)
  const parents: number[] = suffix.map((_, index) => index - 1)
  const children: number[][] = suffix.map(() => [])
  for (let node = 0; node < trie.token.length; node++) {
    const above = trie.parent[node]!
    const from = above < 0 ? suffix.length - 1 : slotOfNode[above]!
    children[from]!.push(node)
    if (trie.terminal[node]) continue
    slotOfNode[node] = tokens.length
    tokens.push(trie.token[node]!)
    depths.push(depths[from]! + 1)
    parents.push(from)
    children.push([])
  }
  return {
    tokens: Int32Array.from(tokens),
    depths: Int32Array.from(depths),
    parents: Int32Array.from(parents),
    children,
    maxChildren: children.reduce((most, list) => Math.max(most, list.length), 0),
    trie,
  }
}

/** Writes the tree mask of a branch: 0 where a slot sees another (itself and its ancestors), `hidden` elsewhere. Layout [width, width] at `offset`. */
export function writeTreeBias(branch: AnswerBranch, out: Float32Array, offset: number, width: number, hidden: number): void {
  out.fill(hidden, offset, offset + width * width)
  for (let slot = 0; slot < width; slot++) {
    const row = offset + slot * width
    out[row + slot] = 0
    for (let at = slot < branch.parents.length ? branch.parents[slot]! : -1; at >= 0; at = branch.parents[at]!) out[row + at] = 0
  }
}

/**
 * Adds up a branch.
 * @param logps log-prob of child c of slot s at `offset + s * maxChildren + c`
 * @returns J in 0..1
 */
export function branchProbability(branch: AnswerBranch, logps: Float32Array, offset: number, maxChildren: number): number {
  const path = new Float64Array(branch.trie.token.length)
  let probability = 0
  for (let slot = 0; slot < branch.children.length; slot++) {
    const list = branch.children[slot]!
    for (let c = 0; c < list.length; c++) {
      const node = list[c]!
      const above = branch.trie.parent[node]!
      path[node] = (above < 0 ? 0 : path[above]!) + logps[offset + slot * maxChildren + c]!
      if (branch.trie.terminal[node]) probability += Math.exp(path[node]!)
    }
  }
  return probability
}
