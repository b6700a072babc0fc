// One study worked on in two places: what the first record holds is not worked on again, and the two records make the one of a single place.
import { join } from 'node:path'
import { writeFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { LabContext } from '../../src-main/lab/process/context.ts'
import type { OpenedContext } from '../../src-main/lab/process/openContext.ts'
import { expectSameStudy, joinRecords, readRecord } from '../../src-main/lab/study/beside.ts'
import { isSweep, openStudy } from '../../src-main/lab/study/grid.ts'
import type { StudyRequest } from '../../src-main/lab/study/grid.ts'
import { planOf } from '../../src-main/lab/study/plan.ts'
import { recordText } from '../../src-main/lab/study/record.ts'
import type { StudyRecord } from '../../src-main/lab/study/record.ts'
import { recordOf } from '../../src-main/lab/study/recording.ts'
import { renderReport } from '../../src-main/lab/study/report.ts'
import { runStudy } from '../../src-main/lab/study/run.ts'
import { openBench } from './micro.ts'
import type { Bench } from './micro.ts'

const SLOW = 300_000
let bench: Bench
const opened: OpenedContext[] = []
let whole: StudyRecord
let first: StudyRecord
let second: OpenedContext
let joined: StudyRecord

function requestOf(seeds: number): StudyRequest {
  return {
    steps: 2,
    problems: 8,
    samples: 2,
    learningRate: 'sweep',
    validation: 4,
    checkpointEvery: 1,
    arms: ['outcome', 'mrt-exact'],
    seeds,
    changes: {
      start: bench.start,
      promptsPerStep: 3,
      groupSize: 4,
      observeGroups: 1,
      budget: { thinkingTokens: 24, answerTokens: 8 },
      evaluation: { budgets: [8, 24, 48] },
    },
  }
}
function open(name: string): OpenedContext {
  const context = bench.open(name)
  opened.push(context)
  return context
}
async function workedOn(context: LabContext, seeds: number, beside?: StudyRecord): Promise<StudyRecord> {
  const study = openStudy(context, 'headline', requestOf(seeds), {})
  expect(await runStudy(context, study, { environment: {}, beside })).toBe(true)
  return recordOf(context, study, beside)
}

beforeAll(async () => {
  bench = await openBench()
  whole = await workedOn(open('whole'), 2)
  first = await workedOn(open('first'), 1)
  second = open('second')
  joined = joinRecords(await workedOn(second, 2, first), first)
}, SLOW)
afterAll(() => {
  for (const context of opened) context.close()
  bench.dispose()
})

const byCell = ({ cells }: StudyRecord) =>
  cells.map(({ wallMs: _, ...cell }) => cell).toSorted((a, b) => a.arm.localeCompare(b.arm) || a.seed - b.seed)
const refused = (code: string) => expect.objectContaining({ code })

describe('a study beside a record of it', () => {
  it('works on what the record lacks alone, at the learning rates that stand there', () => {
    const [study] = second.store.studies.list()
    const cells = second.store.studies.cells(study!.id)
    expect(cells.filter(({ status }) => status === 'finished').map(({ arm, seed }) => [arm, seed])).toEqual([
      ['outcome', 2],
      ['mrt-exact', 2],
    ])
    expect(cells.filter((cell) => isSweep(cell) && cell.runId !== null)).toEqual([])
    // The runs of a sweep were measured on validation problems alone.
    const [{ store }] = opened as [OpenedContext]
    const swept = store.studies.cells(store.studies.list()[0]!.id).filter(isSweep)
    expect(swept.map(({ runId }) => store.evaluations.ofRun(runId!))).toEqual(swept.map(() => []))
    expect(planOf(second, study!, cells, first)).toMatchObject({ cells: 12, open: 0 })
    expect(planOf(second, study!, cells)).toMatchObject({ open: 10 })
  })

  it('makes the same record as one place that works on all of it, arms at equal cost included', () => {
    expect(byCell(joined)).toEqual(byCell(whole))
    expect(joined.cells.filter(({ equalCost }) => equalCost !== null)).toHaveLength(4)
    expect({ ...joined.start, clusters: joined.clusters, arms: joined.arms }).toEqual({
      ...whole.start,
      clusters: whole.clusters,
      arms: whole.arms,
    })
    const told = (record: StudyRecord) =>
      renderReport({ ...record, cells: byCell(record).map((cell) => ({ ...cell, wallMs: 0 })), uid: '' })
    expect(told(joined)).toBe(told(whole))
  })

  it('joins records that hold a cell in common when its numbers are the same, and says where they are not', () => {
    expect(byCell(joinRecords(whole, first))).toEqual(byCell(whole))
    const other = structuredClone(first) as unknown as { cells: { arm: string; evaluations: { heldout: { regret: number[] } } }[] }
    other.cells.find(({ arm }) => arm === 'mrt-exact')!.evaluations.heldout.regret[0]! += 1
    expect(() => joinRecords(whole, other as unknown as StudyRecord)).toThrow(refused('study.differs'))
    const elsewhere = structuredClone(first) as unknown as { start: { evaluations: { heldout: { tokens: number[] } } } }
    elsewhere.start.evaluations.heldout.tokens[0]! += 1
    expect(() => joinRecords(whole, elsewhere as unknown as StudyRecord)).toThrow(refused('study.differs'))
  })

  it('refuses a record of other conditions, of another start, of other arms, and what is no record', () => {
    const changed = (part: Partial<StudyRecord>): StudyRecord => ({ ...first, ...part })
    for (const other of [
      changed({ study: 'alpha' }),
      changed({ conditions: { ...first.conditions, steps: 3 } }),
      changed({ start: { ...first.start, sha256: 'another' } }),
      changed({ arms: first.arms.map((arm) => ({ ...arm, options: { alpha: 9 } })) }),
      changed({ trainedBudget: 25 }),
    ])
      expect(() => joinRecords(whole, other)).toThrow(refused('study.record'))
    expect(() => expectSameStudy(first, { study: 'headline', conditions: { ...first.conditions, problems: 9 } })).toThrow(/problems 9/)
    const file = join(bench.folder, 'record.json')
    for (const text of ['{', '[]', '{"format":1}', recordText(first).replace('"format":1', '"format":2')]) {
      writeFileSync(file, text)
      expect(() => readRecord(file)).toThrow(refused('study.record'))
    }
    expect(() => readRecord(join(bench.folder, 'missing.json'))).toThrow(refused('study.record'))
    writeFileSync(file, recordText(first))
    expect(readRecord(file)).toEqual(JSON.parse(JSON.stringify(first)))
  })
})
