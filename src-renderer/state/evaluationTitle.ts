/** What an evaluation is called where several stand beside each other: whose weights, after which step, and on which problems. */
import type { Evaluation } from '../../src-preload/contract.ts'

/** The problems of a split in words; a split of another make is named as it is. */
export const splitWords = (split: string): string =>
  ({ heldout: 'held-out problems', 'heldout-targets': 'held-out targets', validation: 'validation problems' })[split] ?? split

/** How thoughts longer than a window were written and read; '' where they were before the model as a whole. */
export const linearisedWords = ({ config }: Pick<Evaluation, 'config'>): string => {
  const { window } = (config ?? {}) as { readonly window?: unknown }
  return typeof window === 'number' ? `linearised, window of ${window} tokens` : ''
}

export const evaluationTitle = (evaluation: Pick<Evaluation, 'name' | 'step' | 'split' | 'config'>): string =>
  [
    evaluation.name,
    evaluation.step === null ? '' : `step ${evaluation.step}`,
    evaluation.split === 'heldout' ? '' : splitWords(evaluation.split),
    linearisedWords(evaluation),
  ]
    .filter((part) => part !== '')
    .join(', ')
