// Lists, filters, search and picks of rollouts, on a run small enough to check by eye.

import { describe, expect, it } from 'vitest'
import type { Store } from '../../src-main/store/openStore.ts'
import { parseTextQuery } from '../../src-main/store/rolloutText.ts'
import type { LabError, NewRollout, RolloutQuery } from '../../src-preload/contract.ts'
import { newEvaluation, newRun, newStore, problemNamed, rolloutOf, startedRun, stepOf, thrownBy } from './records.ts'

const PAGE: Omit<RolloutQuery, 'filter'> = { sort: 'place', descending: false, limit: 10, after: null }

/** Progress from 0.25 to `end`. */
const rising = (end: number): NewRollout['progress'] => [
  {
    ...rolloutOf(1).progress[0]!,
    estimates: [0.25, end].map((value, boundary) => ({
      boundary,
      tokenOffset: boundary,
      value,
      low: null,
      high: null,
      tokensForwarded: 1,
    })),
  },
]

/** Steps 0 and 1, each with two groups of two samples; tokens are 1, 2, 3, ... in the order recorded, reward is tokens / 10. */
function twoSteps(store: Store) {
  const { run, datasetId, problemId } = startedRun(store)
  const [other] = store.datasets.addProblems(datasetId, [problemNamed('p1')])
  const ids: number[] = []
  for (const step of [0, 1]) {
    const rollouts = [0, 1, 2, 3].map((at) => {
      const tokens = step * 4 + at + 1
      const group = Math.floor(at / 2)
      return rolloutOf(group === 0 ? problemId : other!, {
        group,
        sample: at % 2,
        tokens: new Int32Array(tokens),
        reward: tokens / 10,
        correct: at % 2 === 0,
        text: `sample ${tokens} says 15 - 9 = ${tokens} Wait`,
        progress: rising(tokens / 16),
        overthinkTokens: at === 3 ? null : 10 - tokens,
      })
    })
    ids.push(...store.steps.record({ step: stepOf(run.id, step), rollouts, events: [] }))
  }
  return { runId: run.id, datasetId, problemId, other: other!, ids }
}

describe('pages', () => {
  it('go on where the last one ended, in every sort and direction', () => {
    const store = newStore()
    const { runId, ids } = twoSteps(store)
    for (const sort of ['place', 'tokens', 'reward', 'progress'] as const)
      for (const descending of [false, true]) {
        const seen: number[] = []
        let after: string | null = null
        do {
          const page = store.rollouts.page({ filter: { runId }, sort, descending, limit: 3, after })
          seen.push(...page.rollouts.map((rollout) => rollout.id))
          after = page.next
        } while (after !== null)
        expect(seen).toEqual(descending ? ids.toReversed() : ids)
      }
  })

  it('say that there are more only where there are', () => {
    const store = newStore()
    const { runId, ids } = twoSteps(store)
    const first = store.rollouts.page({ ...PAGE, filter: { runId }, limit: 4 })
    const second = store.rollouts.page({ ...PAGE, filter: { runId }, limit: 4, after: first.next })
    expect(second.rollouts.map(({ id }) => id)).toEqual(ids.slice(4))
    expect([first.next, second.next]).toEqual([`0,1,1,${ids[3]}`, null])
  })

  it('of the whole workspace are in order of recording, with words and without', () => {
    const store = newStore()
    const [first, second] = [twoSteps(store), twoSteps(store)]
    for (const filter of [{}, { text: 'wait' }]) {
      const page = store.rollouts.page({ ...PAGE, filter })
      const rest = store.rollouts.page({ ...PAGE, filter, after: page.next })
      expect([...page.rollouts, ...rest.rollouts].map(({ id }) => id)).toEqual([...first.ids, ...second.ids])
    }
  })

  it('know the steps that kept rollouts', () => {
    const store = newStore()
    const { runId, problemId } = twoSteps(store)
    store.steps.record({ step: stepOf(runId, 7), rollouts: [rolloutOf(problemId)], events: [] })
    store.steps.record({ step: stepOf(runId, 8), rollouts: [], events: [] })
    expect(store.rollouts.keptSteps(runId)).toEqual([0, 1, 7])
    expect(store.rollouts.keptSteps(runId + 1)).toEqual([])
  })

  it('sorted by a value, leave out the rollouts that have none', () => {
    const store = newStore()
    const { runId, ids } = twoSteps(store)
    const page = store.rollouts.page({ ...PAGE, filter: { runId }, sort: 'overthink', descending: true })
    expect(page.rollouts.map((rollout) => rollout.id)).toEqual([0, 1, 2, 4, 5, 6].map((at) => ids[at]))
    expect(page.next).toBeNull()
  })

  it('every filter narrows, alone and together', () => {
    const store = newStore()
    const { runId, problemId, ids } = twoSteps(store)
    const found = (filter: RolloutQuery['filter']): number[] =>
      store.rollouts.page({ ...PAGE, filter }).rollouts.map((rollout) => ids.indexOf(rollout.id))
    expect(found({ runId, correct: true })).toEqual([0, 2, 4, 6])
    expect(found({ runId, problemId })).toEqual([0, 1, 4, 5])
    expect(found({ runId, steps: [1, null] })).toEqual([4, 5, 6, 7])
    expect(found({ runId, steps: [0, 0], group: 1 })).toEqual([2, 3])
    expect(found({ runId, tokens: [3, 6] })).toEqual([2, 3, 4, 5])
    expect(found({ runId, reward: [null, 0.2], correct: false })).toEqual([1])
    expect(found({ runId, progress: [0.25, null] })).toEqual([7])
    expect(found({ runId, finishReason: 'length' })).toEqual([])
    expect(found({ runId, used: false })).toEqual([])
    expect(found({ runId, phase: 'train', text: 'sample', correct: false })).toEqual([1, 3, 5, 7])
    expect(found({ runId: runId + 1 })).toEqual([])
    expect(found({})).toHaveLength(8)
  })

  it('of a run show its training, and of an evaluation its answers', () => {
    const store = newStore()
    const { runId, datasetId, problemId, ids } = twoSteps(store)
    const { id } = store.evaluations.add(newEvaluation(datasetId, { runId, step: 1 }))
    const answers = store.evaluations.addResults(id, [], [rolloutOf(problemId)])
    const listed = (filter: RolloutQuery['filter']): number[] =>
      store.rollouts.page({ ...PAGE, filter }).rollouts.map((rollout) => rollout.id)
    expect(listed({ runId })).toEqual(ids)
    expect(listed({ runId, phase: 'eval' })).toEqual(answers)
    expect(listed({ evaluationId: id })).toEqual(answers)
    expect(listed({ evaluationId: id, text: 'wait' })).toEqual(answers)
  })

  it('a cursor that is not one is refused', () => {
    const store = newStore()
    const refused = (after: string) => thrownBy(() => store.rollouts.page({ ...PAGE, filter: { runId: 1 }, after }))
    for (const after of ['1,2,3,4); DROP TABLE rollouts', '1,2,3', '1,2,3,4,5', '1,2,Infinity,4'])
      expect(refused(after)).toMatchObject({ code: 'rollouts.badCursor', found: after })
    expect(refused('x'.repeat(61))).toMatchObject({ found: 'x'.repeat(60) })
  })
})

describe('search', () => {
  it('finds words, whole numbers, phrases with their signs, and beginnings', () => {
    const store = newStore()
    const { runId, ids } = twoSteps(store)
    const found = (text: string): number[] => store.rollouts.search({ runId, text }, 0, 10).map((hit) => ids.indexOf(hit.rollout.id))
    expect(found('WAIT')).toHaveLength(8)
    expect(found('sample 3')).toEqual([2])
    expect(found('"15 - 9 = 4"')).toEqual([3])
    expect(found('"15 + 9 = 4"')).toEqual([])
    expect(found('samp*')).toHaveLength(8)
    expect(found('samp')).toEqual([])
    expect(found('says "15 - 9" 7')).toEqual([6])
  })

  it('goes on after an id, and marks what matched', () => {
    const store = newStore()
    const { ids } = twoSteps(store)
    const [hit] = store.rollouts.search({ text: 'wait', correct: true }, ids[2]!, 1)
    expect(hit!.rollout.id).toBe(ids[4])
    expect(hit!.snippet).toBe('sample 5 says 15 - 9 = 5 \u0002Wait\u0003')
  })

  it('stays within its run', () => {
    const store = newStore()
    const { problemId } = twoSteps(store)
    const other = store.runs.add(newRun())
    expect(store.rollouts.search({ runId: other.id, text: 'wait' }, 0, 10)).toEqual([])
    store.steps.record({ step: stepOf(other.id, 0), rollouts: [rolloutOf(problemId)], events: [] })
    expect(store.rollouts.search({ runId: other.id, text: 'wait' }, 0, 10)).toHaveLength(1)
  })

  it('needs a word, and takes quotes and signs as text, not as syntax', () => {
    const store = newStore()
    twoSteps(store)
    for (const text of ['', '  ', '+ =', '"', '*', '\0'])
      expect(thrownBy(() => store.rollouts.search({ text }, 0, 10)).code).toBe('search.noWords')
    const found = (text: string): unknown => (thrownBy(() => parseTextQuery(text)) as LabError).found
    expect([found(' '), found('+ =')]).toEqual(['nothing', 'only signs'])
    for (const text of ['wait AND', 'NEAR(wait)', 'text:wait', '^wait', '"wait', "'; --wait", 'wait"'])
      expect(store.rollouts.search({ text }, 0, 10)).toBeInstanceOf(Array)
    expect(parseTextQuery('a 50%_ "b \\ c"').like).toEqual(['%50\\%\\_%', '%b \\\\ c%'])
  })
})

describe('where a reader starts', () => {
  it('the picks are the extremes, of a run or of one step', () => {
    const store = newStore()
    const { runId, ids } = twoSteps(store)
    const picked = (scope: { runId: number; steps?: [number, number] }) =>
      Object.fromEntries(Object.entries(store.rollouts.picks(scope, 7)).map(([name, rollout]) => [name, ids.indexOf(rollout!.id)]))
    expect(picked({ runId })).toMatchObject({ shortest: 0, longest: 7, mostProgress: 7, leastProgress: 0, mostOverthinking: 0 })
    expect(picked({ runId, steps: [1, 1] })).toMatchObject({ shortest: 4, longest: 7, mostOverthinking: 4 })
  })

  it('the random pick depends on its seed alone and reaches every rollout', () => {
    const store = newStore()
    const { runId, ids } = twoSteps(store)
    const drawn = Array.from({ length: 64 }, (_, seed) => store.rollouts.picks({ runId }, seed).random!.id)
    expect(drawn).toEqual(Array.from({ length: 64 }, (_, seed) => store.rollouts.picks({ runId }, seed).random!.id))
    expect(new Set(drawn)).toEqual(new Set(ids))
  })

  it('the random pick of a seed stays what it was when a link to it was made: the first number of mulberry32', () => {
    const store = newStore()
    const { runId, ids } = twoSteps(store)
    const { problemId } = store.rollouts.get(ids[0]!)!
    const many = Array.from({ length: 249 }, (_, sample) => rolloutOf(problemId, { sample, episodes: [], progress: [] }))
    const all = [...ids, ...store.steps.record({ step: stepOf(runId, 2), rollouts: many, events: [] })]
    const mulberry32 = (seed: number): number => {
      let t = (seed + 0x6d2b79f5) | 0
      t = Math.imul(t ^ (t >>> 15), t | 1)
      t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
      return ((t ^ (t >>> 14)) >>> 0) / 4294967296
    }
    expect([mulberry32(0), mulberry32(1)].map((each) => each.toFixed(4))).toEqual(['0.2664', '0.6271'])
    for (let seed = 0; seed < 200; seed++)
      expect(store.rollouts.picks({ runId }, seed).random!.id).toBe(all[Math.floor(mulberry32(seed) * all.length)])
  })

  it('an empty run has nothing to pick', () => {
    const store = newStore()
    const { run } = startedRun(store)
    expect(Object.values(store.rollouts.picks({ runId: run.id }, 1)).every((rollout) => rollout === null)).toBe(true)
  })

  it('a group is read in order, and a problem through all of training', () => {
    const store = newStore()
    const { runId, other, ids } = twoSteps(store)
    expect(store.rollouts.group({ runId, steps: [1, 1], group: 1 }).map((rollout) => rollout.id)).toEqual([ids[6], ids[7]])
    expect(store.rollouts.throughTraining(other, runId).map((rollout) => rollout.id)).toEqual([2, 3, 6, 7].map((at) => ids[at]))
    expect(store.rollouts.throughTraining(other, null)).toHaveLength(4)
  })
})

describe('histograms', () => {
  it('count every value once, the highest in the last bin, and those without one apart', () => {
    const store = newStore()
    const { runId } = twoSteps(store)
    expect(store.rollouts.histogram({ runId }, 'tokens', 4)).toEqual({ low: 1, high: 8, counts: [2, 2, 2, 2], missing: 0 })
    expect(store.rollouts.histogram({ runId }, 'overthink', 2)).toEqual({ low: 3, high: 9, counts: [3, 3], missing: 2 })
    expect(store.rollouts.histogram({ runId, correct: true, text: 'sample' }, 'tokens', 2)).toEqual({
      low: 1,
      high: 7,
      counts: [2, 2],
      missing: 0,
    })
  })

  it('over the whole workspace are those of all runs, taken a run at a time', async () => {
    const store = newStore()
    const { runId, datasetId, problemId } = twoSteps(store)
    twoSteps(store)
    let turns = 0
    for (const filter of [{}, { correct: true }, { text: 'wait' }]) {
      const whole = await store.rollouts.histogramInTurns(filter, 'reward', 5, async () => void turns++)
      expect(whole).toEqual(store.rollouts.histogram(filter, 'reward', 5))
      expect(whole.counts.reduce((sum, count) => sum + count, 0)).toBe(store.rollouts.count(filter))
    }
    expect(turns).toBe(6)
    for (const [of, rewards] of [
      [runId, [0.1, 0.2]],
      [null, [0.3]],
    ] as const) {
      const { id } = store.evaluations.add(newEvaluation(datasetId, { runId: of }))
      store.evaluations.addResults(
        id,
        [],
        rewards.map((reward, sample) => rolloutOf(problemId, { sample, reward })),
      )
    }
    store.rollouts.add({ runId: null, evaluationId: null, phase: 'imported', step: 0 }, [rolloutOf(problemId, { reward: null })])
    // Of training twice 0.1, 0.2, ..., 0.8, of evaluations 0.1, 0.2 and 0.3, and one import without a reward.
    for (const [filter, expected] of [
      [{}, { low: 0.1, high: 0.8, counts: [2 * 4 + 3, 2 * 4], missing: 1 }],
      [{ phase: 'eval' }, { low: 0.1, high: 0.3, counts: [1, 2], missing: 0 }],
      [{ phase: 'imported' }, { low: 0, high: 0, counts: [0, 0], missing: 1 }],
    ] as const) {
      expect(await store.rollouts.histogramInTurns(filter, 'reward', 2, async () => {})).toEqual(expected)
      expect(store.rollouts.histogram(filter, 'reward', 2)).toEqual(expected)
    }
  })

  it('of one value, and of none, are drawn too', () => {
    const store = newStore()
    const { runId } = twoSteps(store)
    expect(store.rollouts.histogram({ runId, tokens: [3, 3] }, 'tokens', 3)).toEqual({ low: 3, high: 3, counts: [1, 0, 0], missing: 0 })
    expect(store.rollouts.histogram({ runId: 999 }, 'reward', 2)).toEqual({ low: 0, high: 0, counts: [0, 0], missing: 0 })
  })
})
