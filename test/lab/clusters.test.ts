// Which problems are resampled together: what a task declares, what an imported set tells, and what is too little to be resampled.
import { describe, expect, it } from 'vitest'
import { basisOf, clusterOf, clustersOf } from '../../src-main/lab/comparing/clusters.ts'
import { createCountdown } from '../../src-main/tasks/countdown.ts'
import type { Json } from '../../src-preload/contract.ts'

describe('the cluster of a problem', () => {
  it('is what its task declares: for Countdown the target, however the numbers and the split', () => {
    const task = createCountdown()
    for (const problem of task.problems('heldout', 20, 1)) expect(task.cluster(problem)).toBe(`target ${problem.data.target}`)
  })

  it('is read from the record, and from the target of a Countdown problem recorded before clusters were', () => {
    expect(clusterOf({ slices: { numbers: '3', cluster: 'target 24' }, answer: { numbers: [2, 3, 4], target: 24 } })).toBe('target 24')
    expect(clusterOf({ slices: { numbers: '3' }, answer: { numbers: [2, 3, 4], target: 24 } })).toBe('target 24')
  })

  it('of an imported problem is its subject, else its source, else none', () => {
    expect(clusterOf({ slices: { source: 'MATH', subject: 'Algebra' }, answer: '7' })).toBe('from subject Algebra')
    expect(clusterOf({ slices: { source: 'MATH', level: '5' }, answer: '7' })).toBe('from source MATH')
    expect(clusterOf({ slices: { level: '5' }, answer: ['7', '7.0'] })).toBeNull()
    const untold: readonly Json[] = [null, { target: 'the door' }, { numbers: [1, 2] }]
    expect(untold.map((answer) => clusterOf({ slices: {}, answer }))).toEqual([null, null, null])
    // What is empty or no text names no origin.
    expect(clusterOf({ slices: { subject: '', category: 3, source: 'MATH' }, answer: '7' })).toBe('from source MATH')
  })
})

describe('clusters of a list', () => {
  it('are numbered as they appear, and a problem of which nothing is known stands for itself', () => {
    expect([...clustersOf(['target 9', null, 'target 5', 'target 9', null])]).toEqual([0, 1, 2, 0, 3])
    expect(basisOf(clustersOf([]), 2).clusters).toBe(0)
  })

  it('by origin are resampled from five origins on: two files are no sample of files', () => {
    const from = (count: number): string[] => Array.from({ length: 10 }, (_, problem) => `from source ${problem % count}`)
    expect(basisOf(clustersOf(from(2)), 0).clusters).toBe(10)
    expect(basisOf(clustersOf(from(4)), 0).clusters).toBe(10)
    expect(basisOf(clustersOf(from(5)), 0).clusters).toBe(5)
    // What a task declares is resampled however few there are.
    expect(basisOf(clustersOf(['target 1', 'target 2', 'target 1', 'target 2']), 0)).toEqual({ clusters: 2, seeds: 0, df: 1 })
  })

  it('and seeds: the fewer of the two say how sure an interval can be', () => {
    const nine = clustersOf(Array.from({ length: 90 }, (_, problem) => `target ${problem % 9}`))
    expect(basisOf(nine, 1)).toEqual({ clusters: 9, seeds: 1, df: 8 })
    expect(basisOf(nine, 3)).toEqual({ clusters: 9, seeds: 3, df: 2 })
    expect(basisOf(nine, 12)).toEqual({ clusters: 9, seeds: 12, df: 8 })
  })
})
