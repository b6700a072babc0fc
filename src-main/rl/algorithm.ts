// What an algorithm is: a name, a credit rule for one group of graded rollouts, a loss, and what must be sampled for it.
// The machinery (sampling, batching, training, logging) exists once elsewhere and asks only these questions.
import type { OptionTable, OptionValues } from './options.ts'
import type { Credit, CreditContext, GradedRollout, LossSpec } from './types.ts'

/** What must be sampled before credit can be assigned. */
export interface Needs {
  /** demonstrations: given texts; rollouts: full traces from the prompt; arms: continuations and terminations of a stale prefix. */
  readonly data: 'demonstrations' | 'rollouts' | 'arms'
  /** How J at every episode boundary must be known: not at all, by sampled answers, or as an exact probability. */
  readonly J: 'none' | 'sampled' | 'exact'
}

/** The functions are in method form so that a table of algorithms has one element type. */
export interface Algorithm<Table extends OptionTable = OptionTable> {
  readonly name: string
  readonly title: string
  /** The credit rule in one sentence. */
  readonly rule: string
  /** Paper and section the rule follows. */
  readonly source: string
  readonly options: Table
  needs(options: OptionValues<Table>): Needs
  /** Credits of one group, in its order. */
  credit(group: readonly GradedRollout[], options: OptionValues<Table>, context: CreditContext): readonly Credit[]
  loss(options: OptionValues<Table>): LossSpec
}

/** Infers the option table of an algorithm literal, so that its rule sees its own options typed. */
export function defineAlgorithm<const Table extends OptionTable>(algorithm: Algorithm<Table>): Algorithm<Table> {
  return algorithm
}
