// What the methods of imitation share (STaR, RFT, ReST-EM, MRT-STaR): a run is a few iterations; in each, texts are drawn from the weights with which it began,
// those worth imitating are kept, and the weights, begun again from the start of the run where the method says so, learn them by negative log-likelihood.
// Every step draws a batch and learns what it keeps of it. As all texts of an iteration come from one policy, that is the data of drawing first and
// learning afterwards; a batch is gone through `passes` times on end where the papers go through the whole of the data in as many epochs.
import type { IterationPlan } from './algorithm.ts'
import type { ChoiceOption, NumberOption, OptionValues } from './options.ts'
import { discard, gradedParts, pay } from './pay.ts'
import type { Credit, DiscardReason, GradedRollout, LossSpec } from './types.ts'

/** The options of a method of several iterations. */
export const iterationOptions = {
  iterations: {
    kind: 'number',
    default: 3,
    min: 1,
    max: 100,
    integer: true,
    unit: 'parts of the run',
    reason: 'Parts of the run in each of which texts come from the weights that the part before ended with; three are usual.',
  },
  restart: {
    kind: 'choice',
    default: 'start',
    unit: '',
    when: { iterations: { above: 1 } },
    choices: {
      start: 'from the weights that the run started from, with a fresh optimizer: as the papers have it',
      last: 'from the weights that the last iteration ended with',
    },
    reason: 'Where each iteration begins to learn; beginning anew keeps it from overfitting to texts that were kept early.',
  },
} as const satisfies Record<string, NumberOption | ChoiceOption>

/** The options of every method that imitates. */
export function keepingOptions(own: { readonly cap: number; readonly capReason: string }) {
  return {
    cap: { kind: 'number', default: own.cap, min: 0, max: 1024, integer: true, unit: 'texts per problem (0: all)', reason: own.capReason },
    passes: {
      kind: 'number',
      default: 3,
      min: 1,
      max: 64,
      integer: true,
      unit: 'passes over what is kept',
      aliases: ['num_train_epochs'],
      reason: 'Updates from one batch of kept texts; with a third of the texts kept, three cost what one update on all of them does.',
    },
  } as const satisfies Record<string, NumberOption>
}

type IterationValues = OptionValues<typeof iterationOptions>

export function iterationPlan({ iterations, restart }: IterationValues, passes: number): IterationPlan {
  return { count: iterations, fromStart: restart === 'start', passes }
}

/** Negative log-likelihood of kept texts. */
export const likelihoodLoss = (): LossSpec => ({
  ratio: 'none',
  clipLow: 0,
  clipHigh: 0,
  aggregation: 'token-mean',
  klBeta: 0,
  updatesPerBatch: 1,
})

/**
 * Credits of a group of which right answers are kept, those with lower numbers first.
 * @param cap kept ones at most; 0: all
 * @param distinct one of each text
 * @param whole every token is learned from, those that were given or forced too
 */
export function keepRight(
  group: readonly GradedRollout[],
  { cap, distinct = false, whole = false }: { readonly cap: number; readonly distinct?: boolean; readonly whole?: boolean },
): Credit[] {
  const credits = new Array<Credit>(group.length)
  let kept = 0
  const inOrder = [...group.keys()].sort((a, b) => group[a].sample - group[b].sample)
  for (const index of inOrder) {
    const rollout = group[index]
    const parts = gradedParts(rollout)
    const reason: DiscardReason | null =
      rollout.correct === 0 ? 'filtered' : distinct && rollout.repeats === true ? 'repeated' : cap > 0 && kept >= cap ? 'capped' : null
    const mask = whole ? new Uint8Array(rollout.tokenCount).fill(1) : undefined
    credits[index] = reason === null ? pay(rollout, { parts, outcomeAdvantage: 1, ...(mask && { mask }) }) : discard(rollout, parts, reason)
    if (credits[index].used) kept++
  }
  return credits
}
