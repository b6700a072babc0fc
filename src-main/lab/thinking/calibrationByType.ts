// Does J tell the truth about every kind of problem? What it foretold at the end of each thought against what was graded, by difficulty or by any column that the
// problems carry. The gap is foretold less realised, problem by problem, so that what problems share cancels; intervals resample clusters of problems. The calibration error weighs
// the gaps of bins by how many forecasts lie in them (ECE); it has no interval here, and of few forecasts it is above 0 by chance alone.
import { LabError, type CalibrationByType, type Figure, type ThinkingScope, type TypeCalibration } from '../../../src-preload/contract.ts'
import { calibrate } from '../../episodes/calibration.ts'
import { calibrationError } from '../../numeric/association.ts'
import { mean } from '../../numeric/stats.ts'
import type { Store } from '../../store/openStore.ts'
import { byProblem, clustersOfQuestions, figureOf, readScope, type MeasuredRollout } from './measuredRollouts.ts'
import { slicingsOf, type Row } from './thinkingSlices.ts'

interface TypeRequest {
  /** `level` (difficulty) or `column:NAME`; what there is stands in the error. */
  readonly by: string
  readonly bins: number
  /** Rollouts at most, evenly thinned. */
  readonly limit: number
}

/** Only rollouts that ended by themselves and were graded are read. Throws LabError `thinking.unmeasured` where none has J, `thinking.slice` for problems that are not told apart so. */
export async function calibrationByType(
  store: Store,
  scope: ThinkingScope,
  { by, bins, limit }: TypeRequest,
  signal: AbortSignal,
): Promise<CalibrationByType> {
  const { measured } = await readScope(store, scope, limit, signal)
  const graded = measured.filter(({ detail }) => detail.rollout.correct !== null)
  if (graded.length === 0)
    throw new LabError('thinking.unmeasured', {
      expected: 'rollouts that were graded and whose J is on record',
      found: `none among ${measured.length} that were read`,
      next: 'Measure J first: mrt measure.',
    })
  const rows = graded.map((own): Row => ({
    rollout: own.detail.rollout,
    problem: own.detail.problem,
    source: own.detail.rollout.phase,
    measured: own,
  }))
  const available = slicingsOf(rows).filter((each) => each.by === 'level' || each.by.startsWith('column:'))
  const slicing = available.find((each) => each.by === by)
  if (slicing === undefined)
    throw new LabError('thinking.slice', {
      expected: available.length === 0 ? 'problems that differ in difficulty or in a column' : available.map((each) => each.by).join(', '),
      found: by,
      next: 'Name one of those, or choose other rollouts.',
    })
  const types = Map.groupBy(rows, slicing.of)
  const names = slicing.order ?? [...types.keys()].filter((name) => name !== null).sort(new Intl.Collator('en', { numeric: true }).compare)
  return {
    title: slicing.title,
    types: names.flatMap((type) => {
      const own = types.get(type)
      return own === undefined
        ? []
        : [
            calibrationOf(
              type,
              own.map((row) => row.measured!),
              bins,
            ),
          ]
    }),
    all: calibrationOf('all', graded, bins),
    bins: calibrate(forecastsOf(graded), bins).bins.map((bin) => ({
      ...bin,
      predicted: bin.count === 0 ? null : bin.predicted,
      observed: bin.count === 0 ? null : bin.observed,
    })),
  }
}

const lastJ = ({ J }: MeasuredRollout): number => Math.min(1, J.at(-1)!)
const right = ({ detail }: MeasuredRollout): number => Number(detail.rollout.correct)
const forecastsOf = (rollouts: readonly MeasuredRollout[]) => rollouts.map((each) => ({ J: lastJ(each), correct: right(each) === 1 }))

function calibrationOf(type: string, rollouts: readonly MeasuredRollout[], bins: number): TypeCalibration {
  const questions = byProblem(rollouts)
  const clusters = clustersOfQuestions(questions)
  const over = (of: (rollout: MeasuredRollout) => number): Figure =>
    figureOf(
      questions.map(({ members }) => mean(members.map(of))),
      clusters,
    )
  const { brier, bins: filled } = calibrate(forecastsOf(rollouts), bins)
  return {
    type,
    problems: questions.length,
    forecasts: rollouts.length,
    foretold: over(lastJ),
    realised: over(right),
    gap: over((rollout) => lastJ(rollout) - right(rollout)),
    brier,
    error: calibrationError(filled),
  }
}
