// The problem set of a run in the store: which one it is, and what training and imitation may draw from it.
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { importedProblem, openProblems, taskOf, trainingPool } from '../../src-main/lab/training/tasks.ts'
import { TaskError } from '../../src-main/tasks/types.ts'
import type { Json, Problem as StoredProblem } from '../../src-preload/contract.ts'
import { openBench } from './micro.ts'
import type { Bench } from './micro.ts'

let bench: Bench
beforeAll(async () => {
  bench = await openBench()
})
afterAll(() => bench.dispose())

const spec = {
  task: { name: 'countdown', options: { level: '3' } },
  format: { thoughts: 'auto', episodes: 'lines', examples: 0 },
  seed: 1,
} as const
const notation = { size: 416, tokenizer: null }

describe('the problems of a run', () => {
  it('are one set for runs that ask the same, and another than a set of that name with other splits', () => {
    const { store, close } = bench.open('identity')
    const old = store.datasets.add({
      name: 'countdown-3',
      kind: 'procedural',
      source: { task: 'countdown', level: '3' },
      roles: null,
      grader: 'countdown',
      note: '',
      createdAtMs: 1,
    })
    const first = openProblems(store, spec, () => 2, notation)
    expect(first.datasetId).not.toBe(old)
    expect(openProblems(store, { ...spec, seed: 2 }, () => 3, notation).datasetId).toBe(first.datasetId)
    expect(openProblems(store, { ...spec, task: { ...spec.task, options: { level: '4' } } }, () => 3, notation).datasetId).not.toBe(
      first.datasetId,
    )
    close()
  })

  it('are never those that the starter was taught on', () => {
    const { store, close } = bench.open('taught')
    const task = taskOf(store, spec, notation)
    close()
    const taught = new Set(trainingPool(task, 'imitation').map((problem) => problem.id))
    expect(taught.size).toBe(8_192)
    expect(trainingPool(task).filter((problem) => taught.has(problem.id))).toEqual([])
  })

  it('are as many as the set can give, halved until it can, and refused below 16', () => {
    const { store, close } = bench.open('few')
    const task = taskOf(store, spec, notation)
    close()
    const asked: number[] = []
    const holding = (most: number) => ({
      ...task,
      name: `holding ${most}`,
      problems: (split: Parameters<typeof task.problems>[0], count: number, seed: number) => {
        asked.push(count)
        if (count > most) throw new TaskError('too-few-problems', `asked for ${count}`)
        return task.problems(split, count, seed)
      },
    })
    expect(trainingPool(holding(100))).toHaveLength(80)
    expect(asked).toEqual([2560, 1280, 640, 320, 160, 80])
    expect(() => trainingPool(holding(15))).toThrow(expect.objectContaining({ code: 'run.fewProblems' }))
  })

  it('of an imported set are right with any of their answers, numbers as they are written; empty ones and other things are none', () => {
    const stored = { id: 3, key: 'k', prompt: 'p', split: 'train', level: 1, slices: {} }
    const goldsOf = (answer: Json): readonly string[] => importedProblem({ ...stored, answer } as unknown as StoredProblem).golds
    expect(goldsOf('four')).toEqual(['four'])
    expect(goldsOf(4)).toEqual(['4'])
    expect(goldsOf([4, 'four', ' ', null, true, 0.5])).toEqual(['4', 'four', '0.5'])
    expect(goldsOf(null)).toEqual([])
  })

  it('fail as their task fails, for any other reason than that it holds too few', () => {
    const { store, close } = bench.open('failing')
    const task = taskOf(store, spec, notation)
    close()
    const failing = (error: Error) => ({
      ...task,
      name: 'failing',
      problems: () => {
        throw error
      },
    })
    for (const error of [new TaskError('bad-options', 'no such option'), new Error('a bug')])
      expect(() => trainingPool(failing(error))).toThrow(error)
  })
})
