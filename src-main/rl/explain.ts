// Reward anatomy: what would each method have paid these rollouts, episode by episode? The same credit rules that train answer, so a
// picture of a reward can never disagree with the reward. A method that needs what was not measured says so instead of guessing.
import { createMethod, creditBatch } from './algorithms.ts'
import { CreditError, type Credit, type CreditContext, type DiscardReason, type GradedRollout } from './types.ts'

/** What one method pays one rollout; every number is per token. */
export interface Payslip {
  readonly reward: number
  readonly parts: Readonly<Record<string, number>>
  /** Paid to every token for the outcome. */
  readonly outcome: number
  /** [episodes] on top, for the tokens of each episode. */
  readonly bonuses: readonly number[]
  /** [episodes] outcome and bonus together. */
  readonly episodes: readonly number[]
  /** Paid to the end of thinking and the answer, all together. */
  readonly answer: number
  readonly discardReason?: DiscardReason
}

export type Explanation =
  | { readonly kind: 'paid'; readonly payslips: readonly Payslip[] }
  | { readonly kind: 'unavailable'; readonly code: string; readonly reason: string }

export interface ExplainedMethod {
  /** Key of the answer; several settings of one algorithm may be compared. */
  readonly label: string
  readonly algorithm: string
  readonly options?: Readonly<Record<string, unknown>>
}

/** What is missing where a rollout was not measured as a method needs it. */
const unmeasured: ReadonlySet<string> = new Set(['rl.no-termination-scores', 'rl.no-continue-values'])

/** One explanation per method, for the rollouts of one group or of several; payslips in the order of the rollouts. */
export function explain(
  rollouts: readonly GradedRollout[],
  methods: readonly ExplainedMethod[],
  context: CreditContext,
): Readonly<Record<string, Explanation>> {
  return Object.fromEntries(methods.map((method) => [method.label, explainOne(rollouts, method, context)]))
}

function explainOne(rollouts: readonly GradedRollout[], method: ExplainedMethod, context: CreditContext): Explanation {
  try {
    const credits = creditBatch(createMethod(method.algorithm, method.options), rollouts, context)
    return { kind: 'paid', payslips: credits.map(payslipOf) }
  } catch (error) {
    if (error instanceof CreditError && unmeasured.has(error.code)) return { kind: 'unavailable', code: error.code, reason: error.message }
    throw error
  }
}

function payslipOf(credit: Credit): Payslip {
  const bonuses = Array.from(credit.episodeBonus)
  return {
    reward: credit.reward,
    parts: credit.parts,
    outcome: credit.outcomeAdvantage,
    bonuses,
    episodes: bonuses.map((bonus) => credit.outcomeAdvantage + bonus),
    answer: credit.outcomeAdvantage + credit.tailBonus,
    ...(credit.discardReason && { discardReason: credit.discardReason }),
  }
}
