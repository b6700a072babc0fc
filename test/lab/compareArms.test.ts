// Who is compared: names that tell runs apart, everything that differs besides the method, and curves that only speak where they agree.
import { describe, expect, it } from 'vitest'
import type { Json, Run } from '../../src-preload/contract.ts'
import { armsOf, confoundsOf, START } from '../../src-main/lab/comparing/compareArms.ts'
import { curvesAgree, equalRegret } from '../../src-main/lab/comparing/compareMap.ts'

let id = 0
const run = (name: string, config: Record<string, Json>, rest: Partial<Run> = {}): Run =>
  ({
    id: ++id,
    name,
    method: name,
    algorithm: 'dr-grpo',
    seed: 1,
    groupKey: JSON.stringify([name, config]),
    lastStep: 40,
    modelId: 1,
    datasetId: 1,
    parentRunId: null,
    config,
    ...rest,
  }) as unknown as Run

describe('arms', () => {
  it('are runs, or the seeds of one configuration in order, seeds that were run twice by their number', () => {
    const [third, first, again] = [3, 1, 1].map((seed) => run('MRT', {}, { seed }))
    const other = run('Outcome', {})
    const told = (by: 'run' | 'group') =>
      armsOf([third!, again!, other, first!], by).map(({ key, runIds, runs }) => [key, runIds, runs.map(({ id: own }) => own)])
    expect(told('group')).toEqual([
      [`group-${third!.id}`, [third!.id, again!.id, first!.id], [first!.id, again!.id, third!.id]],
      [`group-${other.id}`, [other.id], [other.id]],
    ])
    expect(told('run').map(([key]) => key)).toEqual([third!, again!, other, first!].map(({ id: own }) => `run-${own}`))
  })
})

describe('names of arms', () => {
  it('stay as they are where nothing else is called so', () => {
    expect(armsOf([run('Outcome', { steps: 40 }), run('MRT', { steps: 40 })], 'group').map(({ title }) => title)).toEqual([
      'Outcome',
      'MRT',
    ])
  })

  it('shared by two configurations get the number of the run and what differs', () => {
    const [a, b] = [
      run('MRT', { steps: 40, optimizer: { lr: 1e-3 }, seed: 1 }),
      run('MRT', { steps: 80, optimizer: { lr: 1e-3 }, seed: 2 }),
    ]
    expect(armsOf([a, b, run('Outcome', {})], 'group').map(({ title }) => title)).toEqual([
      `MRT, run ${a.id}, steps 40`,
      `MRT, run ${b.id}, steps 80`,
      'Outcome',
    ])
  })

  it('say a list, an empty table, a missing setting and nothing as what they are, and name two settings at most', () => {
    const runs = [
      run('MRT', { budgets: [8, 24], stop: {} }),
      run('MRT', { budgets: [8], stop: null }),
      run('MRT', { budgets: [8], seed: 2, lr: 1 }),
    ]
    expect(armsOf(runs, 'run').map(({ title }) => title.replace(/run \d+/, 'run n'))).toEqual([
      'MRT, run n, budgets 8 24, stop {}',
      'MRT, run n, budgets 8, stop null',
      'MRT, run n, budgets 8, stop not set',
    ])
  })

  it('of single runs that differ in nothing but their seed are told apart by their number', () => {
    const [a, b] = [run('MRT', { steps: 40, seed: 1 }), run('MRT', { steps: 40, seed: 2 })]
    expect(armsOf([a, b], 'run').map(({ title }) => title)).toEqual([`MRT, run ${a.id}`, `MRT, run ${b.id}`])
  })
})

describe('what differs besides the method', () => {
  it('is every shared option, setting, start and count of steps; an option that one method has alone is the method', () => {
    const outcome = run('Outcome', { steps: 40, optimizer: { lr: 1e-3 }, algorithm: { name: 'dr-grpo', options: {} } })
    const mrt = run(
      'MRT',
      { steps: 40, optimizer: { lr: 3e-4 }, algorithm: { name: 'mrt-exact', options: { klBeta: 0.01 } } },
      { algorithm: 'mrt-exact', modelId: 2, lastStep: 30, seed: 7 },
    )
    const found = new Map(confoundsOf([START, ...armsOf([outcome, mrt], 'group')]).map(({ key, values }) => [key, values]))
    expect(found.get('optimizer.lr')).toEqual(['0.001', '0.0003'])
    expect(found.get('klBeta')).toEqual(['0', '0.01'])
    expect(found.get('steps made')).toEqual(['40', '30'])
    expect(found.get('start weights')).toEqual(['model 1', 'model 2'])
    expect(found.get('seeds')).toEqual(['1', '7'])
    expect(found.has('alpha')).toBe(false)
    expect(found.has('steps')).toBe(false)
  })

  it('is the steps of every seed, the fewest first, and where a run was branched from; what a run has not is said to be missing', () => {
    const labels = (name: string) => ({ name, group: name, preset: name, seed: 1 })
    const seeds = [
      run('A', { ...labels('a'), algorithm: {} }, { groupKey: 'a', seed: 1, lastStep: 40, parentRunId: 3, modelId: null }),
      run('A', {}, { groupKey: 'a', seed: 2, lastStep: 30 }),
      run('A', {}, { groupKey: 'a', seed: 3, lastStep: 40 }),
    ]
    const others = [run('B', { ...labels('b'), steps: 4 }, { lastStep: null, datasetId: null }), { ...run('C', {}), config: null }]
    expect(confoundsOf(armsOf([...seeds, ...others], 'group'))).toEqual([
      { key: 'steps made', values: ['30 or 40', '0', '40'] },
      { key: 'seeds', values: ['1 2 3', '1', '1'] },
      { key: 'dataset', values: ['1', null, '1'] },
      { key: 'branched from', values: ['run 3', null, null] },
      { key: 'steps', values: [null, '4', null] },
      { key: 'start weights', values: [null, 'model 1', 'model 1'] },
    ])
  })

  it('is no option of a method that this program does not know', () => {
    const of = (algorithm: string, klBeta: number): Run =>
      run(algorithm, { algorithm: { name: algorithm, options: { klBeta } } }, { algorithm })
    expect(confoundsOf(armsOf([of('dr-grpo', 0.5), of('of another program', 0.1)], 'run'))).toEqual([])
    expect(confoundsOf(armsOf([of('dr-grpo', 0.5), of('grpo', 0.1)], 'run'))).toContainEqual({ key: 'klBeta', values: ['0.5', '0.1'] })
  })

  it('is nothing where only the method does, or there is one arm', () => {
    const alike = { steps: 40, optimizer: { lr: 1e-3 } }
    const arms = armsOf(
      [
        run('A', { ...alike, algorithm: { name: 'dr-grpo', options: {} } }),
        run('B', { ...alike, algorithm: { name: 'length-penalty', options: { klBeta: 0 } } }, { algorithm: 'length-penalty' }),
      ],
      'group',
    )
    expect(confoundsOf(arms)).toEqual([])
    expect(confoundsOf([START, arms[0]!])).toEqual([])
  })
})

describe('curves of equal regret', () => {
  it('lie where a model that is right with one chance after t tokens has that regret', () => {
    for (const { regret, tokens, accuracy } of equalRegret(40, [0.2, 0.5]))
      tokens.forEach((t, at) => expect(1 - accuracy[at]! * (1 - t / 40)).toBeCloseTo(regret, 9))
  })

  it('agree with dots that have the regret of the curve they lie on, and with no others', () => {
    expect(
      curvesAgree(40, [
        { tokens: 10, accuracy: 0.8, regret: 0.4 },
        { tokens: 20, accuracy: 0.8, regret: 0.61 },
      ]),
    ).toBe(true)
    expect(
      curvesAgree(40, [
        { tokens: 10, accuracy: 0.8, regret: 0.4 },
        { tokens: 20, accuracy: 0.8, regret: 0.5 },
      ]),
    ).toBe(false)
  })
})
