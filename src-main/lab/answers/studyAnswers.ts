// What a person does with studies: looks at what can be asked and at what it would take, starts one, pauses it, goes on, reads its report.
// A study is one job, whichever of its cells it works on; going on after a pause or a crash is a new job that starts from the records.

import { LabError, type Answers, type Json, type Study, type StudyCell, type StudyRequest } from '../../../src-preload/contract.ts'
import type { StudyCell as RecordedCell } from '../../store/studies.ts'
import { armOf, conditionsOf, openStudy, remainingMs, STUDY_DEFAULTS, titleOf } from '../study/grid.ts'
import type { CellNotes, Study as RecordedStudy, StudyRequest as GridRequest } from '../study/grid.ts'
import { studyPresets } from '../study/presets.ts'
import { found } from '../process/found.ts'
import type { ActionParts } from './runActions.ts'

const presetNamed = (name: string) => (Object.hasOwn(studyPresets, name) ? studyPresets[name]! : null)

const asGrid = ({ start, ...request }: StudyRequest): GridRequest => ({ ...request, ...(start !== null && { changes: { start } }) })

export function studyAnswers({
  open,
  shown,
  jobs,
  engine,
  experiments,
  deviceTests,
  tell,
  now,
}: ActionParts): Answers<'studies'>['studies'] {
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

  /** @param only the cells to work on; all of them unless given */
  async function queue(study: RecordedStudy, only?: Pick<GridRequest, 'arms' | 'seeds'>): Promise<Study> {
    if (jobOf(study.id) !== null)
      throw new LabError('study.busy', {
        expected: 'a study that rests',
        found: `${study.name}, which is at work`,
        next: 'Pause it first, or wait until it is done.',
      })
    const environment = await experiments.environment(await engine())
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
    plan: (request) => experiments.planStudy({ store: open() }, request.name, asGrid(request)),
    async start(request) {
      const made = await experiments.environment(await engine())
      const study = openStudy({ store: open(), now }, request.name, asGrid(request), made as Json)
      return queue(study, { arms: request.arms, seeds: request.seeds })
    },
    goOn: ({ studyId }) => queue(recorded(studyId)),
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
      const { name } = recorded(studyId)
      if (jobOf(studyId) !== null)
        throw new LabError('study.busy', { expected: 'a study that rests', found: `${name}, which is at work`, next: 'Pause it first.' })
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
