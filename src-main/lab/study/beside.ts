// A study worked on in several places: what one record holds need not be worked on again elsewhere, and two records of one study make one.
// Nothing is joined that does not belong together: conditions, start, problems and the arms' presets must be the same, and a cell that both
// records hold must have the same numbers in both, to the last digit.
import { readFileSync } from 'node:fs'
import { isDeepStrictEqual } from 'node:util'
import { LabError } from '../../../src-preload/contract.ts'
import type { StudyCell } from '../../store/studies.ts'
import { armOf, isSweep } from './grid.ts'
import type { RecordedCell, StudyRecord } from './record.ts'

const NEXT = 'Give the record of the same study, asked for with the same options, by the same version of the program.'

/** Throws LabError `study.record`. */
export function readRecord(file: string): StudyRecord {
  let record: Partial<StudyRecord>
  try {
    record = JSON.parse(readFileSync(file, 'utf8')) as Partial<StudyRecord>
  } catch (error) {
    throw refused('a record that `mrt study` wrote', `${file}: ${(error as Error).message}`)
  }
  const lacking = (['study', 'conditions', 'start', 'arms', 'clusters', 'cells'] as const).filter((key) => record?.[key] === undefined)
  if (record?.format !== 1 || lacking.length > 0)
    throw refused('a record that `mrt study` wrote', `${file}: ${lacking.length > 0 ? `no ${lacking.join(', ')}` : 'another format'}`)
  return record as StudyRecord
}

/** The cell of a record that was worked on to its end; undefined where it holds none. */
export const finishedIn = (record: StudyRecord | undefined, arm: string, seed: number): RecordedCell | undefined =>
  record?.cells.find((cell) => cell.arm === arm && cell.seed === seed && cell.status === 'finished')

/** The learning rate that a record's cells of an arm were trained at; undefined where it holds none. */
export const rateIn = (record: StudyRecord | undefined, arm: string): number | undefined =>
  record?.cells.find((cell) => cell.arm === arm && cell.status === 'finished')?.learningRate

/** Throws LabError `study.record` where the record is of another study or other conditions. */
export function expectSameStudy(
  record: Pick<StudyRecord, 'study' | 'conditions'>,
  wanted: Pick<StudyRecord, 'study' | 'conditions'>,
): void {
  if (record.study !== wanted.study) throw refused(`a record of the study ${wanted.study}`, `one of ${record.study}`)
  const keys = Object.keys(wanted.conditions) as (keyof StudyRecord['conditions'])[]
  const other = keys.filter((key) => !isDeepStrictEqual(record.conditions[key], wanted.conditions[key]))
  if (other.length > 0)
    throw refused(
      `a record with ${other.map((key) => `${key} ${JSON.stringify(wanted.conditions[key])}`).join(', ')}`,
      other.map((key) => `${key} ${JSON.stringify(record.conditions[key])}`).join(', '),
    )
}

/** Whether a cell is still to be worked on here, as far as the record beside goes: a sweep is, until the record holds a cell of its arm. */
export const isOpenBeside = (cell: StudyCell, beside: StudyRecord | undefined): boolean =>
  isSweep(cell) ? rateIn(beside, armOf(cell).key) === undefined : finishedIn(beside, cell.arm, cell.seed) === undefined

/**
 * Two records of one study as one: every cell that either holds, `mine` first where neither is finished. Throws LabError `study.record` where they are
 * of different studies, and `study.differs` where both hold what ought to be equal and is not.
 */
export function joinRecords(mine: StudyRecord, other: StudyRecord): StudyRecord {
  expectSameStudy(other, mine)
  for (const key of ['spec', 'budgets', 'trainedBudget', 'baseline', 'subject'] as const)
    if (!isDeepStrictEqual(mine[key], other[key])) throw refused(`${key} ${JSON.stringify(mine[key])}`, JSON.stringify(other[key]))
  if (mine.start.sha256 !== other.start.sha256) throw refused(`a start of the weights ${mine.start.sha256}`, other.start.sha256)
  expectEqual('the start', mine.start.evaluations, other.start.evaluations)
  expectEqual('the clusters', mine.clusters, other.clusters)
  const arms = mine.arms.map((arm) => {
    const theirs = other.arms.find(({ key }) => key === arm.key)
    if (theirs !== undefined && !(theirs.algorithm === arm.algorithm && isDeepStrictEqual(theirs.options, arm.options)))
      throw refused(
        `the arm ${arm.key} as ${arm.algorithm} ${JSON.stringify(arm.options)}`,
        `${theirs.algorithm} ${JSON.stringify(theirs.options)}`,
      )
    return { ...arm, sweep: arm.sweep.length > 0 ? arm.sweep : (theirs?.sweep ?? []) }
  })
  const keys = new Map([...other.cells, ...mine.cells].map(({ arm, seed }) => [`${arm} seed ${seed}`, { arm, seed }]))
  const cells = [...keys].map(([name, { arm, seed }]) => {
    const [own, theirs] = [finishedIn(mine, arm, seed), finishedIn(other, arm, seed)]
    if (own !== undefined && theirs !== undefined) {
      for (const part of ['learningRate', 'steps', 'cost', 'evaluations', 'equalCost', 'validation'] as const)
        if (own[part] !== null && theirs[part] !== null) expectEqual(`${name}, ${part}`, { all: own[part] }, { all: theirs[part] })
      return { ...theirs, equalCost: theirs.equalCost ?? own.equalCost }
    }
    return own ?? theirs ?? [...mine.cells, ...other.cells].find((cell) => cell.arm === arm && cell.seed === seed)!
  })
  return {
    ...other,
    arms,
    cells,
    clusters: { ...mine.clusters, ...other.clusters },
    start: { ...other.start, evaluations: { ...mine.start.evaluations, ...other.start.evaluations } },
  }
}

/** What both hold must be equal. */
function expectEqual(what: string, mine: object, other: object): void {
  for (const [key, value] of Object.entries(mine)) {
    const theirs = (other as Record<string, unknown>)[key]
    if (theirs !== undefined && !isDeepStrictEqual(value, theirs))
      throw new LabError('study.differs', {
        expected: `the same numbers of ${what}${key === 'all' ? '' : ` (${key})`} in both records`,
        found: 'other ones',
        next: 'The two were made by programs or processors that round differently. Report them apart, or work on all of it in one place.',
      })
  }
}

const refused = (expected: string, found: string): LabError => new LabError('study.record', { expected, found, next: NEXT })
