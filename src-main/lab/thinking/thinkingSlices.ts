// The same figures for parts of a scope: by difficulty, by whether the answer was right, by where the rollouts came from, or by any column
// their problems carry. A slice keeps the comparator of its scope, so that slices add up to it.

import type { Answers, Rollout, SliceReport } from '../../../src-preload/contract.ts'
import { LabError } from '../../../src-preload/contract.ts'
import { accountTokens, totalAccount } from '../../episodes/accounting.ts'
import { normalizedRegret } from '../../episodes/regret.ts'
import { quantile } from '../../numeric/stats.ts'
import type { Store } from '../../store/openStore.ts'
import { makeComparator } from '../comparing/comparators.ts'
import {
  countedOf,
  accuracyOf,
  byProblem,
  clustersOfQuestions,
  figureOf,
  figureOrNull,
  perQuestion,
  readScope,
  traceOf,
  type MeasuredRollout,
} from './measuredRollouts.ts'

/** Levels in more values than this are sliced into three parts of about the same size. */
const MOST_LEVELS = 6

export interface Row {
  readonly rollout: Rollout
  readonly problem: MeasuredRollout['detail']['problem']
  readonly source: string
  readonly measured: MeasuredRollout | null
}

export interface Slicing {
  readonly by: string
  readonly title: string
  /** The slice of a row, or null where it belongs to none; in the order that slices are listed. */
  readonly of: (row: Row) => string | null
  readonly order?: readonly string[]
}

const number = (value: number): string => String(Number(value.toFixed(2)))

function levelSlicing(rows: readonly Row[]): Slicing | null {
  const levels = rows.flatMap(({ problem }) => (problem.level === null ? [] : [problem.level]))
  const distinct = [...new Set(levels)].sort((a, b) => a - b)
  if (distinct.length < 2) return null
  const title = 'difficulty'
  if (distinct.length <= MOST_LEVELS)
    return {
      by: 'level',
      title,
      of: ({ problem }) => (problem.level === null ? null : `level ${number(problem.level)}`),
      // Levels that are written alike are one slice.
      order: [...new Set(distinct.map((level) => `level ${number(level)}`))],
    }
  const [low, high] = [quantile(levels, 1 / 3), quantile(levels, 2 / 3)]
  const names = [`easiest third, up to ${number(low)}`, `middle, up to ${number(high)}`, `hardest third, above ${number(high)}`]
  return {
    by: 'level',
    title,
    of: ({ problem: { level } }) => (level === null ? null : names[level <= low ? 0 : level <= high ? 1 : 2]!),
    order: names,
  }
}

export function slicingsOf(rows: readonly Row[]): Slicing[] {
  const columns = [...new Set(rows.flatMap(({ problem }) => Object.keys(problem.slices)))]
  const level = levelSlicing(rows)
  const all: Slicing[] = [
    ...(level === null ? [] : [level]),
    {
      by: 'correct',
      title: 'right or wrong',
      of: ({ rollout }) => (rollout.correct === null ? null : rollout.correct ? 'right' : 'wrong'),
      order: ['right', 'wrong'],
    },
    {
      by: 'episodes',
      title: 'number of episodes',
      of: ({ rollout: { episodeCount } }) =>
        episodeCount >= 6 ? '6 episodes or more' : `${episodeCount} ${episodeCount === 1 ? 'episode' : 'episodes'}`,
      order: [...[0, 1, 2, 3, 4, 5].map((n) => `${n} ${n === 1 ? 'episode' : 'episodes'}`), '6 episodes or more'],
    },
    { by: 'finish', title: 'how it ended', of: ({ rollout }) => rollout.finishReason },
    { by: 'step', title: 'training step', of: ({ rollout }) => `step ${rollout.step}` },
    { by: 'source', title: 'source', of: ({ source }) => source },
    ...columns.map((column): Slicing => ({
      by: `column:${column}`,
      title: column,
      of: ({ problem }) => (column in problem.slices ? String(problem.slices[column]) : null),
    })),
  ]
  // What puts everything into one slice tells nothing.
  return all.filter(({ of }) => new Set(rows.flatMap((row) => of(row) ?? [])).size > 1)
}

export function sliceQueries(open: () => Store): Pick<Answers<'thinking'>['thinking'], 'slices'> {
  return {
    async slices({ scope, by, budget, counted: asked, comparator, limit }, { signal }): Promise<SliceReport> {
      const store = open()
      const counted = countedOf(store, scope, asked)
      const { read, measured, questions } = await readScope(store, scope, limit, signal)
      const byId = new Map(measured.map((each) => [each.detail.rollout.id, each]))
      const problems = new Map(measured.map(({ detail: { problem } }) => [problem.id, problem]))
      const rows = read.flatMap((rollout): Row[] => {
        const own = byId.get(rollout.id)
        const problem = problems.get(rollout.problemId) ?? store.datasets.readable(rollout.problemId)
        if (problem === null) return []
        problems.set(problem.id, problem)
        const file = own?.detail.provenance.file
        return [
          {
            rollout,
            problem,
            source: typeof file === 'string' ? file : (own?.detail.provenance.source ?? rollout.phase),
            measured: own ?? null,
          },
        ]
      })
      const available = slicingsOf(rows)
      const slicing = available.find((each) => each.by === by) ?? available[0]
      if (slicing === undefined || rows.length === 0) return { available: [], rows: [] }
      if (slicing.by !== by && by !== 'level')
        throw new LabError('thinking.slice', {
          expected: available.map((each) => each.by).join(', '),
          found: by,
          next: 'Slice by one of those.',
        })
      const against = await makeComparator(comparator, { store, scope, questions, counted, limit, signal })
      const slices = Map.groupBy(rows, slicing.of)
      const names = [...slices.keys()].filter((name) => name !== null)
      const order = slicing.order ?? names.sort((a, b) => new Intl.Collator('en', { numeric: true }).compare(a, b))
      return {
        available: available.map(({ by: key, title }) => ({ by: key, title })),
        rows: order
          .filter((name) => slices.has(name))
          .map((slice) => {
            const own = slices.get(slice)!
            const inside = byProblem(own.flatMap((row) => row.measured ?? []))
            const side = against(inside)
            const clusters = clustersOfQuestions(inside)
            const regret =
              side.questions.length === 0
                ? null
                : normalizedRegret(
                    side.questions.map(({ members }) => members.map(traceOf)),
                    budget,
                    { counted, comparator: side.tokens },
                  )
            return {
              slice,
              rolloutCount: own.length,
              problemCount: new Set(own.map(({ problem }) => problem.id)).size,
              measuredCount: own.filter((row) => row.measured !== null).length,
              accuracy: accuracyOf(
                store,
                own.map(({ rollout }) => rollout),
              ),
              tokens: figureOrNull(
                perQuestion(inside, ({ boundaries }) => boundaries.at(-1)!),
                clusters,
              ),
              start: figureOrNull(
                perQuestion(inside, ({ J }) => J[0]!),
                clusters,
              ),
              end: figureOrNull(
                perQuestion(inside, ({ J }) => J.at(-1)!),
                clusters,
              ),
              progress: figureOrNull(
                perQuestion(inside, ({ J }) => J.at(-1)! - J[0]!),
                clusters,
              ),
              regret: regret === null ? null : figureOf(regret.byQuestion, clustersOfQuestions(side.questions)),
              account: totalAccount(
                inside.flatMap(({ members }) => accountTokens(members.map(({ boundaries, J }) => ({ boundaries, accuracy: J })))),
              ),
            }
          }),
      }
    },
  }
}
