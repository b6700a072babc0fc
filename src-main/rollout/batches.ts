// Grouping variable-length sequences into micro-batches so that little of what the engine computes is padding.
// Pure: it deals in lengths and indices and leaves filling the tensors to its callers.

/** A rectangular micro-batch: which sequences it holds and how wide it is. */
export interface Batch {
  /** Indices into the caller's list, longest sequence first. */
  readonly members: readonly number[]
  /** Width in tokens: the length of the longest member. */
  readonly width: number
}

export interface BatchLimits {
  /** Largest area of a micro-batch, members x width, in tokens. A single longer sequence still gets a batch of its own. */
  readonly tokenBudget: number
  /** Largest share of a micro-batch that may be padding, in 0..1. */
  readonly maxPadding: number
}

export const DEFAULT_BATCH_LIMITS: BatchLimits = { tokenBudget: 4096, maxPadding: 0.12 }

/** Most numbers in one matrix of logits; a pass holds a handful of such matrices at once. 2^24 are 64 MB. */
const MOST_LOGITS = 2 ** 24

/** A budget of tokens under which no matrix of logits is larger than that: the budget itself for small vocabularies. At least 1. */
export function budgetOfVocabulary(tokenBudget: number, vocabSize: number): number {
  return Math.max(1, Math.min(tokenBudget, Math.floor(MOST_LOGITS / vocabSize)))
}

/**
 * Sorts sequences by length and cuts the order into micro-batches greedily.
 * @param lengths tokens of each sequence, all positive
 * @returns batches that together hold every index once; ties keep their order, so the result depends on the lengths alone
 */
export function batchByLength(lengths: readonly number[], limits: BatchLimits = DEFAULT_BATCH_LIMITS): Batch[] {
  const order = lengths.map((_, index) => index).sort((a, b) => lengths[b]! - lengths[a]! || a - b)
  const batches: Batch[] = []
  let members: number[] = []
  let filled = 0
  for (const index of order) {
    const width = members.length === 0 ? lengths[index]! : lengths[members[0]!]!
    const area = width * (members.length + 1)
    const padding = 1 - (filled + lengths[index]!) / area
    if (members.length > 0 && (area > limits.tokenBudget || padding > limits.maxPadding)) {
      batches.push({ members, width })
      members = []
      filled = 0
    }
    members.push(index)
    filled += lengths[index]!
  }
  if (members.length > 0) batches.push({ members, width: lengths[members[0]!]! })
  return batches
}
