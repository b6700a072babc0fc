// What analyses of thinking are made of: thinning, histograms, measurements of a kind, slices, and means over problems.
import { describe, expect, it } from 'vitest'
import {
  accuracyOf,
  bootstrapOf,
  countedOf,
  detailsOf,
  estimatorKey,
  figureOf,
  figureOrNull,
  histogramOf,
  isComplete,
  readScope,
  rowsOf,
  thin,
} from '../../src-main/lab/thinking/measuredRollouts.ts'
import { wordEnds } from '../../src-main/episodes/cutsOfRule.ts'
import { regretTrace } from '../../src-main/episodes/regret.ts'
import { placesOf, segmentationRows, type KnownThought } from '../../src-main/lab/thinking/thinkingSegments.ts'
import { slicingsOf, type Row } from '../../src-main/lab/thinking/thinkingSlices.ts'
import type { Store } from '../../src-main/store/openStore.ts'
import { bootstrapMean } from '../../src-main/numeric/bootstrap.ts'
import { estimatorTitle } from '../../src-main/lab/thinking/thinkingCalibration.ts'
import type { Estimator, Rollout } from '../../src-preload/contract.ts'
import { openEvaluated } from './evaluated.ts'
import { rollout } from './records.ts'

describe('the rollouts of a scope', () => {
  it('are read page by page in order of their place, those of an evaluation that stopped where they stopped unless others are asked for', () => {
    const asked: object[] = []
    const pages: Record<string, { rollouts: object[]; next: string | null }> = {
      null: { rollouts: [{ id: 1 }, { id: 2 }], next: 'second' },
      second: { rollouts: [{ id: 3 }], next: null },
    }
    const store = {
      rollouts: {
        page({ filter, after, sort, descending }: { filter: object; after: string | null; sort: string; descending: boolean }) {
          asked.push({ filter, sort, descending })
          return pages[String(after)]
        },
      },
    } as unknown as Store
    expect(rowsOf(store, { runId: 4, estimator: 'exact' }).map(({ id }) => id)).toEqual([1, 2, 3])
    const place = { sort: 'place', descending: false }
    expect(asked.splice(0)).toEqual([0, 1].map(() => ({ filter: { runId: 4 }, ...place })))
    rowsOf(store, { evaluationId: 5 })
    rowsOf(store, { evaluationId: 5, keptThinking: true })
    expect(asked.filter((_, at) => at % 2 === 0)).toEqual(
      [false, true].map((keptThinking) => ({ filter: { evaluationId: 5, keptThinking }, ...place })),
    )
    expect(() => rowsOf(store, { problemId: 1 })).toThrow(expect.objectContaining({ code: 'thinking.scope', found: 'neither' }))
  })

  it('are read one by one, those that cannot be read left out, with room for others after every 250', async () => {
    const store = { rollouts: { readable: (id: number) => (id === 3 ? null : { id }) } } as unknown as Store
    const rows = (count: number) => Array.from({ length: count }, (_, id) => ({ id })) as unknown as Rollout[]
    /** How many were read, and whether anything else came in between. */
    const read = async (count: number): Promise<[number, boolean]> => {
      let others = false
      setImmediate(() => (others = true))
      let seen = 0
      for await (const _ of detailsOf(store, rows(count), new AbortController().signal)) seen++
      return [seen, others]
    }
    expect(await read(249)).toEqual([248, false])
    expect(await read(250)).toEqual([249, true])
    const aborted = detailsOf(store, rows(1), AbortSignal.abort())
    await expect(aborted.next()).rejects.toThrow()
  })

  it('are measured where J is known at every boundary, of a thought without an episode too, by the measurement that is asked for', async () => {
    const made = openEvaluated()
    try {
      const { store, problemIds } = made
      const like = rollout(problemIds[0]!, 0, 0, true)
      const [curve] = like.progress
      const J = (...values: number[]) => ({
        ...curve!,
        estimates: values.map((value, boundary) => ({ ...curve!.estimates[boundary]!, value })),
      })
      const other = { ...J(0.3, 0.4, 0.5), estimator: { ...curve!.estimator, method: 'sampled' as const, samples: 8 } }
      const runId = made.run('a')
      store.rollouts.add({ runId, evaluationId: null, phase: 'train', step: 1 }, [
        { ...like, sample: 0, progress: [J(0.1, 0.2, 0.3), other] },
        { ...like, sample: 1, progress: [J(0.1, 0.2)] },
        { ...like, sample: 2, episodes: [], progress: [J(0.7)] },
        { ...like, sample: 3, progress: [] },
        { ...like, sample: 4, problemId: problemIds[1]!, progress: [J(0.5, 0.6, 0.7)] },
      ])
      const signal = new AbortController().signal
      const read = async (limit: number, estimator?: string) => {
        const scope = { runId, ...(estimator !== undefined && { estimator }) }
        const { rolloutCount, read: rows, measured, questions } = await readScope(store, scope, limit, signal)
        return [rolloutCount, rows.length, measured.map((each) => each.J), questions.map(({ members }) => members.length)]
      }
      expect(await read(9)).toEqual([5, 5, [[0.1, 0.2, 0.3], [0.7], [0.5, 0.6, 0.7]], [2, 1]])
      expect(await read(9, estimatorKey(other.estimator))).toEqual([5, 5, [[0.3, 0.4, 0.5]], [1]])
      expect(await read(2)).toEqual([5, 2, [[0.1, 0.2, 0.3], [0.7]], [2]])
    } finally {
      made.close()
    }
  })
})

describe('a thinned list', () => {
  it('has so many items, evenly spread, or all of them', () => {
    const items = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]
    expect(thin(items, 10)).toBe(items)
    expect([thin(items, 5), thin(items, 3), thin(items, 1)]).toEqual([[0, 2, 4, 6, 8], [0, 3, 6], [0]])
  })
})

describe('a histogram', () => {
  it('has twenty-four bins from the least to the most, which is in the last', () => {
    const { low, high, counts, missing } = histogramOf([1, 1, 2, 24, 25, 13])
    expect([low, high, counts.length, missing]).toEqual([1, 25, 24, 0])
    expect(counts.flatMap((count, bin) => (count > 0 ? [[bin, count]] : []))).toEqual([
      [0, 2],
      [1, 1],
      [12, 1],
      [23, 2],
    ])
  })

  it('of values that are all alike has them in its first bin, and of none has nothing', () => {
    expect(histogramOf([7, 7, 7])).toMatchObject({ low: 7, high: 7, counts: [3, ...new Array<number>(23).fill(0)] })
    expect(histogramOf([])).toEqual({ low: 0, high: 0, counts: new Array<number>(24).fill(0), missing: 0 })
  })
})

describe('measurements', () => {
  const estimator: Estimator = {
    method: 'sampled',
    samples: 8,
    weights: 'checkpoint',
    checkpointId: 3,
    step: 2,
    prover: 1,
    template: 'bare',
    temperature: 1,
  } as Estimator

  it('are of one kind whatever the step, and of another by weights, temperature or server', () => {
    expect(estimatorKey(estimator)).toBe('sampled-8-checkpoint-3-1')
    expect(estimatorKey({ ...estimator, step: 9, temperature: null })).toBe('sampled-8-checkpoint-3-1')
    expect(estimatorKey({ ...estimator, checkpointId: null })).toBe('sampled-8-checkpoint-none-1')
    expect(estimatorKey({ ...estimator, temperature: 0.5, served: 'host' })).toBe('sampled-8-checkpoint-3-1-T0.5-by host')
  })

  it('are told by how J was measured, whose weights answered, and how', () => {
    const told = (more: Partial<Estimator>) => estimatorTitle({ ...estimator, ...more })
    expect([
      told({}),
      told({ method: 'exact', checkpointId: null, prover: 4 }),
      told({ served: 'a model at host', temperature: 0.5 }),
    ]).toEqual(['8 answers, checkpoint 3', 'exact, start weights, best of 4', '8 answers, a model at host, temperature 0.5'])
    expect((['current', 'frozen', 'ema', 'unknown'] as const).map((weights) => told({ weights, temperature: null }))).toEqual([
      '8 answers, weights that wrote them',
      '8 answers, frozen start weights',
      '8 answers, averaged weights',
      '8 answers, weights not recorded',
    ])
  })

  it('are whole with a value before the first episode and after each', () => {
    const of = (episodes: number, estimates: number) =>
      isComplete({ episodes: new Array(episodes) }, { estimates: new Array(estimates) } as never)
    expect([of(2, 3), of(2, 2), of(2, 4), of(0, 1)]).toEqual([true, false, false, true])
  })

  it('count what is asked for, else what the evaluation or the run counts', () => {
    const config = (counted: string) => ({ config: { evaluation: { counted } } })
    const store = {
      evaluations: { get: (id: number) => (id === 1 ? config('completion') : undefined) },
      runs: { readable: (id: number) => (id === 1 ? config('thinking') : null) },
    } as unknown as Store
    expect(countedOf(store, { runId: 1 }, 'all')).toBe('all')
    expect(countedOf(store, { runId: 1 })).toBe('thinking')
    expect(countedOf(store, { runId: 1, evaluationId: 1 })).toBe('completion')
    expect([{}, { runId: 9 }, { evaluationId: 9 }].map((scope) => countedOf(store, scope))).toEqual(['all', 'all', 'all'])
  })
})

describe('a mean over problems', () => {
  it('has an interval from two problems on, and is none of none', () => {
    expect(figureOrNull([], [] as never)).toBeNull()
    expect(figureOf([0.5], Int32Array.of(0))).toMatchObject({ value: 0.5, low: null, high: null, n: 1 })
    const { value, low, high, n, basis } = figureOf([0, 1], Int32Array.of(0, 1))
    expect([value, low! < 0.5, high! > 0.5, n]).toEqual([0.5, true, true, 2])
    expect(basis).toMatchObject({ clusters: 2, seeds: 0 })
  })

  it('has the interval of a plain bootstrap over clusters, two thousand times', () => {
    const values = Array.from({ length: 40 }, (_, at) => Math.sin(at) ** 2)
    const clusters = Int32Array.from(values, (_, at) => Math.floor(at / 2))
    const { low, high } = bootstrapMean(values, { seed: 20_260_101, draws: 2000, clusters })
    expect(figureOf(values, clusters)).toMatchObject({ low, high, basis: { clusters: 20 } })
  })

  it('is resampled less often where there are many problems', () => {
    expect([bootstrapOf(599).draws, bootstrapOf(600).draws]).toEqual([2000, 400])
  })

  it('of right answers leaves out what was not graded, and its interval stays within what a share can be', () => {
    const store = { datasets: { readable: () => null } } as unknown as Store
    const rows = (shares: readonly (boolean | null)[][]) =>
      shares.flatMap((own, problemId) => own.map((correct) => ({ problemId, correct })))
    expect(accuracyOf(store, rows([[null], []]))).toBeNull()
    const share = accuracyOf(store, rows([[true, true, null], [false], [true, false], [null]]))!
    expect([share.value, share.n]).toEqual([0.5, 3])
    expect([share.low! >= 0, share.high! <= 1]).toEqual([true, true])
    // Three problems say so little that the interval would reach beyond.
    expect([share.low, share.high]).toEqual([0, 1])
    expect(accuracyOf(store, rows([[true]]))).toMatchObject({ value: 1, low: null, high: null })
    expect(share.basis!.clusters).toBe(3)
    const clustered = { datasets: { readable: (id: number) => ({ slices: { cluster: `${id % 2}` }, answer: null }) } } as unknown as Store
    expect(accuracyOf(clustered, rows([[true], [false], [true]]))!.basis!.clusters).toBe(2)
  })
})

describe('slices', () => {
  const row = (more: { level?: number | null; slices?: object; rollout?: object; source?: string }): Row =>
    ({
      rollout: { correct: true, episodeCount: 1, finishReason: 'stop', step: 1, ...more.rollout },
      problem: { level: more.level ?? null, slices: more.slices ?? {} },
      source: more.source ?? 'train',
      measured: null,
    }) as unknown as Row
  const slicing = (rows: readonly Row[], by: string) => slicingsOf(rows).find((each) => each.by === by)

  it('are told only where they tell rollouts apart', () => {
    expect(slicingsOf([row({}), row({})])).toEqual([])
    expect(slicingsOf([row({}), row({ rollout: { step: 2 } })]).map(({ by }) => by)).toEqual(['step'])
    expect(slicingsOf([row({ slices: { kind: 'a' } }), row({ slices: { kind: 'b' } })]).map(({ by, title }) => [by, title])).toEqual([
      ['column:kind', 'kind'],
    ])
    expect(slicingsOf([row({}), row({ rollout: { correct: null } })])).toEqual([])
  })

  it('are of each level up to six, alike ones together, and of thirds beyond', () => {
    expect(slicing([row({ level: 1 }), row({ level: 1 })], 'level')).toBeUndefined()
    expect(slicing([row({ level: 2 }), row({ level: 1 })], 'level')!.order).toEqual(['level 1', 'level 2'])
    const six = [3, 1, 2, 6, 5, 4].map((level) => row({ level }))
    expect(slicing(six, 'level')!.order).toEqual([1, 2, 3, 4, 5, 6].map((level) => `level ${level}`))
    expect(slicing([row({ level: 0.001 }), row({ level: 0.002 }), row({ level: 1 })], 'level')!.order).toEqual(['level 0', 'level 1'])
    const many = slicing(
      Array.from({ length: 7 }, (_, level) => row({ level })),
      'level',
    )!
    expect(many.order!.map((name) => name.split(',')[0])).toEqual(['easiest third', 'middle', 'hardest third'])
    expect([0, 2, 3, 4, 5, 6].map((level) => many.order!.indexOf(many.of(row({ level }))!))).toEqual([0, 0, 1, 1, 2, 2])
    expect(many.of(row({}))).toBeNull()
  })

  it('are by number of episodes up to six, and by right and wrong', () => {
    const rows = [0, 1, 2, 5, 6, 9].map((episodeCount) => row({ rollout: { episodeCount, correct: episodeCount > 2 } }))
    const episodes = slicing(rows, 'episodes')!
    expect(rows.map(episodes.of)).toEqual([
      '0 episodes',
      '1 episode',
      '2 episodes',
      '5 episodes',
      '6 episodes or more',
      '6 episodes or more',
    ])
    expect(episodes.order).toEqual([
      ...['0 episodes', '1 episode', '2 episodes', '3 episodes', '4 episodes', '5 episodes'],
      '6 episodes or more',
    ])
    const correct = slicing(rows, 'correct')!
    expect([...rows.slice(2, 4).map(correct.of), correct.of(row({ rollout: { correct: null } }))]).toEqual(['wrong', 'right', null])
  })
})

describe('the same thoughts cut by other rules', () => {
  const words = (count: number): string => Array.from({ length: count }, (_, at) => `w${at}`).join(' ')
  const windows = (size: number) => ({
    name: `windows of ${size}`,
    rule: { opener: { kind: 'windows' as const, size }, unit: 'word' as const, minGap: 1, maxCuts: null, groupSize: 1 },
  })
  const thought = (problemId: number, text: string, offsets: readonly number[], J: readonly number[]): KnownThought => {
    const tokens = text.split(' ').length
    return {
      problemId,
      cluster: null,
      text,
      tokenEnds: wordEnds(text, tokens)!,
      thinkEnd: tokens,
      offsets,
      J,
      trace: regretTrace({ promptTokens: 3, completionTokens: tokens + 3, boundaries: offsets, J }),
    }
  }
  const signal = new AbortController().signal
  const asked = { budget: 9, counted: 'thinking' as const }

  it('have as many episodes as they are cut into, and say how many of the cuts were measured', async () => {
    const thoughts = [thought(1, words(9), [0, 3, 9], [0.1, 0.4, 0.9]), thought(2, words(6), [0, 6], [0.2, 0.5])]
    const rows = await segmentationRows(thoughts, { ...asked, rules: [windows(9), windows(3), windows(3)] }, signal)
    expect(
      rows.map(({ name, rolloutCount, episodes, episodeTokens }) => [name, rolloutCount, episodes!.value, episodeTokens!.value]),
    ).toEqual([
      ['windows of 9', 2, 1, (9 + 6) / 2],
      ['windows of 3', 2, 2.5, 3],
      ['windows of 3', 2, 2.5, 3],
    ])
    // Of 0, 3, 6, 9 the third was not measured, nor was the second of 0, 3, 6.
    expect(rows.map(({ measuredShare }) => measuredShare)).toEqual([1, 5 / 7, 5 / 7])
    const [first, second, third] = rows
    expect(first!.difference).toBeNull()
    expect(second!.difference!.value).toBeCloseTo(second!.regret!.value - first!.regret!.value, 12)
    expect(Math.abs(second!.difference!.value)).toBeGreaterThan(1e-3)
    expect([third!.difference!.value, second!.regret!.n]).toEqual([second!.difference!.value, 2])
    expect(await segmentationRows([], { ...asked, rules: [windows(3)] }, signal)).toMatchObject([
      { rolloutCount: 0, episodes: null, regret: null, difference: null, measuredShare: null },
    ])
    await expect(segmentationRows(thoughts, { ...asked, rules: [windows(3)] }, AbortSignal.abort())).rejects.toThrow()
  })

  it('take the tokens of an episode from thoughts that have one', async () => {
    const thoughts = [
      thought(1, words(9), [0, 9], [0.1, 0.9]),
      { ...thought(2, words(1), [0, 1], [0.2, 0.2]), text: '</think>', thinkEnd: 0 },
    ]
    const [row] = await segmentationRows(thoughts, { ...asked, rules: [windows(3)] }, signal)
    expect([row!.episodes, row!.episodeTokens]).toMatchObject([
      { value: 1.5, n: 2 },
      { value: 3, n: 1 },
    ])
  })

  it('are resampled by the clusters of their problems', async () => {
    const thoughts = [1, 2, 3].map((id) => ({ ...thought(id, words(9), [0, 3, 9], [0.1, 0.4, 0.9]), cluster: `target ${id % 2}` }))
    const [, row] = await segmentationRows(thoughts, { ...asked, rules: [windows(9), windows(3)] }, signal)
    for (const figure of [row!.episodes, row!.episodeTokens, row!.regret, row!.difference])
      expect(figure).toMatchObject({ n: 3, basis: { clusters: 2 } })
  })

  it('are cut at every place of any of the rules, in order', async () => {
    const thoughts = [words(9), words(4)].map((text) => {
      const thinkEnd = text.split(' ').length
      return { text, tokenEnds: wordEnds(text, thinkEnd)!, thinkEnd }
    })
    expect(await placesOf(thoughts, [windows(4), windows(3)], signal)).toEqual([
      [0, 3, 4, 6, 8, 9],
      [0, 3, 4],
    ])
  })
})
