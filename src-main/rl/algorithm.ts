// What an algorithm is: a name, what it rewards, what must be sampled and measured for it, a credit rule for one group of graded rollouts,
// and a loss. The machinery (sampling, batching, training, logging) exists once elsewhere, asks only these questions and reads no option by name.
import type { OptionTable, OptionValues } from './options.ts'
import type { Credit, CreditContext, GradedRollout, LossSpec } from './types.ts'

/** Which weights answer when thinking is cut, and how their answers count. */
export interface Mu {
  /** current: those that sampled; start: those the run started from; ema: their moving average; given: those that the specification names. */
  readonly weights: 'current' | 'start' | 'ema' | 'given'
  /** Share of the average that is kept at each optimiser step. */
  readonly emaDecay: number
  /** A prover that succeeds if any of so many answers does. */
  readonly bestOf: number
}

/** The two arms of a stale prefix. */
export interface ArmPlan {
  /** Rollouts per prefix. */
  readonly continuations: number
  readonly terminations: number
  /** A prefix ends after a random number of episodes, from none to this many. */
  readonly maxPrefixEpisodes: number
  /** Prefixes come from the weights as they were at the last step that this divides. */
  readonly staleSteps: number
}

/** One part of a curriculum; the parts of a run are equal. */
export interface CurriculumStage {
  /** Share of the thinking budget. */
  readonly budget: number
  /** Window of problems in the order of difficulty, each in 0..1, the easiest first. */
  readonly difficulty: readonly [number, number]
}

/** Thinking budgets at which every rollout is cut and J is taken. */
export interface CutPlan {
  /** Ascending shares of the thinking budget; above 1 only kept rollouts get there. */
  readonly shares: readonly number[]
  /** exact, or the mean outcome of the answers. */
  readonly J: 'exact' | 'sampled'
  /** Answers sampled at each cut and learned from; 0: none. */
  readonly answers: number
  /** Share of the cuts, drawn by lot, whose answers are learned from: each is a sequence of its own to the trainer, with all the thinking before it. */
  readonly learned: number
  /** With J exact: share of these budgets at which J is taken, drawn by lot for each group, each as likely as any other; absent: at all. */
  readonly measured?: number
  /** The answering policy follows the exact gradient of J at the cuts, as credit weighs them; absent: it does not. */
  readonly follows?: boolean
}

/** Rollouts of each group whose thinking is kept going. */
export interface KeptPlan {
  readonly share: number
  /** Times the thinking budget. */
  readonly times: number
  /** Share of the groups, drawn by lot, that have them; the others go without, and are that much smaller. Absent: all. */
  readonly groups?: number
}

/** A run as iterations of drawing texts and imitating what is kept of them: equal parts of it, in each of which texts come from the weights with which it began. */
export interface IterationPlan {
  readonly count: number
  /** Each iteration learns anew from the weights that the run started from, with a fresh optimizer; else it goes on from the last. */
  readonly fromStart: boolean
  /** Times that what is kept of a batch is gone through. */
  readonly passes: number
}

/** What must be sampled and measured before credit can be assigned. */
export interface Needs {
  /** demonstrations: given texts; rollouts: full traces from the prompt; arms: continuations and terminations of a stale prefix. */
  readonly data: 'demonstrations' | 'rollouts' | 'arms'
  /** How J at every episode boundary must be known: not at all, by sampled answers, or as an exact probability. */
  readonly J: 'none' | 'sampled' | 'exact'
  /** Whose answers J is about; absent: one answer of the weights that sampled. */
  readonly mu?: Mu
  /** Answers at each boundary of a sampled J. */
  readonly branches?: number
  /** Fresh continuations from every boundary whose mean outcome is its value V; absent: V is not measured. */
  readonly continuations?: number
  /** J is measured at the ends of so many episodes at most, later ones merged into the last; absent: of all. */
  readonly maxEpisodes?: number
  /** Rounds of generation in which groups without a mix of right and wrong answers are replaced by fresh ones; absent: one, and none is replaced. */
  readonly samplingRounds?: number
  /** With data: arms. */
  readonly arms?: ArmPlan
  /** With data: rollouts. */
  readonly cuts?: CutPlan
  /** With data: rollouts. */
  readonly kept?: KeptPlan
  /** What changes about problems and budget over the run; absent: nothing. With data: rollouts. */
  readonly curriculum?: readonly CurriculumStage[]
  /** With data: rollouts; absent: every step draws from the weights as they are. */
  readonly iterations?: IterationPlan
  /** Credit names rollouts that are to be ended early with an answer (`Credit.endAt`), and is asked again about these endings. */
  readonly endings?: boolean
  /** Tokens are paid that were forced upon the policy, so that its own log-probs of them are needed. */
  readonly paysForced?: boolean
}

/** The functions are in method form so that a table of algorithms has one element type. */
export interface Algorithm<Table extends OptionTable = OptionTable> {
  readonly name: string
  readonly title: string
  /** What is rewarded, as runs record it; its first word is the family that screens give a colour to. Estimators of one reward share it. */
  readonly method: string
  /** The credit rule in one sentence. */
  readonly rule: string
  /** Paper and section the rule follows. */
  readonly source: string
  readonly options: Table
  needs(options: OptionValues<Table>): Needs
  /** Credits of one group, in its order. */
  credit(group: readonly GradedRollout[], options: OptionValues<Table>, context: CreditContext): readonly Credit[]
  loss(options: OptionValues<Table>): LossSpec
  /** Weight of progress beside the outcome, where it pays progress. @param done share of the run's steps that are done */
  alpha?(options: OptionValues<Table>, done: number): number
}

/** Infers the option table of an algorithm literal, so that its rule sees its own options typed. */
export function defineAlgorithm<const Table extends OptionTable>(algorithm: Algorithm<Table>): Algorithm<Table> {
  return algorithm
}
