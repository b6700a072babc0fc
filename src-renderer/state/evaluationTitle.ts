/** What an evaluation is called where several stand beside each other: whose weights, after which step, and on which problems. */
import type { Evaluation } from '../../src-preload/contract.ts'

/** The problems of a split in words; a split of another make is named as it is. */
export const splitWords = (split: string): string =>
  ({ heldout: 'held-out problems', 'heldout-targets': 'held-out targets', validation: 'validation problems' })[split] ?? split

export const evaluationTitle = ({ name, step, split }: Pick<Evaluation, 'name' | 'step' | 'split'>): string =>
  `${name}${step === null ? '' : `, step ${step}`}${split === 'heldout' ? '' : `, ${splitWords(split)}`}`
