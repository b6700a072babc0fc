// Two records of one study as one, cell by cell: whose numbers stand, what has to be equal, and what each adds.
import { writeFileSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { finishedIn, isOpenBeside, joinRecords, rateIn, readRecord } from '../../src-main/lab/study/beside.ts'
import { recordText, type RecordedCell, type StudyRecord } from '../../src-main/lab/study/record.ts'
import type { StudyCell } from '../../src-main/store/studies.ts'
import { cellOf, recordWith, studyCell, valuesOf } from './writtenStudy.ts'

const waiting = (arm: string, seed: number): RecordedCell =>
  cellOf(arm, seed, {}, { status: 'waiting', steps: 0, learningRate: 9, evaluations: {} })
const refused = (code: string) => expect.objectContaining({ code }) as unknown as Error
const cell = (arm: string, seed: number): StudyCell => studyCell(1, arm, seed)

describe('a record beside a study', () => {
  const beside = recordWith([waiting('outcome', 1), cellOf('outcome', 2, {}, { learningRate: 1e-3 }), waiting('mrt-exact', 2)])

  it('leaves to be worked on what it does not hold to its end, and sweeps of arms that it holds nothing of', () => {
    const open = (arm: string, seed: number): boolean => isOpenBeside(cell(arm, seed), beside)
    expect([open('outcome', 1), open('outcome', 2), open('mrt-exact', 2), open('outcome', 3)]).toEqual([true, false, true, true])
    expect([open('outcome at rate 0.001', 1000), open('mrt-exact at rate 0.001', 1000)]).toEqual([false, true])
    expect([isOpenBeside(cell('outcome', 2), undefined), isOpenBeside(cell('outcome at rate 0.1', 1000), undefined)]).toEqual([true, true])
  })

  it('says at which rate an arm learned', () => {
    expect([rateIn(beside, 'outcome'), rateIn(beside, 'mrt-exact'), rateIn(undefined, 'outcome')]).toEqual([1e-3, undefined, undefined])
    expect([finishedIn(beside, 'outcome', 2)?.seed, finishedIn(beside, 'outcome', 1), finishedIn(beside, 'mrt-exact', 2)]).toEqual([
      2,
      undefined,
      undefined,
    ])
  })
})

describe('two records that are joined', () => {
  it('have every cell of either, one that is finished before one that is not, mine where neither is', () => {
    const mine = recordWith([cellOf('outcome', 1), waiting('outcome', 2), { ...waiting('mrt-exact', 1), steps: 5 }])
    const other = recordWith([waiting('outcome', 1), cellOf('outcome', 2), waiting('mrt-exact', 1), waiting('mrt-exact', 2)])
    const { cells } = joinRecords(mine, other)
    expect(cells.map(({ arm, seed, status, steps }) => [arm, seed, status, steps]).sort()).toEqual([
      ['mrt-exact', 1, 'waiting', 5],
      ['mrt-exact', 2, 'waiting', 0],
      ['outcome', 1, 'finished', 40],
      ['outcome', 2, 'finished', 40],
    ])
  })

  it('take what was measured at equal cost from the one that has it', () => {
    const equalCost = { step: 3, flops: 1, values: valuesOf() }
    const [with3, without] = [recordWith([cellOf('mrt-exact', 1, {}, { equalCost })]), recordWith([cellOf('mrt-exact', 1)])]
    for (const [mine, other] of [
      [with3, without],
      [without, with3],
    ] as const)
      expect(joinRecords(mine, other).cells[0]!.equalCost).toEqual(equalCost)
    const apart = recordWith([cellOf('mrt-exact', 1, {}, { equalCost: { ...equalCost, step: 4 } })])
    expect(() => joinRecords(with3, apart)).toThrow(refused('study.differs'))
  })

  it.each([
    ['learningRate', { learningRate: 1e-3 }],
    ['steps', { steps: 41 }],
    ['cost', { cost: { tokens: 1, estimateTokens: 2, flops: 3 } }],
    ['evaluations', { evaluations: {} }],
    ['validation', { validation: [{ step: 1, accuracy: 0, regret: [] }] }],
  ])('have to say the same of a cell that both hold: %s', (_, more) => {
    const [mine, other] = [recordWith([cellOf('outcome', 1)]), recordWith([cellOf('outcome', 1, {}, more)])]
    expect(() => joinRecords(mine, other)).toThrow(refused('study.differs'))
    // Time and place are nobody's numbers.
    expect(joinRecords(mine, recordWith([cellOf('outcome', 1, {}, { wallMs: 7, revision: 'other' })])).cells).toHaveLength(1)
  })

  it('have the start and the clusters of both, which must not contradict each other', () => {
    const of = (more: Partial<StudyRecord>): StudyRecord => recordWith([], more)
    const start = { parameters: 1, sha256: 'same' }
    const mine = of({ start: { ...start, evaluations: { heldout: valuesOf() } }, clusters: { heldout: [0, 1, 2, 3] } })
    const other = of({ start: { ...start, evaluations: { 'heldout-targets': valuesOf() } }, clusters: { validation: [0, 1] } })
    const joined = joinRecords(mine, other)
    expect(Object.keys(joined.start.evaluations).sort()).toEqual(['heldout', 'heldout-targets'])
    expect(joined.clusters).toEqual({ heldout: [0, 1, 2, 3], validation: [0, 1] })
    expect(() => joinRecords(mine, { ...mine, clusters: { heldout: [0, 0, 0, 0] } })).toThrow(refused('study.differs'))
    expect(() => joinRecords(mine, { ...mine, start: { ...mine.start, sha256: 'other' } })).toThrow(refused('study.record'))
  })

  it.each([
    { spec: { ...recordWith([]).spec, kept: 3 } },
    { budgets: [60] },
    { trainedBudget: 60 },
    { baseline: 'dapo' },
    { subject: 'dapo' },
    { study: 'alpha' },
  ])('are of one study: %o', (more) => {
    expect(() => joinRecords(recordWith([]), recordWith([], more))).toThrow(refused('study.record'))
  })

  it('have the sweep of an arm from the one that made it, and arms that are the same in both', () => {
    const sweep = [{ rate: 1e-3, accuracy: 0.5 }]
    const withSweep = recordWith([], { arms: recordWith([]).arms.map((arm) => ({ ...arm, sweep })) })
    const sweepsOf = (record: StudyRecord): number[] => record.arms.map((arm) => arm.sweep.length)
    expect([sweepsOf(joinRecords(withSweep, recordWith([]))), sweepsOf(joinRecords(recordWith([]), withSweep))]).toEqual([
      [1, 1, 1],
      [1, 1, 1],
    ])
    const another = { ...withSweep, arms: withSweep.arms.map((arm) => ({ ...arm, sweep: [{ rate: 3e-4, accuracy: 0.7 }] })) }
    expect(joinRecords(withSweep, another).arms[0]!.sweep).toEqual(sweep)
    const fewer = recordWith([], { arms: withSweep.arms.slice(0, 1) })
    expect(sweepsOf(joinRecords(recordWith([]), fewer))).toEqual([1, 0, 0])
    for (const change of [{ algorithm: 'dapo' }, { options: { alpha: 2 } }]) {
      const other = recordWith([], { arms: recordWith([]).arms.map((arm) => ({ ...arm, ...change })) })
      expect(() => joinRecords(recordWith([]), other)).toThrow(refused('study.record'))
    }
  })
})

describe('a record as text', () => {
  it('has one cell a line and is read as it was written, and is refused where a part of it is gone', () => {
    const folder = mkdtempSync(join(tmpdir(), 'mrt-record-'))
    try {
      const file = join(folder, 'record.json')
      const record = recordWith([cellOf('outcome', 1), cellOf('mrt-exact', 1)])
      const text = recordText(record)
      expect(text.split('\n')).toHaveLength(5)
      writeFileSync(file, text)
      expect(readRecord(file)).toEqual(record)
      for (const part of ['study', 'conditions', 'start', 'arms', 'clusters', 'cells'] as const) {
        writeFileSync(file, JSON.stringify({ ...record, [part]: undefined }))
        expect(() => readRecord(file)).toThrow(refused('study.record'))
      }
      writeFileSync(file, JSON.stringify({ ...record, format: 2 }))
      expect(() => readRecord(file)).toThrow(refused('study.record'))
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  })
})
