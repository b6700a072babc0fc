// A study whose cells cannot be worked on: each says why and is tried again, what stops all of them stops the study, and who asks it to wait is heard first.
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Json } from '../../src-preload/contract.ts'
import type { OpenedContext } from '../../src-main/lab/process/openContext.ts'
import { openStudy } from '../../src-main/lab/study/grid.ts'
import { runStudy, type StudyJob } from '../../src-main/lab/study/run.ts'
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

const studyWith = (changes: Json, steps = 2) =>
  openStudy(
    context,
    'headline',
    { steps, problems: 4, samples: 2, validation: 4, learningRate: 'fixed', arms: ['outcome', 'mrt-exact'], seeds: 1, changes },
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
})
