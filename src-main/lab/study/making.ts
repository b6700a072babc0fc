// How a study was made, for the end of its report: what of its grid is missing, at which rates, from which weights, by which command.
import { cellsOf } from './figures.ts'
import type { RecordedCell, StudyRecord } from './record.ts'
import { FEW_SEEDS, plural } from './wording.ts'

export function missingText(record: StudyRecord): string[] {
  const asked = new Set(record.cells.map(({ arm }) => arm))
  const unfinished = record.cells.filter(({ status }) => status !== 'finished')
  const absent = record.arms.filter(({ key }) => !asked.has(key))
  const counts = Map.groupBy(cellsFinished(record), ({ arm }) => arm)
  const most = Math.max(0, ...[...counts.values()].map(({ length }) => length))
  const fewer = record.arms.flatMap(({ key, title }) => {
    const seeds = counts.get(key)?.length ?? 0
    return seeds > 0 && seeds < most ? [{ title, seeds }] : []
  })
  const bySeeds = [...Map.groupBy(fewer, ({ seeds }) => seeds)].sort(([a], [b]) => b - a)
  return [
    ...(absent.length > 0 ? [`Not run: ${absent.map(({ title }) => title).join('; ')}.`] : []),
    ...(unfinished.length > 0
      ? [
          `Not finished: ${unfinished.map(({ arm, seed, status, steps }) => `${arm} seed ${seed} (${status === 'failed' ? 'failed' : steps === 0 ? 'not begun' : `${steps} of ${record.conditions.steps} steps`})`).join(', ')}.`,
        ]
      : []),
    ...bySeeds.map(([seeds, arms]) => `${seeds} of ${plural(most, 'seed')}: ${arms.map(({ title }) => title).join('; ')}.`),
    ...(most < FEW_SEEDS ? [`${plural(most, 'seed')} at most: below ${FEW_SEEDS} the noise of training is hardly covered.`] : []),
  ]
}
export const cellsFinished = ({ cells }: StudyRecord): RecordedCell[] => cells.filter(({ status }) => status === 'finished')

export const ratesText = (record: StudyRecord): string => {
  const rates = record.arms.flatMap(({ key, title }) => {
    const cells = cellsOf(record, key)
    return cells.length === 0 ? [] : [`${title} ${[...new Set(cells.map(({ learningRate }) => learningRate))].join(', ')}`]
  })
  const swept = record.conditions.learningRate === 'sweep'
  return `Learning rates${swept ? ', each the best of the same sweep on validation problems' : ' were fixed and not tuned'}: ${rates.join('; ')}.`
}

/** The commands that make this study again: one for each number of seeds. */
export function commandsOf({ study, conditions, cells }: StudyRecord): string {
  const seedsOf = Map.groupBy(cells, ({ arm }) => arm)
  const arms = [...seedsOf].map(([arm, own]) => ({ arm, seeds: Math.max(...own.map(({ seed }) => seed)) }))
  return [...Map.groupBy(arms, ({ seeds }) => seeds)]
    .sort(([a], [b]) => a - b)
    .map(([seeds, own]) =>
      commandOf(
        study,
        conditions,
        seeds,
        own.map(({ arm }) => arm),
      ),
    )
    .join('\n')
}

function commandOf(study: string, conditions: StudyRecord['conditions'], seeds: number, arms: readonly string[]): string {
  const { start } = conditions.changes as { readonly start?: string }
  return `npm run mrt -- study ${study}${start === undefined ? '' : ` --start ${start}`} --seeds ${seeds} --steps ${conditions.steps} --problems ${conditions.problems} --samples ${conditions.samples} --validation ${conditions.validation} --lr ${conditions.learningRate} --arms ${arms.join(',')}`
}

/** Which cells were taken over: two studies with a run in common do not confirm each other. */
export function sharedText({ cells }: StudyRecord): string {
  const shared = cells.filter(({ from }) => from !== undefined)
  if (shared.length === 0) return ''
  const named = shared.map(({ arm, seed, from }) => `${arm} seed ${seed} (${from})`).join(', ')
  return ` Taken over from other studies of the same workspace, where the same runs stand: ${named}.`
}

/** The weights that every run starts from. */
export function startText({ start, spec }: StudyRecord): string {
  const name = spec.start === 'starter' ? 'the starter model' : `the weights \`${spec.start}\``
  return `${name} of ${start.parameters} parameters (${start.sha256.slice(0, 12)})`
}
