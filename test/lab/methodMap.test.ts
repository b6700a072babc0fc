// The map of accuracy and tokens: every held-out evaluation of an arm is a dot, and the way of its seeds goes only where all of them were.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { openMaps } from '../../src-main/lab/comparing/methodMap.ts'
import type { Comparing } from '../../src-main/lab/comparing/compared.ts'
import { openStore, type Store } from '../../src-main/store/openStore.ts'
import { newEvaluation } from '../store/runRecord.ts'
import { AT_MS, BUDGETS, fill, type Filled } from './records.ts'

let folder: string
let store: Store
let filled: Filled
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'method-map-'))
  store = openStore(join(folder, 'workspace'), { create: true, now: () => AT_MS })
  filled = fill(store)
})
afterEach(() => {
  store.close()
  rmSync(folder, { recursive: true, force: true })
})

const maps = (step: number | null = null, groupBy: 'run' | 'group' = 'group', budgets: readonly number[] = [40]) =>
  openMaps({
    open: () => store,
    keyOf: ({ id }: { readonly id: number }) => String(id),
    runsOf: (ids: readonly number[]) => ids.map((id) => store.runs.get(id)!),
  } as unknown as Comparing)({ runIds: filled.runIds, groupBy, step }, budgets)

/** A finished evaluation of a run in which every problem takes so many tokens and is right with such a chance, whatever the budget. */
function evaluate(
  runId: number,
  step: number,
  { accuracy, tokens, split = 'heldout', finished = true }: { accuracy: number; tokens: number; split?: string; finished?: boolean },
): void {
  const { modelId, datasetId } = store.runs.get(runId)!
  const { id } = store.evaluations.add(
    newEvaluation(datasetId!, { runId, modelId, split, step, config: {}, budgets: BUDGETS, trainedBudget: 20, createdAtMs: AT_MS }),
  )
  const flat = Float32Array.from(BUDGETS, () => accuracy)
  const regret = Float32Array.from(BUDGETS, () => 1 - accuracy)
  store.evaluations.addResults(
    id,
    filled.problemIds.map((problemId) => ({
      problemId,
      samples: 2,
      accuracy,
      meanTokens: tokens,
      accuracyAtBudget: flat,
      regretAtBudget: regret,
      keptAtBudget: flat,
      keptWholeAtBudget: flat,
      keptRegretAtBudget: regret,
    })),
    [],
  )
  if (finished) store.evaluations.finish(id, { status: 'finished', atMs: AT_MS, wallMs: 5, tokens: 9, metrics: { accuracy }, points: [] })
}
const rounded = (value: number): number => Number(value.toFixed(6))

describe('the map of methods', () => {
  it('has the means of each evaluation over its problems: tokens, and accuracy and regret at the budget', () => {
    // Problems take 10, 12, 14 and 16 tokens; outcome RL is right with 0.2, 0.4, 0.6 and 0.8 at 40 tokens, a quarter of that at 10.
    const [at40, at10] = maps(null, 'group', [40, 10])
    const [outcome, mrt] = at40!.paths
    expect(at40!.budget).toBe(40)
    expect(outcome!.dots.map(({ runId, step }) => [runId, step])).toEqual([
      [null, 0],
      [filled.runIds[0], 4],
      [filled.runIds[1], 4],
    ])
    expect(outcome!.dots.map(({ tokens, accuracy, regret }) => [tokens, rounded(accuracy), rounded(regret)])).toEqual([
      [13, 0.3, 0.85],
      [13, 0.5, 0.75],
      [13, 0.5, 0.75],
    ])
    expect(rounded(mrt!.dots[1]!.accuracy)).toBe(0.7)
    expect(rounded(at10!.paths[0]!.dots[1]!.accuracy)).toBe(0.125)
    expect(rounded(at10!.paths[0]!.dots[1]!.regret)).toBe(0.9375)
  })

  it('goes from the start to where all seeds of an arm were evaluated, and leaves out where only some were', () => {
    const [first, second] = filled.runIds
    evaluate(first!, 1, { accuracy: 1, tokens: 20 })
    evaluate(second!, 1, { accuracy: 0.5, tokens: 10 })
    evaluate(first!, 2, { accuracy: 0.9, tokens: 30 })
    const [outcome] = maps()[0]!.paths
    expect(outcome!.dots.length).toBe(6)
    expect(outcome!.path.map(({ step, tokens, accuracy, n }) => [step, tokens, rounded(accuracy), n])).toEqual([
      [0, 13, 0.3, 1],
      [1, 15, 0.75, 2],
      [4, 13, 0.5, 2],
    ])
    expect(rounded(outcome!.path[1]!.regret)).toBe(0.25)
  })

  it('counts held-out evaluations that were finished, up to the step that is looked at', () => {
    const [first] = filled.runIds
    evaluate(first!, 2, { accuracy: 0.9, tokens: 30 })
    evaluate(first!, 1, { accuracy: 0.1, tokens: 5, split: 'validation' })
    evaluate(first!, 3, { accuracy: 0.1, tokens: 5, finished: false })
    const steps = (step: number | null) => maps(step, 'run')[0]!.paths[0]!.dots.map((dot) => dot.step)
    expect(steps(null).toSorted()).toEqual([0, 2, 4])
    expect(steps(4).toSorted()).toEqual([0, 2, 4])
    expect(steps(3).toSorted()).toEqual([0, 2])
    expect(steps(1)).toEqual([0])
  })

  it('has an arm as soon as one of its seeds was evaluated, and no dot of an evaluation that holds no result', () => {
    const [first] = filled.runIds
    const { id: _id, uid: _uid, ...near } = store.runs.get(first!)!
    const more = [store.runs.add({ ...near, seed: 3 }).id, store.runs.add({ ...near, groupKey: 'never evaluated' }).id]
    const { modelId, datasetId } = near
    const { id } = store.evaluations.add(
      newEvaluation(datasetId!, { runId: more[0]!, modelId, split: 'heldout', step: 4, config: {}, budgets: BUDGETS, createdAtMs: AT_MS }),
    )
    filled = { ...filled, runIds: [...filled.runIds, ...more] }
    const told = () => maps()[0]!.paths.map(({ runIds, dots, path }) => [runIds.length, dots.length, path.map(({ n }) => n)])
    const known = [
      [3, 3, [1, 2]],
      [2, 3, [1, 2]],
    ]
    expect(told()).toEqual(known)
    store.evaluations.finish(id, { status: 'finished', atMs: AT_MS, wallMs: 5, tokens: 9, metrics: {}, points: [] })
    expect(told()).toEqual(known)
  })

  it('draws curves of equal regret where they agree with what was measured, and none where a dot says something else', () => {
    // At 40 tokens a dot of 13 tokens and accuracy a should have the regret 1 - a (1 - 13 / 40); the records are cut from other cloth.
    expect(maps()[0]!.equalRegret).toEqual([])
    // Right with 0.6 after 20 tokens and wrong before: 1 - 0.6 (1 - 20 / 40) = 0.7.
    const agreeing = {
      accuracy: 0.6,
      meanTokens: 20,
      at: Float32Array.from(BUDGETS, () => 0.6),
      regret: Float32Array.from(BUDGETS, () => 0.7),
    }
    const { results } = store.evaluations
    store.evaluations.results = (id) =>
      results(id).map((result) => ({
        ...result,
        accuracy: agreeing.accuracy,
        meanTokens: agreeing.meanTokens,
        accuracyAtBudget: agreeing.at,
        regretAtBudget: agreeing.regret,
      }))
    const [map] = maps()
    expect(map!.equalRegret.map(({ regret }) => regret)).toContain(0.7)
  })
})
