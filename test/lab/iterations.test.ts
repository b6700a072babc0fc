// A run as iterations of imitation: what is drawn from, and what happens at the first step of each.
import { describe, expect, it } from 'vitest'
import { beginIteration, samplerOf, weightsOfStep } from '../../src-main/lab/training/iterations.ts'
import type { Running } from '../../src-main/lab/training/step.ts'
import { createMethod, needsOf } from '../../src-main/rl/algorithms.ts'
import { writtenSpec } from './written.ts'

/** A run of six steps that notes what is done to its weights. */
function runningOf(name: string, options: Record<string, unknown> = {}): { readonly running: Running; readonly done: string[] } {
  const done: string[] = []
  const note = (what: string) => (): void => void done.push(what)
  const running = {
    spec: writtenSpec({ algorithm: { name, options }, steps: 6 }),
    method: createMethod(name, options),
    policies: { refreshStale: note('draw from what was learned'), restart: note('begin at the start') },
    learner: { reset: note('forget the moments') },
  }
  return { running: running as unknown as Running, done }
}
const doneAt = (name: string, options?: Record<string, unknown>): string[][] =>
  [1, 2, 3, 4, 5, 6].map((step) => {
    const { running, done } = runningOf(name, options)
    beginIteration(running, step)
    return done
  })
const weightsAt = (name: string, options?: Record<string, unknown>): number[][] =>
  [1, 2, 3, 4, 5, 6].map((step) => {
    const { drawn, current } = weightsOfStep(runningOf(name, options).running, step)
    return [drawn, current]
  })

describe('an iteration', () => {
  it('begins by drawing from what was learned and learning anew from the start, moments and all; the first has nothing to forget', () => {
    const begins = ['draw from what was learned', 'begin at the start', 'forget the moments']
    expect(doneAt('star', { iterations: 3, restart: 'start' })).toEqual([[], [], begins, [], begins, []])
    expect(weightsAt('star', { iterations: 3, restart: 'start' })).toEqual([
      [0, 0],
      [0, 1],
      [2, 0],
      [2, 3],
      [4, 0],
      [4, 5],
    ])
  })

  it('goes on from what it learned last where the method says so', () => {
    expect(doneAt('star', { iterations: 2, restart: 'last' })).toEqual([[], [], [], ['draw from what was learned'], [], []])
    expect(weightsAt('star', { iterations: 2, restart: 'last' })).toEqual([
      [0, 0],
      [0, 1],
      [0, 2],
      [3, 3],
      [3, 4],
      [3, 5],
    ])
  })

  it('is no part of a method that draws from the weights as they are', () => {
    expect(doneAt('dr-grpo').flat()).toEqual([])
    expect(weightsAt('dr-grpo')).toEqual([0, 1, 2, 3, 4, 5].map((step) => [step, step]))
    expect([samplerOf(needsOf(createMethod('dr-grpo'))), samplerOf(needsOf(createMethod('star')))]).toEqual(['current', 'stale'])
  })
})
