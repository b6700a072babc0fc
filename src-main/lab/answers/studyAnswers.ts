// What a person does with studies: looks at what can be asked and at what it would take, starts one, pauses it, goes on, reads its report.
// A study is one job, whichever of its cells it works on; going on after a pause or a crash is a new job that starts from the records.

import {
  LabError,
  type Answers,
  type Json,
  type NewRun,
  type Study,
  type StudyCell,
  type StudyRequest,
} from '../../../src-preload/contract.ts'
import type { StudyCell as RecordedCell } from '../../store/studies.ts'
import { armOf, conditionsOf, imagineStudy, openStudy, remainingMs, STUDY_DEFAULTS, titleOf } from '../study/grid.ts'
import type { CellNotes, Study as RecordedStudy, StudyRequest as GridRequest } from '../study/grid.ts'
import { studyPresets } from '../study/presets.ts'
import { takeOutOfBin } from '../process/bin.ts'
import { found } from '../process/found.ts'
import type { ActionParts } from './runActions.ts'

/** Null where this version knows no such study. */
export const presetNamed = (name: string) => (Object.hasOwn(studyPresets, name) ? studyPresets[name]! : null)

export const asGrid = ({ start, ...request }: StudyRequest): GridRequest => ({ ...request, ...(start !== null && { changes: { start } }) })

export function studyAnswers({
  open,
  shown,
  jobs,
  engine,
  experiments,
  deviceTests,
  tell,
  now,
}: ActionParts): Answers<'studies'>['studies'] & { readonly holding: (runId: number) => string | null } {
  /** Jobs by the study that they work on. */
  const atWork = new Map<number, string>()
  const jobOf = (studyId: number) => jobs.list().find(({ id }) => id === atWork.get(studyId)) ?? null
  const changed = (): void => tell({ kind: 'changed', noun: 'studies', ids: [] })
  const recorded = (studyId: number): RecordedStudy => found('study', studyId, open().studies.get(studyId))

  function cellOf(study: RecordedStudy, cell: RecordedCell): StudyCell {
    const run = cell.runId === null ? null : shown().runs.readable(cell.runId)
    const { error } = cell.notes as CellNotes
    return {
      id: cell.id,
      arm: armOf(cell).key,
      title: titleOf(presetNamed(study.name), { arm: armOf(cell).key }),
      seed: cell.seed,
      rate: armOf(cell).rate,
      status: cell.status,
      runId: run?.id ?? null,
      step: run?.lastStep ?? 0,
      steps: run?.plannedSteps ?? (cell.spec as { readonly steps: number }).steps,
      // The time of a sitting that was killed is not with the cell, but its run knows how long it trained.
      wallMs: Math.max(cell.wallMs, run?.activeMs ?? 0),
      error: cell.status === 'failed' ? (error ?? null) : null,
    }
  }

  function asShown(study: RecordedStudy): Study {
    const { steps, problems, samples, validation, learningRate } = conditionsOf(study)
    const cells = shown().studies.cells(study.id)
    return {
      id: study.id,
      uid: study.uid,
      name: study.name,
      title: study.title,
      about: presetNamed(study.name)?.about ?? null,
      steps,
      problems,
      samples,
      validation,
      learningRate,
      createdAtMs: study.createdAtMs,
      cells: cells.map((cell) => cellOf(study, cell)),
      leftMs: remainingMs(cells),
      job: jobOf(study.id),
    }
  }

  function refuseAtWork({ id, name }: RecordedStudy): void {
    if (jobOf(id) !== null)
      throw new LabError('study.busy', {
        expected: 'a study that rests',
        found: `${name}, which is at work`,
        next: 'Pause it first, or wait until it is done.',
      })
  }
  const environmentOf = async () => experiments.environment(await engine())

  /**
   * In one turn, so that of two windows that start it one is refused.
   * @param only the cells to work on; all of them unless given
   */
  function queue(study: RecordedStudy, environment: NewRun['environment'], only?: Pick<GridRequest, 'arms' | 'seeds'>): Study {
    refuseAtWork(study)
    // What is worked on has to be seen.
    const unfinished = open()
      .studies.cells(study.id)
      .flatMap(({ status, runId }) => (status === 'finished' || runId === null ? [] : [runId]))
    if (takeOutOfBin(open(), unfinished)) tell({ kind: 'changed', noun: 'runs', ids: [] })
    const { job, done } = jobs.add({
      kind: 'study',
      label: `Study ${study.name}`,
      runId: null,
      lane: 'heavy',
      work: async ({ worksOn, ...control }) =>
        experiments.runStudy({ store: open(), engine: await engine(), now, deviceTests }, study, {
          ...control,
          environment,
          ...(only && { only }),
          onEvent(event) {
            if (event.kind === 'run') {
              const { id, status } = event.run
              if (status === 'running') worksOn(id)
              else if (jobOf(study.id)?.runId === id) worksOn(null)
            }
            control.onEvent(event)
          },
          onCell: changed,
        }),
    })
    atWork.set(study.id, job.id)
    done.catch(() => {}).finally(changed)
    changed()
    return asShown(study)
  }

  return {
    holding(runId) {
      for (const [studyId] of atWork) {
        if (
          jobOf(studyId) !== null &&
          shown()
            .studies.cells(studyId)
            .some((cell) => cell.runId === runId)
        )
          return recorded(studyId).name
      }
      return null
    },
    presets: () => ({
      presets: Object.entries(studyPresets).map(([name, { title, about, arms, baseline, subject }]) => ({
        name,
        title,
        about,
        arms: arms.map(({ key, title: armTitle, role }) => ({ key, title: armTitle, role })),
        baseline,
        subject,
      })),
      defaults: STUDY_DEFAULTS,
    }),
    list: () => shown().studies.list().map(asShown),
    plan: (request) => experiments.planStudy({ store: shown() }, request.name, asGrid(request)),
    async start(request) {
      const environment = await environmentOf()
      // Before it gets the cells that it lacks: what is refused has changed nothing.
      refuseAtWork(imagineStudy({ store: open() }, request.name, asGrid(request)).study)
      const study = openStudy({ store: open(), now }, request.name, asGrid(request), environment as Json)
      return queue(study, environment, { arms: request.arms, seeds: request.seeds })
    },
    async goOn({ studyId }) {
      recorded(studyId)
      const environment = await environmentOf()
      return queue(recorded(studyId), environment)
    },
    pause({ studyId }) {
      const { name } = recorded(studyId)
      const job = jobOf(studyId)
      if (job === null)
        throw new LabError('study.idle', { expected: `${name} to be at work`, found: 'no job for it', next: 'Go on with it first.' })
      // One that only waits has nothing to pause.
      if (job.startedAtMs === null) jobs.cancel(job.id)
      else jobs.pause(job.id)
      return null
    },
    remove({ studyId }) {
      refuseAtWork(recorded(studyId))
      open().studies.remove(studyId)
      changed()
      return null
    },
    async report({ studyId }) {
      const text = await experiments.reportStudy({ store: open() }, recorded(studyId))
      return text === null ? null : { text }
    },
  }
}
