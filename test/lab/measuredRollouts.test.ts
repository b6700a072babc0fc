// What analyses of thinking are made of: thinning, histograms, measurements of a kind, slices, and means over problems.
import { describe, expect, it } from 'vitest'
import {
  accuracyOf,
  bootstrapOf,
  countedOf,
  estimatorKey,
  figureOf,
  figureOrNull,
  histogramOf,
  isComplete,
  thin,
} from '../../src-main/lab/thinking/measuredRollouts.ts'
import { wordEnds } from '../../src-main/episodes/cutsOfRule.ts'
import { regretTrace } from '../../src-main/episodes/regret.ts'
import { placesOf, segmentationRows, type KnownThought } from '../../src-main/lab/thinking/thinkingSegments.ts'
import { slicingsOf, type Row } from '../../src-main/lab/thinking/thinkingSlices.ts'
import type { Store } from '../../src-main/store/openStore.ts'
import type { Estimator } from '../../src-preload/contract.ts'

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

  it('are cut at every place of any of the rules, in order', async () => {
    const thoughts = [words(9), words(4)].map((text) => ({ text, tokenEnds: wordEnds(text, text.split(' ').length)! }))
    expect(await placesOf(thoughts, [windows(4), windows(3)], signal)).toEqual([
      [0, 3, 4, 6, 8, 9],
      [0, 3, 4],
    ])
  })
})
