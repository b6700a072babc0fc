// The nouns of credit assignment: a graded rollout goes in, a credit comes out, and a loss specification says how the
// trainer turns credits into a gradient. Plain readonly records; every offset is a token offset into the completion
// (everything after the prompt). Which weights produced J, and how, is decided by whoever sampled the rollouts.

/** Half-open token range [start, end) of one episode. */
export interface EpisodeSpan {
  readonly start: number
  readonly end: number
}

/** Why generation ended: a stop token, the token budget, or a failure that leaves the rollout without meaning. */
export type FinishReason = 'stop' | 'length' | 'aborted'

/** J of a rollout at thinking budgets. */
export interface CutScores {
  /** [S] thinking tokens, ascending. */
  readonly budgets: readonly number[]
  /** [S] token offset at which each cuts this rollout: the budget, or the end of its thinking where that came first. */
  readonly offsets: readonly number[]
  /** [S] chance of success if thinking were terminated there. */
  readonly J: Float64Array
  /** [S] Where only some of the method's budgets were drawn: which, by index; absent: all. */
  readonly drawn?: readonly number[]
}

export interface GradedRollout {
  /** Rollouts with the same number are compared with each other: same problem, or same stale prefix. */
  readonly group: number
  /** Index within the group. */
  readonly sample: number
  /** Completion tokens, the stop token and any stale prefix included. */
  readonly tokenCount: number
  readonly correct: 0 | 1
  /** Graded reward terms besides the outcome, by name (format, ...); added to the outcome. */
  readonly parts?: Readonly<Record<string, number>>
  readonly finish: FinishReason
  /** In order, without overlap, inside the completion. */
  readonly episodes: readonly EpisodeSpan[]
  /** Offset of the token that closes the thinking, or tokenCount where it never came. */
  readonly thinkEnd: number
  /** [tokenCount] 1 where the policy sampled the token, 0 where it was forced upon it. */
  readonly sampled: Uint8Array
  /** [episodes + 1] chance of success if thinking were terminated at each boundary; J[0] at the empty think block. */
  readonly J?: Float64Array
  /** [episodes + 1] chance of success if the policy went on from each boundary as it likes, as a share of fresh continuations. */
  readonly V?: Float64Array
  /** J at thinking budgets, where the method takes it there. */
  readonly cuts?: CutScores
  /** Thinking was kept going past where the policy would have ended it; its forced tokens are not sampled ones. */
  readonly kept?: boolean
  /** An answer that was sampled at a cut of another rollout, which is its prefix: the budgets that cut there, by index. Its group are the answers of that cut. */
  readonly cut?: readonly number[]
  /** An answer that was sampled where credit had ended another rollout, which is its prefix and is learned from as well. Its group are the endings of one problem. */
  readonly ending?: boolean
  /** A rollout of the group with a lower number has the same tokens. */
  readonly repeats?: boolean
  /** Which of the two continuations of a stale prefix this is. */
  readonly arm?: 'continue' | 'terminate'
  /** Tokens before this offset are a stale prefix: context without loss. */
  readonly prefixTokens?: number
}

export type DiscardReason =
  /** Generation failed; the record is kept, nothing is learned from it. */
  | 'aborted'
  /** A group of one has no peers to be compared with. */
  | 'no-peers'
  /** Every rollout of the group has the same outcome and the method drops such groups. */
  | 'no-signal'
  /** The method learns from right answers only. */
  | 'filtered'
  /** Enough right answers of its problem are kept. */
  | 'capped'
  /** A kept rollout of its problem has the same tokens. */
  | 'repeated'
  /** Its best beginning is learned from, ended with an answer as a rollout of its own. */
  | 'shortened'
  /** None of its beginnings made progress, or another rollout of the problem made more. */
  | 'outdone'
  /** One of the two arms of a stale prefix has no rollout. */
  | 'missing-arm'
  /** Sampled to measure a baseline, not to be learned from. */
  | 'baseline-only'
  /** Sampled to watch a method whose own texts are no full rollouts. */
  | 'observed-only'
  /** A problem of the watch list, asked again to be read. */
  | 'watch-list'
  /** Every token was forced or belongs to the prefix. */
  | 'no-tokens'

/** What one rollout is paid. For every token t with mask 1: advantage = outcomeAdvantage + (bonus of its episode, else tailBonus). */
export interface Credit {
  /** Sum of the parts. */
  readonly reward: number
  /** Reward terms by name: outcome, length_penalty, overlong, progress, ... */
  readonly parts: Readonly<Record<string, number>>
  /** [tokenCount] 1 where the token carries loss. */
  readonly mask: Uint8Array
  /** [tokenCount], 0 where mask is 0. */
  readonly advantage: Float32Array
  /** What every token gets for the outcome. */
  readonly outcomeAdvantage: number
  /** [episodes] what the tokens of each episode get on top. */
  readonly episodeBonus: Float64Array
  /** What tokens outside all episodes (end of thinking, answer) get on top. */
  readonly tailBonus: number
  /** False: the rollout does not enter the loss or its normaliser. */
  readonly used: boolean
  readonly discardReason?: DiscardReason
  /** [S] What J at each cut counts where the answering policy follows its exact gradient. */
  readonly answerWeights?: readonly number[]
  /** Offset at which this rollout is to be ended with an answer, to be learned from if that is right. */
  readonly endAt?: number
}

/** What a credit rule may know besides the group. */
export interface CreditContext {
  /** Share of the run's steps that were done before this one, 0..1: what a schedule goes by. */
  readonly done: number
  /** Largest number of completion tokens a rollout may have. */
  readonly budgetTokens: number
  /** Seeds the controls; the same seed pays the same rollouts the same. */
  readonly seed: number
}

/** Correction for samples whose sampler and trainer disagree about log-probabilities (see correction.ts). */
export interface ImportanceCorrection {
  readonly level: 'token' | 'sequence'
  /** truncate: weight min(ratio, high); mask: weight 0 outside [low, high], else 1. */
  readonly how: 'truncate' | 'mask'
  readonly low: number
  readonly high: number
}

export interface LossSpec {
  /** token: PPO ratio per token; sequence: length-normalised sequence ratio (GSPO); none: plain log-probability (REINFORCE, NLL). */
  readonly ratio: 'token' | 'sequence' | 'none'
  /** The ratio is clipped to [1 - clipLow, 1 + clipHigh]. */
  readonly clipLow: number
  readonly clipHigh: number
  /** For negative advantages the objective is held above dualClip * advantage; absent: unbounded. */
  readonly dualClip?: number
  /** token-mean: divide by the batch's loss tokens; sequence-mean: mean of per-rollout means; constant: divide by rollouts * budget. */
  readonly aggregation: 'token-mean' | 'sequence-mean' | 'constant'
  /** Weight of the k3 estimate of KL(policy, reference); 0 needs no reference. */
  readonly klBeta: number
  /** Optimiser steps that one batch of rollouts is split into. */
  readonly updatesPerBatch: number
  readonly correction?: ImportanceCorrection
}

/** A mistake in what was handed to a credit rule; `code` is stable, the message names the values compared. */
export class CreditError extends Error {
  readonly code: string
  readonly expected: string
  readonly found: string
  constructor(code: string, problem: { readonly expected: string; readonly found: string }) {
    super(`${code}: expected ${problem.expected}, found ${problem.found}`)
    this.name = 'CreditError'
    this.code = code
    this.expected = problem.expected
    this.found = problem.found
  }
}
