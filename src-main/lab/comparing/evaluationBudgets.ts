// Which budgets an evaluation is read at, how long its thoughts may be, and which curve speaks for a budget: the one place of each rule.
import { LabError, type Evaluation, type RunSpec } from '../../../src-preload/contract.ts'

/** The longest thoughts are this many times the training budget, unless the specification says otherwise. */
const REACH = 3

/** Budgets that an evaluation is read at: those asked for and the training budget, ascending. */
export function budgetsOf({ evaluation, budget }: Pick<RunSpec, 'evaluation' | 'budget'>): number[] {
  return [...new Set([...evaluation.budgets, budget.thinkingTokens])].sort((a, b) => a - b)
}

/** Thinking tokens that the rollouts of an evaluation may use. Throws LabError `evaluation.longest` when a budget lies beyond what was asked for. */
export function longestOf(spec: Pick<RunSpec, 'evaluation' | 'budget'>): number {
  const most = budgetsOf(spec).at(-1)!
  const longest = spec.evaluation.longest ?? Math.max(REACH * spec.budget.thinkingTokens, most)
  if (longest >= most) return longest
  throw new LabError('evaluation.longest', {
    expected: `budgets up to evaluation.longest, ${longest} tokens`,
    found: `${most}`,
    next: 'Raise evaluation.longest, or leave out the budgets beyond it.',
  })
}

/** Thinking tokens that are before the model at once: all of them, or those of the window where the evaluation is linearised. */
export const atOnce = (spec: Pick<RunSpec, 'evaluation' | 'budget'>): number =>
  Math.min(longestOf(spec), spec.evaluation.window ?? Infinity)

/** Which rollouts speak for a budget unless others are asked for: up to the budget trained with those that stop where they stop, beyond it those kept thinking. */
export const thinkingAt = (budget: number, trained: Evaluation['trainedBudget']): 'natural' | 'kept' =>
  trained !== null && budget > trained ? 'kept' : 'natural'
