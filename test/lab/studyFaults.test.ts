// What people do to studies at the wrong moment, and what other programs leave in their rows: refused with a code or done, and nothing is lost.
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Study, StudyRequest } from '../../src-preload/contract.ts'
import { experiments } from '../../src-main/lab/process/experiments.ts'
import { openStore } from '../../src-main/store/openStore.ts'
import { fakeExperiments } from './fakeExperiments.ts'
import { openLocalLab, type LocalLab } from './localLab.ts'
import { specOf } from './records.ts'

let lab: LocalLab
/** Lets the study that is at work begin one more cell, or end. */
let go: () => void
beforeEach(async () => {
  let waiting: (() => void)[] = []
  go = () => {
    const released = waiting
    waiting = []
    for (const each of released) each()
  }
  lab = await openLocalLab({
    ...fakeExperiments,
    planStudy: (...given) => experiments.planStudy(...given),
    reportStudy: (...given) => experiments.reportStudy(...given),
    /** Each cell gets a run, and is finished when it is let go. */
    async runStudy({ store, now, ...context }, study, { control, environment, onEvent, onCell }) {
      for (const cell of store.studies.cells(study.id).filter(({ status }) => status !== 'finished')) {
        const runId = cell.runId ?? (await fakeExperiments.createRun({ store, now, ...context }, specOf('dr-grpo', cell.seed), environment))
        store.studies.setRun(cell.id, runId)
        onCell?.('begins', { cell, title: '', index: 0, count: 1, remainingMs: null })
        onEvent?.({ kind: 'run', run: store.runs.get(runId)! })
        await new Promise<void>((resolve) => waiting.push(resolve))
        if (control?.() === 'pause') return false
        store.studies.setStatus(cell.id, 'finished', 1, now())
      }
      return true
    },
  })
})
afterEach(async () => {
  const letGo = setInterval(() => go(), 5)
  await lab.close()
  clearInterval(letGo)
})

const request: StudyRequest = {
  name: 'controls',
  arms: ['outcome', 'mrt-exact'],
  seeds: 1,
  steps: 4,
  problems: 8,
  samples: 2,
  validation: 4,
  learningRate: 'fixed',
  start: null,
}
const only = async (): Promise<Study> => {
  const [study, ...others] = await lab.client.studies.list()
  expect(others).toEqual([])
  return study!
}
/** Resolves with the study when it is as wanted. */
async function study(wanted: (study: Study) => boolean): Promise<Study> {
  for (;;) {
    const found = await only()
    if (wanted(found)) return found
    await new Promise((resolve) => setTimeout(resolve, 2))
  }
}
const begun = (count: number) => study(({ cells }) => cells.filter(({ runId }) => runId !== null).length === count)
async function paused(): Promise<Study> {
  await lab.client.studies.pause({ studyId: (await only()).id })
  go()
  return study(({ job }) => job === null)
}
const codeOf = (answer: PromiseSettledResult<unknown>): string =>
  answer.status === 'fulfilled' ? 'answered' : (answer.reason as { code: string }).code

describe('two windows', () => {
  it('that start the same study at the same moment make one study and one job; the second is told', async () => {
    const answers = await Promise.allSettled([lab.client.studies.start(request), lab.client.studies.start(request)])
    expect(answers.map(codeOf).sort()).toEqual(['answered', 'study.busy'])
    expect((await only()).cells).toHaveLength(2)
    expect((await lab.client.jobs.list()).filter(({ kind }) => kind === 'study')).toHaveLength(1)
  })

  it('that go on with one at the same moment make one job', async () => {
    await lab.client.studies.start(request)
    await begun(1)
    const { id } = await paused()
    const answers = await Promise.allSettled([lab.client.studies.goOn({ studyId: id }), lab.client.studies.goOn({ studyId: id })])
    expect(answers.map(codeOf).sort()).toEqual(['answered', 'study.busy'])
    expect((await lab.client.jobs.list()).filter(({ kind }) => kind === 'study')).toHaveLength(1)
  })

  it('of which one asks for more seeds while the other is at work: refused, and no cell is added that nobody works on', async () => {
    await lab.client.studies.start(request)
    await expect(lab.client.studies.start({ ...request, seeds: 5 })).rejects.toMatchObject({ code: 'study.busy' })
    expect((await only()).cells).toHaveLength(2)
  })
})

it('a study has no report before a cell of it is finished', async () => {
  const { id } = await lab.client.studies.start(request)
  await begun(1)
  expect(await lab.client.studies.report({ studyId: id })).toBeNull()
  await paused()
})

describe('a run that is a cell', () => {
  it('cannot be deleted while its study is at work, whichever cell that is at', async () => {
    await lab.client.studies.start(request)
    const [first] = (await begun(1)).cells
    go()
    const [, second] = (await begun(2)).cells
    for (const { runId } of [first!, second!])
      await expect(lab.client.runs.remove({ runId: runId! })).rejects.toMatchObject({ code: 'run.ofStudy', next: 'Pause the study first.' })
    expect(await lab.client.runs.bin()).toEqual([])
    const { cells } = await paused()
    await lab.client.runs.remove({ runId: cells[0]!.runId! })
    expect(await lab.client.runs.bin()).toHaveLength(1)
  })

  it('comes back out of the bin when its study goes on with it', async () => {
    await lab.client.studies.start(request)
    await begun(1)
    const { id, cells } = await paused()
    const runId = cells[0]!.runId!
    await lab.client.runs.remove({ runId })
    await lab.client.studies.goOn({ studyId: id })
    expect(await lab.client.runs.bin()).toEqual([])
    expect((await lab.client.runs.list()).map(({ run }) => run.id)).toContain(runId)
  })

  it('and is finished and in the bin stays on record while its study is at work, and goes when the bin is emptied afterwards', async () => {
    await lab.client.studies.start(request)
    await begun(1)
    go()
    await begun(2)
    const { id, cells } = await paused()
    const runId = cells[0]!.runId!
    expect(cells[0]!.status).toBe('finished')
    await lab.client.runs.remove({ runId })
    await lab.client.studies.goOn({ studyId: id })
    await begun(2)
    await lab.client.runs.emptyBin()
    expect((await lab.client.runs.bin()).map((run) => run.id)).toEqual([runId])
    await paused()
    await lab.client.runs.emptyBin()
    expect(await lab.client.runs.bin()).toEqual([])
    // What is left is said by the cell: finished, without a run here.
    expect((await only()).cells[0]).toMatchObject({ status: 'finished', runId: null })
  })

  it('and was deleted before it was finished is made anew when its study goes on', async () => {
    await lab.client.studies.start(request)
    await begun(1)
    const { id, cells } = await paused()
    await lab.client.runs.remove({ runId: cells[0]!.runId! })
    await lab.client.runs.emptyBin()
    await lab.client.studies.goOn({ studyId: id })
    expect((await begun(1)).cells[0]!.runId).not.toBe(null)
  })
})

describe('a study that this version does not know, or whose rows are spoilt', () => {
  /** With one finished cell, written as another version or a failing disk would leave it. */
  async function strange(name: string, spoil: string | null = null): Promise<number> {
    await lab.client.workspace.close()
    const store = openStore(lab.folder)
    const conditions = { steps: 1, problems: 8, samples: 2, validation: 4, learningRate: 'fixed', checkpointEvery: 1, changes: {} }
    const { id } = store.studies.add({ name, title: 'A study', conditions, environment: {}, createdAtMs: 1 })
    store.studies.addCells(id, [
      { arm: 'outcome', seed: 1, spec: { steps: 1 } },
      { arm: 'mrt-exact', seed: 1, spec: { steps: 1 } },
    ])
    for (const cell of store.studies.cells(id)) store.studies.setStatus(cell.id, 'finished', 5, 9)
    store.close()
    if (spoil !== null) {
      const db = new Database(join(lab.folder, 'workspace.db'))
      db.exec(spoil)
      db.close()
    }
    await lab.client.workspace.open({ folder: lab.folder })
    return id
  }

  it.each([
    ['of a preset that came later', 'tomorrow', null],
    ['with specifications that are none', 'headline', null],
    ['with a spoilt cell', 'headline', `UPDATE study_cells SET notes = '{"cut' WHERE seed = 1 AND arm = 'outcome'`],
    ['with spoilt conditions', 'headline', `UPDATE studies SET conditions = 'null'`],
    ['with nothing but spoilt cells', 'headline', `UPDATE study_cells SET spec = '[1'`],
  ])('%s keeps no other from being planned and started', async (_, name, spoil) => {
    await strange(name, spoil)
    expect((await lab.client.studies.plan(request)).cells).toBe(2)
    expect((await lab.client.studies.start(request)).cells).toHaveLength(2)
  })

  it.each([
    ['of a preset that came later', 'tomorrow', null, 'study.unknown'],
    ['with a spoilt cell', 'headline', `UPDATE study_cells SET notes = '{"cut' WHERE seed = 1 AND arm = 'outcome'`, 'workspace.badRow'],
    ['with spoilt conditions', 'headline', `UPDATE studies SET conditions = 'null'`, 'workspace.badRow'],
    ['with nothing but spoilt cells', 'headline', `UPDATE study_cells SET spec = '[1'`, 'workspace.badRow'],
  ])('%s has no report, and says why', async (_, name, spoil, code) => {
    const studyId = await strange(name, spoil)
    const refused: unknown = await lab.client.studies.report({ studyId }).catch((error: unknown) => error)
    expect(refused).toMatchObject({ code })
    expect(JSON.stringify(refused)).not.toContain('    at ')
  })

  it('can be taken out of the list', async () => {
    const studyId = await strange('tomorrow')
    expect((await only()).title).toBe('A study')
    await lab.client.studies.remove({ studyId })
    expect(await lab.client.studies.list()).toEqual([])
  })
})
