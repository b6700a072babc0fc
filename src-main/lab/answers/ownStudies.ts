// What a command does with studies beyond what pages may: it says how far they are cell by cell, works on one beside the record of another
// place and until a time, and writes report and record where it is told to.
import type { OwnAnswers, StudyStatus } from '../../../src-preload/contract.ts'
import { awaited } from '../process/awaited.ts'
import { found } from '../process/found.ts'
import { readRecord } from '../study/beside.ts'
import { conditionsOf, isSweep, remainingMs, titleOf, type CellNotes, type Study } from '../study/grid.ts'
import { asGrid, presetNamed } from './studyAnswers.ts'
import type { ActionParts } from './runActions.ts'

const besideOf = (path: string | null) => (path === null ? undefined : readRecord(path))

export function ownStudies({ open, shown, jobs, engine, experiments, deviceTests, now }: Omit<ActionParts, 'tell'>): OwnAnswers['studies'] {
  const recorded = (studyId: number): Study => found('study', studyId, open().studies.get(studyId))
  const environmentOf = async () => experiments.environment(await engine())

  function statusOf(study: Study): StudyStatus {
    const store = shown()
    const cells = store.studies.cells(study.id)
    const { steps, problems, learningRate } = conditionsOf(study)
    return {
      id: study.id,
      uid: study.uid,
      name: study.name,
      conditions: study.conditions,
      steps,
      problems,
      learningRate,
      remainingMs: remainingMs(cells),
      cells: cells.map((cell) => ({
        arm: cell.arm,
        title: titleOf(presetNamed(study.name), cell),
        sweep: isSweep(cell),
        seed: cell.seed,
        status: cell.status,
        run: cell.runId,
        steps: cell.runId === null ? 0 : (store.runs.readable(cell.runId)?.lastStep ?? 0),
        wallMs: cell.wallMs,
      })),
    }
  }

  return {
    status: ({ name }) =>
      shown()
        .studies.list()
        .filter((study) => name === null || study.name === name)
        .map(statusOf),
    async open({ name, beside: path, ...request }) {
      const beside = besideOf(path)
      const environment = await environmentOf()
      const { openBeside } = await import('../study/ofCommand.ts')
      const { study, plan } = openBeside({ store: open(), now }, name, asGrid({ name, ...request }), { environment, beside })
      return { studyId: study.id, title: study.title, plan }
    },
    work({ studyId, arms, seeds, beside: path, untilMs }, { signal }) {
      const study = recorded(studyId)
      const beside = besideOf(path)
      return awaited(jobs, signal, {
        kind: 'study',
        label: `Study ${study.name}`,
        runId: null,
        lane: 'heavy',
        work: async ({ control, onEvent, signal: ended }) =>
          experiments.runStudy({ store: open(), engine: await engine(), now, deviceTests }, study, {
            signal: ended,
            environment: await environmentOf(),
            only: { arms, seeds },
            beside,
            control: () => (untilMs !== null && now() > untilMs ? 'pause' : control()),
            onEvent,
            onCell: (state, { title, index, count, remainingMs: left, cell }) =>
              onEvent({
                kind: 'cell',
                state,
                title,
                index,
                count,
                remainingMs: left,
                finished: cell.status === 'finished',
                wallMs: cell.wallMs,
                error: (cell.notes as CellNotes).error ?? '',
              }),
          }),
      })
    },
    async write({ studyId, beside, ...files }) {
      const { writeStudy } = await import('../study/ofCommand.ts')
      return writeStudy({ store: open(), now }, recorded(studyId), { beside: besideOf(beside), ...files })
    },
  }
}
