// The problem set of a run in the store: which one it is, and what training and imitation may draw from it.
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openProblems, taskOf, trainingPool } from '../../src-main/lab/training/tasks.ts'
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
})
