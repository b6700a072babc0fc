// What is said of a dataset as it is kept, over problems whose figures can be counted by hand.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { datasetFacts, datasetOverlap, recordOfDataset } from '../../src-main/lab/files/datasetFacts.ts'
import { openStore, type Store } from '../../src-main/store/openStore.ts'

const { signal } = new AbortController()
let store: Store
let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'mrt-facts-'))
  store = openStore(join(folder, 'workspace'), { create: true, program: 'test' })
})
afterEach(() => {
  store.close()
  rmSync(folder, { recursive: true, force: true })
})

type Problem = Parameters<Store['datasets']['addProblems']>[1][number]
function dataset(name: string, problems: readonly Partial<Problem>[]) {
  const id = store.datasets.add({ name, kind: 'imported', source: {}, roles: null, grader: 'math', note: '', createdAtMs: 1 })
  store.datasets.addProblems(
    id,
    problems.map((problem, n) => ({
      key: `${name} ${n}`,
      split: 'train',
      prompt: `${name} ${n}`,
      answer: '1',
      level: null,
      slices: {},
      ...problem,
    })),
  )
  return store.datasets.get(id)!
}
/** A text that shares no run of words with that of another number. */
const story = (n: number): string =>
  Array.from({ length: 30 }, (_, word) => `w${n}${String.fromCodePoint(97 + (word % 26))}${word * (n + 3)}`).join(' ')

describe('the facts of a dataset', () => {
  it('are its levels one by one, how many problems have none, and what its slices hold', async () => {
    const slices = (n: number): Problem['slices'] => ({ kind: `kind ${n}`, size: n % 2, none: null }) as Problem['slices']
    const made = dataset(
      'facts',
      Array.from({ length: 20 }, (_, n) => ({ level: n < 3 ? null : n % 12, slices: slices(n), answer: n === 0 ? null : '1' })),
    )
    const facts = await datasetFacts(store, made, signal)
    expect(facts.unlevelled).toBe(3)
    expect(facts.levels).toEqual(
      Array.from({ length: 12 }, (_, level) => ({ from: level, to: level, count: [1, 1, 1, 2, 2, 2, 2, 2, 1, 1, 1, 1][level] })),
    )
    const kinds = facts.slices.find(({ name }) => name === 'kind')!
    expect([kinds.values.length, kinds.others]).toEqual([12, 8])
    expect(kinds.values.every(({ count }) => count === 1)).toBe(true)
    expect(facts.slices.find(({ name }) => name === 'size')!.values).toEqual(
      expect.arrayContaining([
        { value: '0', count: 10 },
        { value: '1', count: 10 },
      ]),
    )
    expect(facts.slices.map(({ name }) => name)).not.toContain('none')
    expect(facts.problemLengths.counts.reduce((sum, count) => sum + count, 0)).toBe(20)
    expect(facts.answerLengths.counts.reduce((sum, count) => sum + count, 0)).toBe(19)
    expect([facts.record, recordOfDataset(made)]).toEqual([null, null])
    expect(facts.uses).toEqual({ runs: 0, evaluations: 0, rollouts: false })
    for (const { edges, counts, unit } of [facts.problemLengths, facts.answerLengths])
      expect([edges.length, edges[0], unit]).toEqual([counts.length + 1, 0, 'characters'])
  })

  it('are left when nobody waits for them any more, after some hundred problems', async () => {
    const [few, many] = [249, 250].map((count) => dataset(`${count}`, new Array(count).fill({})))
    await expect(datasetFacts(store, few!, AbortSignal.abort())).resolves.toMatchObject({ unlevelled: 249 })
    await expect(datasetFacts(store, many!, AbortSignal.abort())).rejects.toThrow()
  })
})

describe('what datasets share', () => {
  it('is found in every other split and set, the largest first, with some examples', async () => {
    const long = (n: number): Partial<Problem> => ({ prompt: story(n) })
    const many = Array.from({ length: 300 }, (_, n) => long(n))
    const own = dataset('own', [...many, { ...long(5), split: 'test' }, { ...long(900), split: 'test' }])
    // One word of thirty is another: near, and not the same.
    dataset('near', [{ prompt: story(7).replace(/^\S+/, 'another') }, { prompt: story(8).replace(/^\S+/, 'another') }, long(901)])
    dataset('same', many.slice(20))
    dataset('apart', [long(902)])
    const { found, compared, whole } = await datasetOverlap(store, own, signal)
    expect(found.map(({ a, b, exact, near }) => [a.split, b.name, b.split, exact, near])).toEqual([
      ['train', 'same', 'train', 280, 0],
      ['test', 'own', 'train', 1, 0],
      ['train', 'near', 'train', 0, 2],
    ])
    expect([compared, whole]).toEqual([7, true])
    const [same] = found
    expect(same!.b.problems).toBe(280)
    expect(same!.examples).toHaveLength(10)
    const { problem, other, similarity, key } = same!.examples[0]!
    expect([problem, other, similarity, key]).toEqual([story(20).slice(0, 160), story(20).slice(0, 160), 1, 'same 0'])
    expect(found[2]!.examples[0]!.similarity).toBeLessThan(1)
  })

  it('is told by what is the same before what is nearly so', async () => {
    const long = (n: number): Partial<Problem> => ({ prompt: story(n) })
    const near = (n: number): Partial<Problem> => ({ prompt: story(n).replace(/^\S+/, 'another') })
    const own = dataset('own', [long(1), long(2), long(3), long(4)])
    dataset('one', [near(1), near(2)])
    dataset('two', [long(1), near(2)])
    dataset('three', [near(2), near(3), near(4), long(1)])
    dataset('four', [long(1), long(2)])
    const { found } = await datasetOverlap(store, own, signal)
    expect(found.map(({ a, b, exact, near: nearly }) => [b.name, exact, nearly, a.problems, b.problems])).toEqual([
      ['four', 2, 0, 4, 2],
      ['three', 1, 3, 4, 4],
      ['two', 1, 1, 4, 2],
      ['one', 0, 2, 4, 2],
    ])
    expect(found[0]).toMatchObject({ a: { datasetId: own.id, name: 'own', split: 'train' }, b: { split: 'train' } })
  })

  it('is looked for among the first twenty thousand problems of a part, and it is said where a part has more', async () => {
    const most = 20_000
    const many = Array.from({ length: most + 1 }, (_, n) => ({ prompt: `${n}`, ...(n === most && { split: 'test' }) }))
    const within = dataset('within', many)
    // The last that is looked at, and the first that is not.
    const other = dataset('other', [{ prompt: `${most - 1}` }, { prompt: `${most + 1}` }])
    const facts = async () => {
      const { found, whole } = await datasetOverlap(store, other, signal)
      return { whole, found: found.map(({ b, exact }) => [b.split, exact]) }
    }
    expect(await facts()).toEqual({ whole: true, found: [['train', 1]] })
    store.datasets.addProblems(within.id, [
      { key: 'one more', split: 'train', prompt: `${most + 1}`, answer: '1', level: null, slices: {} },
    ])
    expect(await facts()).toEqual({ whole: false, found: [['train', 1]] })
  })

  it('is no more looked for when nobody waits for it', async () => {
    const many = Array.from({ length: 250 }, (_, n) => ({ prompt: story(n) }))
    await expect(datasetOverlap(store, dataset('many', [...many, { split: 'test' }]), AbortSignal.abort())).rejects.toThrow()
  })

  it('gives way to other work after some hundred problems, and hears so that nobody waits any more', async () => {
    const many = dataset('many', [...Array.from({ length: 250 }, (_, n) => ({ prompt: story(n) })), { split: 'test' }])
    const left = new AbortController()
    setImmediate(() => left.abort(new Error('nobody waits')))
    await expect(datasetOverlap(store, many, left.signal)).rejects.toThrow('nobody waits')
  })
})
