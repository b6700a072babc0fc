// A study whose cells cannot be worked on: each says why and is tried again, what stops all of them stops the study, and who asks it to wait is heard first.
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Json } from '../../src-preload/contract.ts'
import type { OpenedContext } from '../../src-main/lab/process/openContext.ts'
import { isSweep, openStudy, type CellNotes, type StudyRequest } from '../../src-main/lab/study/grid.ts'
import { runStudy, type StudyJob } from '../../src-main/lab/study/run.ts'
import { createRun } from '../../src-main/lab/training/createRun.ts'
import { parseSpec } from '../../src-main/lab/training/runSpecs.ts'
import { openBench, type Bench } from './micro.ts'

let bench: Bench
let context: OpenedContext
beforeAll(async () => {
  bench = await openBench()
  context = bench.open('studies')
})
afterAll(() => {
  context.close()
  bench.dispose()
})

const studyWith = (changes: Json, steps = 2, more: Partial<StudyRequest> = {}, name: 'headline' | 'alpha' = 'headline') =>
  openStudy(
    context,
    name,
    { steps, problems: 4, samples: 2, validation: 4, learningRate: 'fixed', arms: ['outcome', 'mrt-exact'], seeds: 1, changes, ...more },
    {},
  )
const told: (readonly [string, string, number, number, number | null])[] = []
const job = (more: Partial<StudyJob> = {}): StudyJob => ({
  environment: {},
  onCell: (state, { title, index, count, remainingMs }) => told.push([state, title, index, count, remainingMs]),
  ...more,
})
const cellsOf = (id: number) => context.store.studies.cells(id)
/** More tokens of thinking than the model has positions for. */
const tooLong = () => ({ start: bench.start, promptsPerStep: 2, groupSize: 2, budget: { thinkingTokens: 4000, answerTokens: 8 } })

/** What the model can do in a moment. */
const small = () => ({
  start: bench.start,
  promptsPerStep: 2,
  groupSize: 2,
  observeGroups: 1,
  watch: { problems: 0 },
  budget: { thinkingTokens: 12, answerTokens: 6 },
  evaluation: { budgets: [12] },
})

describe('a study', () => {
  it('goes on to the next cell where one fails, keeps why, and tries those that failed again', async () => {
    const study = studyWith(tooLong())
    for (let time = 1; time <= 2; time++) {
      told.length = 0
      expect(await runStudy(context, study, job())).toBe(false)
      expect(told).toEqual(
        ['outcome RL (Dr. GRPO)', 'MRT-exact'].flatMap((title, index) =>
          ['begins', 'fails'].map((state) => [state, `${title}, seed 1`, index, 2, null]),
        ),
      )
      for (const { status, notes, finishedAtMs } of cellsOf(study.id)) {
        expect([status, finishedAtMs]).toEqual(['failed', null])
        expect((notes as { readonly error: string }).error.length).toBeGreaterThan(10)
      }
    }
  })

  it('works on the cells alone that it is asked for', async () => {
    const study = studyWith(tooLong(), 3)
    await runStudy(context, study, job({ only: { arms: ['mrt-exact'] } }))
    expect(cellsOf(study.id).map(({ arm, status }) => [arm, status])).toEqual([
      ['outcome', 'waiting'],
      ['mrt-exact', 'failed'],
    ])
  })

  it('is stopped by what stops every cell: weights that are not there', async () => {
    const study = studyWith({ ...tooLong(), start: join(bench.folder, 'nowhere') })
    await expect(runStudy(context, study, job())).rejects.toMatchObject({ code: 'start.unknown' })
    expect(cellsOf(study.id).map(({ status, notes }) => [status, notes])).toEqual([
      ['running', {}],
      ['waiting', {}],
    ])
  })

  it('begins nothing where it is to wait, or was cancelled', async () => {
    const study = studyWith(tooLong(), 4)
    told.length = 0
    expect(await runStudy(context, study, job({ control: () => 'stop-after-step' }))).toBe(false)
    await expect(runStudy(context, study, job({ signal: AbortSignal.abort() }))).rejects.toThrow()
    expect([told, cellsOf(study.id).map(({ status }) => status)]).toEqual([[], ['waiting', 'waiting']])
  })

  it('that was worked on to its end is told so', async () => {
    const study = studyWith(tooLong(), 5)
    for (const { id } of cellsOf(study.id)) context.store.studies.setStatus(id, 'finished', 5, 9)
    told.length = 0
    expect([await runStudy(context, study, job()), told]).toEqual([true, []])
  })

  it('adds up the time of all sittings of a cell', async () => {
    const study = studyWith(tooLong(), 6)
    let clock = 1000
    const timed = { ...context, engine: context.engine, now: () => clock }
    for (let sitting = 1; sitting <= 2; sitting++) {
      await runStudy(timed, study, { environment: {}, onCell: (state) => (clock += state === 'begins' ? 50 : 7) })
      expect(cellsOf(study.id).map(({ wallMs }) => wallMs)).toEqual([50 * sitting, 50 * sitting])
    }
  })

  it('that is cancelled in the middle of a cell has not failed at it', async () => {
    const study = studyWith(tooLong(), 7)
    const abort = new AbortController()
    const onCell = (): void => abort.abort(new Error('enough'))
    await expect(runStudy(context, study, job({ signal: abort.signal, onCell }))).rejects.toThrow('enough')
    expect(cellsOf(study.id).map(({ status, notes }) => [status, notes])).toEqual([
      ['running', {}],
      ['waiting', {}],
    ])
  })

  it('says of an arm whose sweep failed that it has no rate to learn at', async () => {
    // Tokens that are left out of what is drawn have no place in a run without a correction.
    const study = studyWith({ ...small(), sampling: { topP: 0.9 } }, 2, { learningRate: 'sweep', arms: ['outcome'], problems: 2 })
    expect(await runStudy(context, study, job())).toBe(false)
    expect(cellsOf(study.id).map(({ arm, status }) => [arm.split(' at ')[0], status])).toEqual(
      Array.from({ length: 5 }, () => ['outcome', 'failed']),
    )
    const errors = cellsOf(study.id).map(({ notes }) => (notes as CellNotes).error!)
    expect(errors.at(-1)).toContain('a finished sweep of outcome')
    for (const error of errors.slice(0, -1)) expect(error).not.toContain('sweep')
  })

  it('learns at the lowest of the best rates of a sweep, takes up the run that was made for it, pauses, and does nothing twice', async () => {
    const asked = { learningRate: 'sweep', arms: ['outcome'], problems: 2, validation: 2, checkpointEvery: 1 } as const
    const study = studyWith(small(), 4, asked)
    const { store } = context
    const found = [0.2, 0.6, 0.6, 0.4]
    for (const [at, { id }] of cellsOf(study.id).filter(isSweep).entries()) {
      store.studies.setNotes(id, { validation: [{ step: 2, accuracy: found[at]!, regret: [] }] })
      store.studies.setStatus(id, 'finished', 1, 1)
    }
    const cell = () => cellsOf(study.id).find((each) => !isSweep(each))!
    const spec = parseSpec(cell().spec)
    // Made just before the process died: the cell does not know of it.
    const runId = await createRun(context, { ...spec, optimizer: { ...spec.optimizer, lr: 1e-4 } }, {})
    const runs = store.runs.list().length
    let asks = 0
    expect(await runStudy(context, study, job({ control: () => (asks++ === 0 ? 'go' : 'pause') }))).toBe(false)
    expect([cell().runId, cell().status, cell().finishedAtMs, store.runs.get(runId)!.status]).toEqual([runId, 'running', null, 'paused'])

    expect(await runStudy(context, study, job())).toBe(true)
    expect(cell()).toMatchObject({ status: 'finished', runId, finishedAtMs: expect.any(Number) as number })
    expect([store.runs.list().length, parseSpec(store.runs.get(runId)!.config).optimizer.lr]).toEqual([runs, 1e-4])
    const measured = () => [(cell().notes as CellNotes).validation!.map(({ step }) => step), store.evaluations.list().length]
    const before = measured()
    expect(before[0]).toEqual([3, 4])
    // Cut short after all was done, before it was said.
    store.studies.setStatus(cell().id, 'running', 0, null)
    expect(await runStudy(context, study, job())).toBe(true)
    expect([measured(), cell().status]).toEqual([before, 'finished'])

    // A seed that nothing was made for learns at the rate that the sweep found.
    studyWith(small(), 4, { ...asked, seeds: 2 })
    expect(await runStudy(context, study, job())).toBe(true)
    const second = store.runs.get(cellsOf(study.id).find(({ seed }) => seed === 2)!.runId!)!
    expect([store.runs.list().length, second.seed, parseSpec(second.config).optimizer.lr]).toEqual([runs + 1, 2, 1e-4])
  })

  it('measures a rate of a sweep with its last weights alone, and on no held-out problem', async () => {
    const study = studyWith(small(), 8, { learningRate: 'sweep', arms: ['outcome'], problems: 2, validation: 2, checkpointEvery: 1 })
    const { store } = context
    const abort = new AbortController()
    const onCell: StudyJob['onCell'] = (state) => {
      if (state === 'ends') abort.abort(new Error('one is enough'))
    }
    await expect(runStudy(context, study, job({ signal: abort.signal, onCell }))).rejects.toThrow('one is enough')
    // Of half as many steps as the runs of the study.
    const [first] = cellsOf(study.id)
    expect([isSweep(first!), first!.status]).toEqual([true, 'finished'])
    expect(store.checkpoints.ofRun(first!.runId!).map(({ step }) => step)).toEqual(expect.arrayContaining([3, 4]))
    expect((first!.notes as CellNotes).validation!.map(({ step }) => step)).toEqual([4])
    expect(store.evaluations.ofRun(first!.runId!)).toEqual([])
  })

  it('takes a cell over as it is in another study, and measures nothing of it anew that is missing there', async () => {
    const { store } = context
    const asked = { arms: ['outcome'], problems: 2, validation: 2 }
    const headline = studyWith(small(), 2, asked)
    expect(await runStudy(context, headline, job())).toBe(true)
    const there = cellsOf(headline.id)[0]!
    store.studies.setNotes(there.id, { clusters: [0, 1] })
    const alpha = studyWith(small(), 2, asked, 'alpha')
    expect(await runStudy(context, alpha, job())).toBe(true)
    expect(cellsOf(alpha.id)).toMatchObject([{ status: 'finished', runId: there.runId }])
    expect(cellsOf(alpha.id)[0]!.notes).toEqual({ clusters: [0, 1], from: 'headline' })
  })
})
