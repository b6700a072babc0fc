// Exact mu: J at any number of cuts of any number of rollouts, as the summed probability of every correct answer after a forced stop.
// Nothing is sampled, so the estimate has no variance; cuts that share prompt and prefix (the empty think block of a group, a first
// episode written twice) are computed once. J is that of the weights and at the temperature
// that the session was made with, without filters.
import type { AnswerTrie } from '../tasks/types.ts'
import type { Tensor } from '../engine/tensor.ts'
import { HIDDEN } from '../model/llama.ts'
import { branchProbability, layOutBranch, writeTreeBias } from './answerBranches.ts'
import type { AnswerBranch } from './answerBranches.ts'
import { contextKey } from './contextKey.ts'

/** A rollout and the places where its thinking is stopped. */
export interface CutTrace {
  readonly prompt: ArrayLike<number>
  readonly completion: ArrayLike<number>
  /** Offsets into the completion, each in 0..completion.length: the prefix before the offset is kept. */
  readonly cuts: readonly number[]
  readonly answers: AnswerTrie
  /** Keys and values of the weights that measure, from when they wrote the trace; computed anew where absent, or where a cut lies beyond them. */
  readonly kept?: KeptKeys
}

/** What a decoder kept of a sequence. */
export interface KeptKeys {
  readonly layers: number
  readonly kvHeads: number
  readonly headDim: number
  /** [layers, 2, kvHeads, tokens, headDim], keys first. */
  readonly values: Float32Array
}

/** Tokens, the prompt's first, whose keys and values were kept. */
const keptTokens = ({ layers, kvHeads, headDim, values }: KeptKeys): number => values.length / (2 * layers * kvHeads * headDim)

export interface ExactMu {
  /** J in 0..1 for each trace and cut. */
  readonly J: Float64Array[]
  /** Most that each J may be larger, where the model did not say how likely every accepted answer is; absent where it did. */
  readonly missing?: Float64Array[]
  /** Tokens of traces and branches forwarded, padding left out. */
  readonly forwardedTokens: number
  /** The same with padding: what was computed. */
  readonly computedTokens: number
  /** Cuts asked for, and cuts left after equal prefixes were merged. */
  readonly cuts: number
  readonly distinctCuts: number
}

/**
 * From the inputs of `branchGraph`, or of `keptBranchGraph`, to their output child_logps.
 * @param read the slots that have children, places in the flattened [N * M]; of others nothing need be said
 */
export type RunBranches = (feeds: Record<string, Tensor>, read: Int32Array) => Promise<Record<string, Tensor>>

export interface Job {
  readonly trace: CutTrace
  readonly branch: AnswerBranch
  /** Distinct cuts evaluated on this trace. */
  readonly cuts: readonly number[]
  /** Prompt and as much of the completion as the last of the cuts needs, in tokens. */
  readonly length: number
  /** Of all of that. */
  readonly kept?: KeptKeys
}

/** Tokens computed at once where the vocabulary asks for no fewer. */
export const BRANCH_TOKENS = 3072

const layouts = new WeakMap<AnswerTrie, AnswerBranch>()

/** What has to be computed for some traces: equal prefixes once, laid out in batches. */
export interface BranchPlan {
  readonly batches: readonly (readonly Job[])[]
  /** [traces][cuts] names of the prefixes. */
  readonly keys: readonly (readonly string[])[]
  readonly cuts: number
  readonly distinctCuts: number
}

/** @param tokenBudget tokens computed at once, traces and branches together; a single branch may take more */
export function planBranches(traces: readonly CutTrace[], suffix: readonly number[], tokenBudget = BRANCH_TOKENS): BranchPlan {
  const known = new Set<string>()
  const keys: string[][] = []
  const jobs: Job[] = []
  let cuts = 0
  for (const trace of traces) {
    const fresh: number[] = []
    keys.push(
      trace.cuts.map((cut) => {
        if (cut < 0 || cut > trace.completion.length) throw new Error(`a cut must lie within 0..${trace.completion.length}, found ${cut}`)
        const key = prefixKey(trace, cut)
        cuts++
        if (!known.has(key)) {
          known.add(key)
          fresh.push(cut)
        }
        return key
      }),
    )
    const branch = layoutOf(trace.answers, suffix)
    // A trace with more branches than the budget holds is read several times.
    const most = Math.max(1, Math.floor(tokenBudget / branch.tokens.length))
    for (let at = 0; at < fresh.length; at += most) {
      const part = fresh.slice(at, at + most)
      const length = trace.prompt.length + Math.max(...part)
      const kept = trace.kept !== undefined && keptTokens(trace.kept) >= length ? trace.kept : undefined
      jobs.push({ trace, branch, cuts: part, length, ...(kept && { kept }) })
    }
  }
  const batches = [true, false].flatMap((isKept) =>
    batchJobs(
      jobs.filter(({ kept }) => (kept !== undefined) === isKept),
      tokenBudget,
    ),
  )
  return { batches, keys, cuts, distinctCuts: known.size }
}

/** Tokens that are forwarded for a batch, of branches and of traces that were not kept, padding left out. */
export const tokensOf = (batch: readonly Job[]): number =>
  batch.reduce((sum, { length, cuts, branch, kept }) => sum + (kept ? 0 : length) + cuts.length * branch.tokens.length, 0)

/** J at the cuts of a batch, in the order of its jobs and their cuts, and the tokens that were computed for it, padding included. */
export interface BatchJ {
  readonly J: Float64Array
  readonly computed: number
}

/** @param run as `openBranches` opens it */
export async function measureBatch(batch: readonly Job[], run: RunBranches): Promise<BatchJ> {
  const { feeds, read, width, traceWidth, branches, maxChildren } = fillBranches(batch)
  const { child_logps: scored } = await run(feeds, read)
  const logps = scored!.data as Float32Array
  let at = 0
  const J = batch.flatMap((job) => job.cuts.map(() => branchProbability(job.branch, logps, at++ * width * maxChildren, maxChildren)))
  return { J: Float64Array.from(J), computed: (batch[0]!.kept ? 0 : batch.length * traceWidth) + branches * width }
}

/**
 * @param suffix tokens that force the stop, e.g. `</think>`
 * @param run as `openBranches` opens it
 * @param tokenBudget tokens computed at once, traces and branches together; a single branch may take more
 */
export const exactMu = (
  traces: readonly CutTrace[],
  suffix: readonly number[],
  run: RunBranches,
  tokenBudget = BRANCH_TOKENS,
): Promise<ExactMu> => exactMuBy(traces, suffix, (batch) => measureBatch(batch, run), tokenBudget, 1)

/**
 * The same, wherever a batch is measured. The batches are those of `exactMu`, whoever measures them, and with them every bit.
 * @param atOnce batches that are under way together
 */
export async function exactMuBy(
  traces: readonly CutTrace[],
  suffix: readonly number[],
  measure: (batch: readonly Job[]) => Promise<BatchJ>,
  tokenBudget: number,
  atOnce: number,
): Promise<ExactMu> {
  const { batches, keys, cuts, distinctCuts } = planBranches(traces, suffix, tokenBudget)
  const known = new Map<string, number>()
  let forwardedTokens = 0
  let computedTokens = 0
  const waiting = batches.values()
  const work = async (): Promise<void> => {
    for (const batch of waiting) {
      const { J, computed } = await measure(batch)
      let at = 0
      for (const job of batch) for (const cut of job.cuts) known.set(prefixKey(job.trace, cut), J[at++]!)
      forwardedTokens += tokensOf(batch)
      computedTokens += computed
    }
  }
  await Promise.all(Array.from({ length: Math.min(atOnce, batches.length) }, work))
  return { J: keys.map((list) => Float64Array.from(list, (key) => known.get(key)!)), forwardedTokens, computedTokens, cuts, distinctCuts }
}

/** Prompt and prefix: equal keys are equal contexts. The prompt's length keeps them apart. */
export function prefixKey(trace: CutTrace, cut: number): string {
  return `${trace.prompt.length}|${contextKey(trace.prompt)}${contextKey(trace.completion, cut)}`
}

function layoutOf(answers: AnswerTrie, suffix: readonly number[]): AnswerBranch {
  const known = layouts.get(answers)
  if (known && suffix.every((token, index) => known.tokens[index] === token)) return known
  const made = layOutBranch(answers, suffix)
  layouts.set(answers, made)
  return made
}

/**
 * Widest branches first, longest traces first among equals, cut where the token budget is reached or too much would be padding. Traces that were kept
 * are not forwarded, so that their branches alone are made alike.
 */
function batchJobs(jobs: readonly Job[], tokenBudget: number): Job[][] {
  const step = jobs[0]?.kept ? 1 : 8
  const bucket = (job: Job): number => Math.ceil(job.branch.tokens.length / step)
  const order = [...jobs].sort((a, b) => bucket(b) - bucket(a) || b.length - a.length)
  const batches: Job[][] = []
  let batch: Job[] = []
  for (const job of order) {
    const next = [...batch, job]
    const area = areaOf(next)
    const padding = 1 - next.reduce((sum, each) => sum + each.length + each.cuts.length * each.branch.tokens.length, 0) / area
    if (batch.length > 0 && (area > tokenBudget || padding > 0.15)) {
      batches.push(batch)
      batch = [job]
    } else batch = next
  }
  if (batch.length > 0) batches.push(batch)
  return batches
}

function areaOf(batch: readonly Job[]): number {
  const branches = batch.reduce((sum, job) => sum + job.cuts.length, 0)
  return batch.length * Math.max(...batch.map((job) => job.length)) + branches * Math.max(...batch.map((job) => job.branch.tokens.length))
}

/** The inputs of `branchGraph` for a batch, or of `keptBranchGraph` where it was kept, its branches in the order of jobs and cuts; and the slots that have children. */
export function fillBranches(batch: readonly Job[]) {
  const traceWidth = Math.max(...batch.map((job) => job.length))
  const branches = batch.reduce((sum, job) => sum + job.cuts.length, 0)
  const width = Math.max(...batch.map((job) => job.branch.tokens.length))
  const maxChildren = Math.max(...batch.map((job) => job.branch.maxChildren))
  const owner = new Int32Array(branches)
  const branchTokens = new Int32Array(branches * width)
  const branchPositions = new Int32Array(branches * width)
  const cutBias = new Float32Array(branches * traceWidth).fill(HIDDEN)
  const treeBias = new Float32Array(branches * width * width)
  const children = new Int32Array(branches * width * maxChildren)
  const read: number[] = []
  let at = 0
  batch.forEach(({ trace, branch, cuts }, row) => {
    let first = -1
    for (const cut of cuts) {
      const start = trace.prompt.length + cut
      owner[at] = row
      cutBias.fill(0, at * traceWidth, at * traceWidth + start)
      for (let slot = 0; slot < branch.tokens.length; slot++) {
        branchTokens[at * width + slot] = branch.tokens[slot]!
        branchPositions[at * width + slot] = start + branch.depths[slot]!
        if (branch.children[slot]!.length > 0) read.push(at * width + slot)
      }
      if (first < 0) {
        writeTreeBias(branch, treeBias, at * width * width, width, HIDDEN)
        for (let slot = 0; slot < branch.children.length; slot++) {
          const nodes = branch.children[slot]!
          for (let c = 0; c < nodes.length; c++) children[(at * width + slot) * maxChildren + c] = branch.trie.token[nodes[c]!]!
        }
        first = at
      } else {
        treeBias.copyWithin(at * width * width, first * width * width, (first + 1) * width * width)
        children.copyWithin(at * width * maxChildren, first * width * maxChildren, (first + 1) * width * maxChildren)
      }
      at++
    }
  })
  const feeds: Record<string, Tensor> = {
    ...(batch[0]!.kept ? keptFeeds(batch, traceWidth) : traceFeeds(batch, traceWidth)),
    owner: { dtype: 'int64', dims: [branches], data: owner },
    branch_tokens: { dtype: 'int64', dims: [branches, width], data: branchTokens },
    branch_positions: { dtype: 'int64', dims: [branches, width], data: branchPositions },
    cut_bias: { dtype: 'float32', dims: [branches, 1, 1, 1, traceWidth], data: cutBias },
    tree_bias: { dtype: 'float32', dims: [branches, 1, 1, width, width], data: treeBias },
    children: { dtype: 'int64', dims: [branches, width, maxChildren], data: children },
  }
  return { feeds, read: Int32Array.from(read), width, traceWidth, branches, maxChildren }
}

function traceFeeds(batch: readonly Job[], width: number): Record<string, Tensor> {
  const tokens = new Int32Array(batch.length * width)
  const positions = new Int32Array(batch.length * width)
  batch.forEach(({ trace: { prompt, completion }, length }, row) => {
    for (let t = 0; t < length; t++) {
      tokens[row * width + t] = t < prompt.length ? prompt[t]! : completion[t - prompt.length]!
      positions[row * width + t] = t
    }
  })
  const dims = [batch.length, width]
  return { trace_tokens: { dtype: 'int64', dims, data: tokens }, trace_positions: { dtype: 'int64', dims, data: positions } }
}

/** Keys and values of a batch by layer; those behind the last cut of a trace stay 0, where no branch looks. */
function keptFeeds(batch: readonly Job[], width: number): Record<string, Tensor> {
  const { layers, kvHeads, headDim } = batch[0]!.kept!
  const feeds: Record<string, Tensor> = {}
  for (let block = 0; block < 2 * layers; block++) {
    const data = new Float32Array(batch.length * kvHeads * width * headDim)
    batch.forEach(({ kept, length }, row) => {
      const tokens = keptTokens(kept!)
      for (let head = 0; head < kvHeads; head++) {
        const from = (block * kvHeads + head) * tokens * headDim
        data.set(kept!.values.subarray(from, from + length * headDim), (row * kvHeads + head) * width * headDim)
      }
    })
    const name = `trace_${block % 2 === 0 ? 'key' : 'value'}_${block >> 1}`
    feeds[name] = { dtype: 'float32', dims: [batch.length, kvHeads, width, headDim], data }
  }
  return feeds
}
