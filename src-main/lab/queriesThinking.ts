// Analysis of thoughts, for any rollouts in the store: of a run, of some of its steps, or of an evaluation. Episodes, the J curve, regret at
// budgets, calibration, where the tokens went, and the live preview of a rule that cuts text. The measures are those of episodes/ and
// numeric/; this file gathers what they need. A scope larger than the limit is thinned evenly, and the answer says how many were read.

import { LabError, type Answers, type Figure, type Histogram, type Rollout, type RolloutDetail, type SegmentRule, type ThinkingScope } from '../../src-preload/contract.ts'
import { accountTokens, totalAccount } from '../episodes/accounting.ts'
import { averageAtEpisodes, type MeasuredTrace } from '../episodes/budgetCurve.ts'
import { calibrate } from '../episodes/calibration.ts'
import { regretCurve } from '../episodes/regret.ts'
import { PAPER_RULES, segmentText, type TextRule } from '../episodes/segmentText.ts'
import { calibrationError } from '../numeric/association.ts'
import { bootstrapMean } from '../numeric/bootstrap.ts'
import { normalInterval, wilson } from '../numeric/intervals.ts'
import { mean } from '../numeric/stats.ts'
import type { Store } from '../store/openStore.ts'
import { orderedCurve } from './queriesRollouts.ts'

const PAGE = 1000
const BINS = 24
const DRAWS = 2000
const SEED = 20_260_101
/** Rollouts read before the process looks after its other callers. */
const BATCH = 250

interface Measured {
  readonly detail: RolloutDetail
  readonly boundaries: readonly number[]
  readonly J: readonly number[]
}

function rowsOf(store: Store, scope: ThinkingScope): Rollout[] {
  const rows: Rollout[] = []
  for (let after: string | null = null; ; ) {
    const page = store.rollouts.page({ filter: scope, sort: 'place', descending: false, limit: PAGE, after })
    rows.push(...page.rollouts)
    if (page.next === null) return rows
    after = page.next
  }
}

/** At most `limit` items, evenly spread. */
export function thin<T>(items: readonly T[], limit: number): readonly T[] {
  if (items.length <= limit) return items
  return Array.from({ length: limit }, (_, index) => items[Math.floor((index * items.length) / limit)]!)
}

async function measuredOf(store: Store, rows: readonly Rollout[], signal: AbortSignal): Promise<Measured[]> {
  const measured: Measured[] = []
  for (const [index, row] of rows.entries()) {
    if (index % BATCH === BATCH - 1) await new Promise((resolve) => setImmediate(resolve))
    signal.throwIfAborted()
    if (row.progress === null && row.episodeCount > 0) continue
    const detail = store.rollouts.detail(row.id)
    const curve = detail?.progress[0]
    if (detail === null || curve === undefined || curve.estimates.length !== detail.episodes.length + 1) continue
    measured.push({ detail, ...orderedCurve(curve) })
  }
  return measured
}

const byProblem = <T extends { readonly detail: RolloutDetail }>(items: readonly T[]): T[][] => [...Map.groupBy(items, ({ detail }) => detail.problem.id).values()]

function histogramOf(values: readonly number[]): Histogram {
  const low = Math.min(...values)
  const high = Math.max(...values)
  const counts = new Array<number>(BINS).fill(0)
  if (values.length === 0) return { low: 0, high: 0, counts, missing: 0 }
  const width = (high - low) / BINS || 1
  for (const value of values) counts[Math.min(BINS - 1, Math.floor((value - low) / width))]! += 1
  return { low, high, counts, missing: 0 }
}

/** A rollout as budgets see it. What a forced answer would cost is taken to be what its own answer did. */
function traceOf({ detail, boundaries, J }: Measured): MeasuredTrace {
  const answer = Math.max(0, detail.tokens.length - (boundaries.at(-1) ?? 0))
  return { promptTokens: detail.promptTokens.length, suffixTokens: 0, boundaries, answerTokens: boundaries.map(() => answer), accuracy: J }
}

const orNull = (value: number): number | null => (Number.isFinite(value) ? value : null)

function figureOf(values: readonly number[]): Figure {
  const { estimate, low, high } = bootstrapMean(values, { seed: SEED, draws: DRAWS })
  return { value: estimate, low: values.length < 2 ? null : orNull(low), high: values.length < 2 ? null : orNull(high), n: values.length }
}

const textRule = ({ opener, minGap, maxCuts, groupSize }: SegmentRule): TextRule => ({ opener, minGap, maxCuts, groupSize })

export function thinkingQueries(open: () => Store): Answers<'thinking'>['thinking'] {
  const read = async (scope: ThinkingScope, limit: number, signal: AbortSignal) => {
    const store = open()
    const rows = rowsOf(store, scope)
    const chosen = thin(rows, limit)
    return { rolloutCount: rows.length, readCount: chosen.length, measured: await measuredOf(store, chosen, signal) }
  }

  return {
    async summary({ scope, limit }, { signal }) {
      const { rolloutCount, readCount, measured } = await read(scope, limit, signal)
      const questions = byProblem(measured)
      const accounts = questions.flatMap((members) => accountTokens(members.map(({ boundaries, J }) => ({ boundaries, accuracy: J }))))
      const progress = questions.map((members) => mean(members.map(({ J }) => J.at(-1)! - J[0]!)))
      return {
        rolloutCount,
        readCount,
        measuredCount: measured.length,
        episodes: histogramOf(measured.map(({ detail }) => detail.episodes.length)),
        episodeTokens: histogramOf(measured.flatMap(({ detail }) => detail.episodes.map(({ startToken, endToken }) => endToken - startToken))),
        curve: averageAtEpisodes(questions.map((members) => members.map(({ J }) => J))).map(({ mean: value, error, questions: n }) => {
          const interval = normalInterval(value, error)
          return { value, low: orNull(interval.low), high: orNull(interval.high), n }
        }),
        progress: progress.length === 0 ? null : figureOf(progress),
        account: totalAccount(accounts),
      }
    },

    async regret({ scope, budgets, counted, comparator, limit }, { signal }) {
      const { measured } = await read(scope, limit, signal)
      if (measured.length === 0) return []
      const questions = byProblem(measured).map((members) => members.map(traceOf))
      const trained = Math.max(...measured.map(({ detail }) => detail.rollout.budgetTokens ?? Infinity))
      const against = comparator === 'oracle' ? { kind: 'oracle' as const } : { kind: 'sufficient' as const, pool: questions }
      return regretCurve(questions, budgets, { counted, comparator: against }).map(({ budget, byQuestion }) => ({
        ...figureOf([...byQuestion]), budget, extrapolated: budget > trained,
      }))
    },

    async calibration({ scope, bins, limit }, { signal }) {
      const { measured } = await read(scope, limit, signal)
      const forecasts = measured.flatMap(({ detail, J }) => (detail.rollout.correct === null ? [] : [{ boundary: J.length - 1, J: J.at(-1)!, correct: detail.rollout.correct }]))
      if (forecasts.length === 0) return { bins: [], n: 0, brier: null, error: null, auroc: null }
      const { bins: filled, brier, auroc } = calibrate(forecasts, bins)
      return {
        bins: filled.map(({ low, high, count, predicted, observed }) => {
          const interval = count === 0 ? null : wilson(Math.round(observed * count), count)
          return { low, high, count, forecast: orNull(predicted), outcome: orNull(observed), outcomeLow: interval?.low ?? null, outcomeHigh: interval?.high ?? null }
        }),
        n: forecasts.length,
        brier: orNull(brier),
        error: calibrationError(filled),
        auroc: orNull(auroc),
      }
    },

    segment({ text, rule }) {
      try {
        return segmentText(text, textRule(rule)).episodes.map(({ characters }, index) => ({ index, textStart: characters.start, textEnd: characters.end }))
      } catch (error) {
        if (!(error instanceof SyntaxError || error instanceof RangeError)) throw error
        throw new LabError('segment.rule', { expected: 'a rule that can cut text', found: error.message, next: 'Correct the pattern or the numbers of the rule.' })
      }
    },

    rules: () =>
      Object.entries(PAPER_RULES).map(([name, { opener, ...rest }]) => ({
        name,
        rule: { ...rest, opener: opener.kind === 'phrases' ? { kind: 'phrases' as const, phrases: [...opener.phrases], patterns: [...(opener.patterns ?? [])] } : opener },
      })),
  }
}
