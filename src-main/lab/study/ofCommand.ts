// A study as a command works on it: opened beside what was done of it elsewhere, and written down as a record and a report.
import { writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import type { Json, StudyPlan } from '../../../src-preload/contract.ts'
import type { LabContext } from '../process/context.ts'
import { expectSameStudy, joinRecords } from './beside.ts'
import { cellsAsked, conditionsOf, openStudy, type Study, type StudyRequest } from './grid.ts'
import { planOf } from './plan.ts'
import { recordText, type StudyRecord } from './record.ts'
import { recordOf } from './recording.ts'
import { renderReport } from './report.ts'
import { makeFolder } from '../../disk/makeFolder.ts'

type Stored = Pick<LabContext, 'store' | 'now'>

/** Throws LabError `study.unknown`, `study.arm`, and `study.record` where the record beside is of another study; the study is there then all the same. */
export function openBeside(
  context: Stored,
  name: string,
  request: StudyRequest,
  { environment, beside }: { readonly environment: Json; readonly beside: StudyRecord | undefined },
): { readonly study: Study; readonly plan: StudyPlan } {
  const study = openStudy(context, name, request, environment)
  if (beside !== undefined) expectSameStudy(beside, { study: name, conditions: conditionsOf(study) })
  return { study, plan: planOf(context, study, cellsAsked(context.store.studies.cells(study.id), request), beside) }
}

/** Throws LabError `study.record` and `study.differs` where the two records do not belong together. */
export function writeStudy(
  context: Stored,
  study: Study,
  { beside, report, record: file }: { readonly beside: StudyRecord | undefined; readonly report: string; readonly record: string },
): { readonly text: string; readonly finished: boolean } {
  const own = recordOf(context, study, beside)
  const record = beside === undefined ? own : joinRecords(own, beside)
  const text = renderReport(record)
  for (const [path, content] of [
    [report, text],
    [file, recordText(record)],
  ] as const) {
    makeFolder(dirname(path))
    writeFileSync(path, content)
  }
  return { text, finished: record.cells.every(({ status }) => status === 'finished') }
}
