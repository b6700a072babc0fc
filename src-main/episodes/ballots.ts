// What the vote of one answer weighs. The paper (Qu et al., arXiv 2503.07572, section 4) describes votes weighed by how likely the model held each answer to be; its released
// notebook raises 2, not e, to the mean natural log-prob of the tokens, which flattens the weights to their power ln 2, and divides the tokens of
// eight drawn answers by sixteen. Both are here, so that its figures can be had as printed and as meant; one answer one vote is the default.
import { mean } from '../numeric/stats.ts'

interface Rule {
  /** Of the mean log-prob of an answer's tokens, nats. */
  readonly weight: (meanLogp: number) => number
  /** What a token of an answer counts. */
  readonly token: number
}

const rules = {
  plain: { weight: () => 1, token: 1 },
  described: { weight: Math.exp, token: 1 },
  released: { weight: (meanLogp: number) => 2 ** meanLogp, token: 0.5 },
} satisfies Readonly<Record<string, Rule>>
export type BallotRule = keyof typeof rules

/** Whether votes of this rule need the log-probs of their answers. */
export const needsLogps = (rule: BallotRule): boolean => rule !== 'plain'

/** The weight of an answer; of one without tokens, as of a certain one. @param logps of its tokens, nats */
export const ballotWeight = (rule: BallotRule, logps: ArrayLike<number>): number =>
  rules[rule].weight(logps.length === 0 ? 0 : mean(Array.from(logps)))

/** Tokens that an answer of so many counts as. */
export const countedTokens = (rule: BallotRule, tokens: number): number => rules[rule].token * tokens
