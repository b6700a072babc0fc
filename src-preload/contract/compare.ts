// Runs side by side.

import { z } from 'zod'
import { problem } from './records.ts'
import { budgetPoint, difference, figure, method, pairedComparison } from './shared.ts'
import { count, float32s, id, name, type Of } from './values.ts'

/** What runs are compared by: alone, or seeds of one configuration together. */
export const groupBy = z.enum(['run', 'group'])
const arm = z.object({ key: name, title: z.string(), runIds: z.array(id), method: name, algorithm: name })
export const compareRow = arm.extend({
  /** The evaluations read: the newest finished one of each run; runs without one are left out of the figures. */
  evaluationIds: z.array(id),
  /** The training step of each of them. */
  evaluatedSteps: z.array(z.int().nullable()),
  problemCount: count,
  /** Above the budget trained to: drawn as extrapolation. */
  extrapolated: z.boolean(),
  accuracy: figure.nullable(),
  regret: figure.nullable(),
  meanTokens: figure.nullable(),
  /** Row minus baseline on the problems both have; null for the baseline itself and where nothing pairs. */
  against: z.object({ accuracy: difference, regret: difference, meanTokens: difference }).nullable(),
  /** Thinking tokens per rollout by what became of them, over all rollouts of all evaluations read; null where one does not say. */
  account: z
    .object({
      useful: z.number(),
      overthinking: z.number(),
      futile: z.number(),
      starved: z.number(),
      starvedShare: z.number(),
      rollouts: count,
    })
    .nullable(),
  cost: z.object({ steps: count, tokens: count, estimateTokens: count, flops: z.number(), wallMs: z.number() }),
})
export type CompareRow = Of<typeof compareRow>
export const compareTable = z.object({
  budget: z.number(),
  /** False: the budget lies between measured ones and was read off the straight line between them. */
  exact: z.boolean(),
  comparator: z.literal('oracle'),
  baseline: name.nullable(),
  rows: z.array(compareRow),
  /** In what the trained arms differ besides their methods: one value per trained arm, in the order of the rows; null where it has no such setting. */
  confounds: z.array(z.object({ key: z.string(), values: z.array(z.string().nullable()) })).default([]),
})
export type CompareTable = Of<typeof compareTable>
export const xAxes = ['step', 'tokens', 'wallMs', 'flops'] as const
export const bands = ['none', 'deviation', 'error', 'bootstrap', 'range'] as const
/** One line of an overlay. Several runs are joined at the steps they share; their x is the mean of theirs. */
export const overlayCurve = arm.extend({
  metric: name,
  exact: z.boolean(),
  x: z.array(z.number()),
  step: z.array(z.number()),
  value: z.array(z.number()),
  low: z.array(z.number()).nullable(),
  high: z.array(z.number()).nullable(),
  /** Runs at each point. */
  n: z.array(count),
})
export type OverlayCurve = Of<typeof overlayCurve>
/** `points`: natural thinking, one estimator at every budget. `kept`: thinking forced on, after whole attempts, at the budgets beyond training; never to be joined with the points. */
export const budgetCurve = arm.extend({ trainedBudget: count.nullable(), points: z.array(budgetPoint), kept: z.array(budgetPoint) })
export type BudgetCurveView = Of<typeof budgetCurve>
/**
 * Accuracy against tokens, one dot per evaluation (run null: the weights that all start from), with curves of equal regret for the budget.
 * `path` is the way of the whole arm: means over its seeds at the steps at which all of them were evaluated.
 */
export const methodMap = z.object({
  budget: z.number(),
  paths: z.array(
    arm.extend({
      dots: z.array(
        z.object({
          runId: id.nullable(),
          evaluationId: id,
          step: z.int().nullable(),
          tokens: z.number(),
          accuracy: z.number(),
          regret: z.number(),
        }),
      ),
      path: z.array(z.object({ step: z.int().nullable(), tokens: z.number(), accuracy: z.number(), regret: z.number(), n: count })),
    }),
  ),
  equalRegret: z.array(z.object({ regret: z.number(), tokens: z.array(z.number()), accuracy: z.array(z.number()) })),
})
export type MethodMap = Of<typeof methodMap>
/** Two arms on the same problems, each problem averaged over an arm's seeds; `b` against `a`, at every budget that both measured. */
export const pairedArms = z.object({
  evaluationsA: z.array(id),
  evaluationsB: z.array(id),
  meanTokens: difference,
  scores: z.array(z.object({ budget: z.number(), wins: count, losses: count, ties: count, accuracy: difference })),
  /** `kept`: whether answers are on record, besides the scores. `accuracyA`, `accuracyB`: one per budget, in the order of `scores`. */
  problems: z.array(
    z.object({
      problem,
      keptA: z.boolean(),
      keptB: z.boolean(),
      tokensA: z.number(),
      tokensB: z.number(),
      accuracyA: float32s,
      accuracyB: float32s,
    }),
  ),
})
export type PairedArms = Of<typeof pairedArms>
/** Thinking tokens with which each arm first reaches an accuracy, read off the straight line between budgets. */
export const tokensForAccuracy = z.object({
  /** What was read at; null when nothing was asked for and no accuracy is reached by all. */
  accuracy: z.number().nullable(),
  /** Round accuracies between the lowest and the highest measured: what may be asked for. */
  levels: z.array(z.number()),
  baseline: name.nullable(),
  rows: z.array(
    z.object({
      key: name,
      /** Null where the arm never reaches it, or is there already at the smallest budget. */
      tokens: figure.nullable(),
      /** Share of resamples on which it can be said; the interval is over these. */
      reached: z.number(),
      /** It takes more than the budget trained to. */
      extrapolated: z.boolean(),
      /** Tokens of the baseline divided by those of the arm: above 1 where the arm needs fewer. */
      efficiency: figure.nullable(),
    }),
  ),
})
export type TokensForAccuracy = Of<typeof tokensForAccuracy>
/** A comparison as it is printed and kept. */
export const compareReport = z.object({
  runs: z.array(
    z.object({
      id,
      name: z.string(),
      method: name,
      seed: count,
      steps: count,
      /** Share of right answers as sampled under the training budget, and its 95 % interval over clusters of problems, and problems. */
      accuracy: z.number(),
      accuracyCi: z.tuple([z.number(), z.number()]),
      meanTokens: z.number(),
      /** Normalized regret by token budget. */
      regret: z.record(z.string(), z.number()),
    }),
  ),
  /** `accuracy` and `regret` at the training budget, `meanTokens` as sampled; the difference is b - a on the same problems. */
  comparisons: z.array(
    z.object({
      a: z.string(),
      b: z.string(),
      metric: name,
      difference: z.number(),
      ci: z.tuple([z.number().nullable(), z.number().nullable()]),
      p: z.number().nullable(),
    }),
  ),
  table: z.object({
    baseline: z.string(),
    /** The training budget, at which rows are scored. */
    budget: z.number(),
    /** The accuracy at which token efficiency is read: what every method reaches. */
    level: z.number(),
    /** A method of a comparison: its row and its curve, ready to print. */
    methods: z.array(
      z.object({
        row: compareRow,
        budgets: z.array(z.number()),
        accuracy: z.array(z.number()),
        /** Tokens that the baseline needs for the level of accuracy, divided by the tokens that this method needs; null where undefined. */
        tokenEfficiency: z.number().nullable(),
        /** Gain in accuracy over the start, as a multiple of the baseline's; null where the baseline did not gain. */
        gain: z.number().nullable(),
      }),
    ),
  }),
})
export type CompareReport = Of<typeof compareReport>
/** Who is compared, in which evaluations: the newest of each run, or the newest at or before a training step (before its first, what the run started from). */
const compareScope = z.object({ runIds: z.array(id), groupBy: groupBy.default('group'), step: count.nullable().default(null) })
/** A run, whose arm the others are compared with, or the weights that all start from. */
const compareBaseline = z
  .union([id, z.literal('start')])
  .nullable()
  .default(null)
const budgetList = z.array(z.number().positive()).min(1).max(200)

export const compareMethods = {
  compare: {
    /** Rows in the order of the runs, before them the shared start where it was evaluated (key `start`, no runs). */
    table: method(compareScope.extend({ budget: z.number().positive(), baseline: compareBaseline }), compareTable),
    /** The same at many budgets at once, in their order: what a slider of budgets moves through. */
    tables: method(compareScope.extend({ budgets: budgetList, baseline: compareBaseline }), z.array(compareTable)),
    curves: method(
      z.object({
        runIds: z.array(id),
        metric: name,
        x: z.enum(xAxes).default('step'),
        groupBy: groupBy.default('group'),
        band: z.enum(bands).default('bootstrap'),
        maxPoints: z.int().min(16).max(20_000).default(2000),
      }),
      z.array(overlayCurve),
    ),
    /** `start` adds the shared start as the first arm, where it was evaluated. */
    budgetCurves: method(
      compareScope.extend({ quantity: z.enum(['accuracy', 'regret']), start: z.boolean().default(false) }),
      z.array(budgetCurve),
    ),
    map: method(compareScope.extend({ budget: z.number().positive() }), methodMap),
    maps: method(compareScope.extend({ budgets: budgetList }), z.array(methodMap)),
    /** Evaluations of two runs, paired; null when one has none. */
    wins: method(
      z.object({ a: id, b: id, budget: z.number().positive().nullable().default(null), step: count.nullable().default(null) }),
      pairedComparison.nullable(),
    ),
    /** Two arms by their runs (none: the shared start of the other's), paired problem by problem; null when one was not evaluated. */
    pairs: method(z.object({ a: z.array(id), b: z.array(id), step: count.nullable().default(null) }), pairedArms.nullable()),
    /** Tokens for an accuracy; null asks at the highest whole percentage that every arm reaches within the training budget. */
    tokensFor: method(
      compareScope.extend({ accuracy: z.number().min(0).max(1).nullable().default(null), baseline: compareBaseline }),
      tokensForAccuracy,
    ),
    /** What the newest evaluations of some runs say against a baseline, at the training budget of the baseline; seeds of one configuration together. Throws `compare.notEvaluated`. */
    report: method(z.object({ runIds: z.array(id).min(1), baseline: id }), compareReport),
    /** Budgets that every evaluation of these runs measured, and the steps at which any of them was evaluated: the stops of the sliders. */
    budgets: method(
      z.object({ runIds: z.array(id) }),
      z.object({ budgets: z.array(z.number()), trainedBudget: count.nullable(), steps: z.array(count) }),
    ),
  },
}
