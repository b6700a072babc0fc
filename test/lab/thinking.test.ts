// Analysis of thoughts asked through the contract, on a workspace whose rollouts were made by hand: of every four of a problem two are
// right (J 0.1, 0.3, 0.9 after 0, 5, 9 tokens) and two wrong (0.1, 0.2, 0.1); prompts have 3 tokens and answers 3.
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { bootstrapOf } from '../../src-main/lab/thinking/measuredRollouts.ts'
import { segmentQueries } from '../../src-main/lab/thinking/thinkingSegments.ts'
import { bootstrap } from '../../src-main/numeric/bootstrap.ts'
import { wilson } from '../../src-main/numeric/intervals.ts'
import { mean } from '../../src-main/numeric/stats.ts'
import { fakeExperiments } from './fakeExperiments.ts'
import { openLocalLab, type LocalLab } from './localLab.ts'
import { rollout } from './records.ts'

let lab: LocalLab
let scope: { runId: number }
beforeAll(async () => {
  lab = await openLocalLab()
  scope = { runId: lab.filled.runIds[0]! }
  // The start's evaluation keeps one right rollout of each of the first two problems: right sooner than the run's.
  const { store } = opened()
  const better = (problemId: number) => ({
    ...rollout(problemId, 0, 0, true),
    progress: [
      {
        ...rollout(problemId, 0, 0, true).progress[0]!,
        estimates: [0.5, 0.9, 0.9].map((value, boundary) => ({
          boundary,
          tokenOffset: [0, 5, 9][boundary]!,
          value,
          low: null,
          high: null,
          tokensForwarded: 0,
        })),
      },
    ],
  })
  store.rollouts.add(
    { runId: null, evaluationId: lab.filled.startEvaluationId, phase: 'eval', step: 0 },
    lab.filled.problemIds.slice(0, 2).map(better),
  )
})
afterAll(() => lab.close())

const opened = () => ({ store: lab.lab.workspaces.store() })
const close = (value: number | undefined, expected: number): void => expect(value).toBeCloseTo(expected, 5)

describe('a scope', () => {
  it('names a run or an evaluation', async () => {
    await expect(lab.client.thinking.summary({ scope: {} })).rejects.toMatchObject({ code: 'thinking.scope' })
  })

  it('is told beside what was graded and what was spent', async () => {
    expect(await lab.client.thinking.summary({ scope })).toMatchObject({
      accuracy: { value: 0.5, n: 4 },
      thinkingTokens: { value: 9, n: 4 },
    })
  })

  it('is told by how its thoughts were cut, and by what became of its rollouts', async () => {
    const { episodes, episodeTokens, account } = await lab.client.thinking.summary({ scope })
    expect([episodes.low, episodes.high, episodes.counts[0]]).toEqual([2, 2, 16])
    // Of five tokens and of four.
    expect([episodeTokens.low, episodeTokens.high, episodeTokens.counts[0], episodeTokens.counts.at(-1)]).toEqual([4, 5, 16, 16])
    expect(account.rollouts).toEqual({ solved: 8, futile: 8, starved: 0 })
  })

  it('lists its measurements, and reads the one that is asked for', async () => {
    const [first, ...others] = await lab.client.thinking.estimators({ scope })
    expect([first!.rolloutCount, first!.title, others]).toEqual([16, 'exact, weights that wrote them', []])
    expect(await lab.client.thinking.summary({ scope: { ...scope, estimator: first!.key } })).toMatchObject({ measuredCount: 16 })
    expect(await lab.client.thinking.summary({ scope: { ...scope, estimator: 'sampled-8-current-none-1' } })).toMatchObject({
      rolloutCount: 16,
      measuredCount: 0,
      curve: [],
      progress: null,
      accuracy: { value: 0.5 },
    })
  })
})

describe('regret against a comparator', () => {
  const regret = (comparator: 'oracle' | 'best' | 'sufficient' | 'equal', of: object = scope) =>
    lab.client.thinking.regret({ scope: of, budgets: [9], counted: 'thinking', comparator })

  it('names the comparators that these rollouts allow', async () => {
    const known = await lab.client.thinking.comparators({ scope })
    expect(known.map(({ name, reason }) => [name, reason])).toEqual([
      ['oracle', null],
      ['best', null],
      ['sufficient', null],
      ['equal', null],
    ])
    expect(known[1]!.title).toBe('best checkpoint: evaluation')
    const nothing = await lab.client.thinking.comparators({ scope: { ...scope, steps: [99, 99] } })
    expect(nothing.every(({ reason }) => reason === 'No rollout here has J.')).toBe(true)
  })

  it('compares with the best checkpoint on the problems that both have', async () => {
    const [point] = await regret('best')
    // Own area to 9: (5 x 0.175 + 4 x 0.375) / 9; the other's: (5 x 0.7 + 4 x 0.9) / 9.
    close(point!.value, (5 * 0.7 + 4 * 0.9 - 5 * 0.175 - 4 * 0.375) / 9)
    expect(point!.n).toBe(2)
  })

  it('asks for nothing before the fewest tokens that were enough', async () => {
    // Right from token 9 on at best: nothing can be lost up to 9, so what was had earlier counts below zero.
    close((await regret('sufficient'))[0]!.value, -(5 * 0.175 + 4 * 0.375) / 9)
  })

  it('is zero against an equal share when all spend the same', async () => {
    close((await regret('equal'))[0]!.value, 0)
  })

  it('takes of several checkpoints the one with the least regret at the budget of training, and says where it is this one', async () => {
    const other = await openLocalLab()
    try {
      const store = other.lab.workspaces.store()
      const { evaluationIds, startEvaluationId, problemIds, runIds } = other.filled
      const best = async (of: object = { runId: runIds[0]! }) => (await other.client.thinking.comparators({ scope: of }))[1]!
      const keep = (evaluationId: number) =>
        store.rollouts.add({ runId: null, evaluationId, phase: 'eval', step: 0 }, [rollout(problemIds[0]!, 0, 0, true)])
      const scopeOf = { runId: runIds[0]! }
      expect(await other.client.thinking.regret({ scope: scopeOf, budgets: [9], counted: 'thinking', comparator: 'best' })).toEqual([])
      expect(await best()).toMatchObject({ title: 'best checkpoint', reason: 'No evaluation has measured these problems.' })
      keep(startEvaluationId)
      expect(await best()).toMatchObject({ title: 'best checkpoint: evaluation', reason: null, meaning: expect.stringContaining('step 0') })
      keep(evaluationIds[2]!)
      expect((await best()).meaning).toContain('step 4')
      expect((await best({ evaluationId: evaluationIds[2]! })).title).toBe('best checkpoint: evaluation, these themselves')
      expect((await best({ evaluationId: startEvaluationId })).title).toBe('best checkpoint: evaluation')
      const known = await other.client.thinking.comparators({ scope: { runId: runIds[0]! } })
      expect(known[3]!.meaning).toContain('9 of thinking')
    } finally {
      await other.close()
    }
  })

  it('is zero against itself', async () => {
    close((await regret('best', { evaluationId: lab.filled.startEvaluationId }))[0]!.value, 0)
  })
})

describe('curves over episodes', () => {
  it('put J, the best of several answers and cumulative regret on the tokens they cost', async () => {
    const curves = await lab.client.thinking.curves({ scope, sizes: [2], counted: 'completion' })
    expect(curves.boundaries.map(({ tokens }) => tokens)).toEqual([3, 8, 12])
    // Three tokens of the prompt are counted where all are.
    const all = await lab.client.thinking.curves({ scope, sizes: [2], counted: 'all' })
    expect(all.boundaries.map(({ tokens }) => tokens)).toEqual([6, 11, 15])
    curves.boundaries.forEach(({ J }, index) => close(J.value, [0.1, 0.25, 0.5][index]!))
    curves.boundaries.forEach(({ bestOf: [two] }, index) => {
      close(two!.value.value, [0.19, (1 - 0.49 + (1 - 0.64)) / 2, (0.99 + 0.19) / 2][index]!)
      close(two!.tokens, [6, 11, 15][index]!)
    })
    expect(curves.boundaries[0]!.regret).toBeNull()
    close(curves.boundaries[1]!.regret!.value, 0.9)
    close(curves.boundaries[2]!.regret!.value, 0.9 + 0.75)
  })

  it('compare whole thoughts with as many direct answers as their tokens buy', async () => {
    const { direct, equalTokens } = await lab.client.thinking.curves({ scope, counted: 'completion' })
    close(direct.find(({ size }) => size === 4)!.value.value, 1 - 0.9 ** 4)
    close(direct.find(({ size }) => size === 4)!.tokens, 12)
    // 12 tokens of a whole completion buy 4 answers of 3.
    expect(equalTokens!.answers).toBe(4)
    close(equalTokens!.difference.value, 0.5 - (1 - 0.9 ** 4))
  })

  it('of thoughts of different lengths go as far as the longest, where the others keep what they had', async () => {
    const other = await openLocalLab()
    try {
      const { startEvaluationId: evaluationId, problemIds } = other.filled
      const long = rollout(problemIds[0]!, 0, 0, true)
      /** One episode of four tokens, then three of answer; J goes 0.2 -> 0.6. */
      const short = {
        ...rollout(problemIds[0]!, 0, 1, true),
        tokens: Int32Array.from(long.tokens.slice(0, 7)),
        logps: new Float32Array(7),
        advantages: null,
        thinkingTokens: 4,
        episodes: [{ ...long.episodes[0]!, endToken: 4 }],
        progress: [
          {
            ...long.progress[0]!,
            estimates: [0.2, 0.6].map((value, boundary) => ({
              ...long.progress[0]!.estimates[boundary]!,
              value,
              tokenOffset: 4 * boundary,
            })),
          },
        ],
      }
      /** Cut off while it thought: nine tokens, none of answer. */
      const cut = {
        ...rollout(problemIds[1]!, 1, 0, false),
        tokens: Int32Array.from(long.tokens.slice(0, 9)),
        logps: new Float32Array(9),
        advantages: null,
      }
      other.lab.workspaces.store().rollouts.add({ runId: null, evaluationId, phase: 'eval', step: 0 }, [long, short, cut])
      const curves = async (counted: 'thinking' | 'completion' | 'all', problemId: number | undefined) =>
        other.client.thinking.curves({ scope: { evaluationId, problemId }, sizes: [4, 2], counted })
      const { sizes, boundaries, direct, equalTokens } = await curves('completion', problemIds[0])
      expect(sizes).toEqual([2, 4])
      expect(boundaries.map(({ boundary, tokens }) => [boundary, tokens])).toEqual([
        [0, 3],
        [1, 7.5],
        [2, 9.5],
      ])
      boundaries.forEach(({ J }, at) => close(J.value, [0.15, 0.45, 0.75][at]!))
      expect(boundaries.map(({ bestOf }) => bestOf.map(({ tokens }) => tokens))).toEqual([
        [6, 12],
        [10.5, 16.5],
        [12.5, 18.5],
      ])
      close(boundaries[2]!.bestOf[1]!.value.value, (1 - 0.1 ** 4 + 1 - 0.4 ** 4) / 2)
      expect(direct.map(({ size, tokens }) => [size, tokens])).toEqual([1, 2, 4, 8, 16, 32].map((size) => [size, 3 * size]))
      // Twelve tokens buy four answers of three, seven buy two and a third.
      close(equalTokens!.answers, (4 + 7 / 3) / 2)
      close(equalTokens!.thinking.value, 0.75)
      close(equalTokens!.direct.value, (1 - 0.9 ** 4 + 1 - 0.8 ** (7 / 3)) / 2)
      close(equalTokens!.difference.value, equalTokens!.thinking.value - equalTokens!.direct.value)
      const tokens = async (counted: 'thinking' | 'all') => (await curves(counted, problemIds[0])).boundaries.map((each) => each.tokens)
      expect([await tokens('thinking'), await tokens('all')]).toEqual([
        [0, 4.5, 6.5],
        [6, 10.5, 12.5],
      ])
      expect((await curves('thinking', problemIds[0])).boundaries[2]!.bestOf.map((each) => each.tokens)).toEqual([6.5, 6.5])
      // What has no answer buys as many as it has tokens.
      expect((await curves('completion', problemIds[1])).equalTokens!.answers).toBe(9)
      // Over two problems, each counts once.
      close((await curves('completion', undefined)).boundaries[2]!.J.value, (0.75 + 0.1) / 2)
    } finally {
      await other.close()
    }
  })

  it('have no answer to compare with where nothing was measured', async () => {
    expect(await lab.client.thinking.curves({ scope: { ...scope, estimator: 'none' } })).toMatchObject({
      boundaries: [],
      direct: [],
      equalTokens: null,
    })
  })
})

describe('calibration', () => {
  it('goes by depth, and is silent where a figure is not defined', async () => {
    const { byDepth } = await lab.client.thinking.calibration({ scope })
    expect(
      byDepth.map(({ boundary, count, auroc, spearman }) => [
        boundary,
        count,
        auroc?.value ?? null,
        spearman === null ? null : Math.round(spearman.value),
      ]),
    ).toEqual([
      [0, 16, 0.5, null], // all J alike: no order to be right about
      [1, 16, 1, 1],
      [2, 16, 1, 1],
    ])
    close(byDepth[1]!.brier!.value, (0.49 + 0.04) / 2)
  })

  it('can take every boundary into the diagram', async () => {
    expect(await lab.client.thinking.calibration({ scope, depth: 'all' })).toMatchObject({ n: 48 })
  })

  it('compares exact and sampled J only where both were measured under the same weights', async () => {
    expect(await lab.client.thinking.agreement({ scope })).toMatchObject({
      rolloutCount: 0,
      samples: 0,
      coverage: null,
      bias: null,
      points: [],
    })
    const runId = lab.filled.runIds[1]!
    const { store } = opened()
    const [first] = store.rollouts.group({ runId, steps: [1, 1], group: 0 })
    const curve = store.rollouts.detail(first!.id)!.progress[0]!
    store.rollouts.addProgress(first!.id, {
      estimator: { ...curve.estimator, method: 'sampled', samples: 10 },
      estimates: curve.estimates.map((each, index) => ({ ...each, value: [0.1, 0.5, 0.9][index]! })),
    })
    const report = await lab.client.thinking.agreement({ scope: { runId } })
    // J 0.1, 0.3, 0.9 against 1, 5 and 9 of 10: 5 of 10 is within the central 95 % of chance 0.3.
    expect(report).toMatchObject({ rolloutCount: 1, boundaryCount: 3, samples: 10, coverage: 1, progressSignAgreement: 1 })
    close(report.bias!.value, 0.2 / 3)
    close(report.meanAbsoluteDifference!, 0.2 / 3)
    expect(report.points.map(({ exact, sampled }) => [exact, sampled])).toEqual([
      [0.1, 0.1],
      [0.3, 0.5],
      [0.9, 0.9],
    ])
    // Other rollouts were sampled under other weights, which says nothing of the exact J of these.
    for (const { id } of store.rollouts.group({ runId, steps: [1, 1], group: 0 }).slice(1, 3))
      store.rollouts.addProgress(id, {
        estimator: { ...curve.estimator, method: 'sampled', samples: 20, weights: 'frozen' },
        estimates: store.rollouts.detail(id)!.progress[0]!.estimates,
      })
    expect(await lab.client.thinking.agreement({ scope: { runId } })).toMatchObject({ rolloutCount: 1, samples: 10 })
    expect((await lab.client.thinking.estimators({ scope: { runId } })).map(({ title, rolloutCount }) => [title, rolloutCount])).toEqual([
      ['exact, weights that wrote them', 16],
      ['20 answers, frozen start weights', 2],
      ['10 answers, weights that wrote them', 1],
    ])
  })

  it('leaves out what was not graded, and gives no interval over a single problem', async () => {
    const { store } = opened()
    const runId = lab.filled.runIds[3]!
    const [first, second] = lab.filled.problemIds as [number, number]
    const ungraded = { ...rollout(first, 9, 0, true), correct: null }
    store.rollouts.add({ runId, evaluationId: null, phase: 'train', step: 20 }, [ungraded])
    const of = (steps: [number, number]) => lab.client.thinking.calibration({ scope: { runId, steps } })
    expect(await of([20, 20])).toMatchObject({ n: 0, problemCount: 0, byDepth: [] })
    store.rollouts.add({ runId, evaluationId: null, phase: 'train', step: 21 }, [
      rollout(first, 9, 0, true),
      rollout(first, 9, 1, false),
      ungraded,
    ])
    store.rollouts.add({ runId, evaluationId: null, phase: 'train', step: 22 }, [rollout(second, 9, 0, true), rollout(second, 9, 1, false)])
    const [one, two] = [await of([21, 21]), await of([21, 22])]
    expect(one).toMatchObject({ n: 2, problemCount: 1, brier: { low: null, high: null, n: 1 }, auroc: { value: 1, low: null, high: null } })
    expect(one.byDepth[2]).toMatchObject({ count: 2, J: { value: 0.5, n: 1 } })
    expect(two).toMatchObject({ n: 4, problemCount: 2, brier: { n: 2, basis: { clusters: 2, seeds: 0 } } })
    expect([two.brier!.low !== null, two.brier!.high !== null]).toEqual([true, true])
  })

  it('has the interval of a plain bootstrap over problems, each with all of its forecasts as often as it is drawn', async () => {
    const { store } = opened()
    const runId = lab.filled.runIds[3]!
    // A last J of 0.9 is a square of 0.01 where the answer was right, and of 0.81 where it was wrong.
    const rights = [[true, true], [true, false, false], [false], [true, true, false]]
    store.rollouts.add(
      { runId, evaluationId: null, phase: 'train', step: 23 },
      rights.flatMap((own, at) => own.map((correct, sample) => ({ ...rollout(lab.filled.problemIds[at]!, at, sample, true), correct }))),
    )
    const { estimate, low, high } = bootstrap(
      { questions: rights.length },
      (drawn) => mean([...drawn].flatMap((at) => rights[at]!.map((correct) => (correct ? 0.01 : 0.81)))),
      bootstrapOf(rights.length),
    )
    const { brier } = await lab.client.thinking.calibration({ scope: { runId, steps: [23, 23] } })
    close(brier!.value, estimate)
    close(brier!.high!, high)
    // What lies below the least score that there is is not told.
    expect(low).toBeLessThan(0)
    expect(brier!.low).toBe(0)
  })
})

describe('curves of regret and calibration', () => {
  it('of an evaluation are of natural thinking up to its training budget, of kept thinking beyond, or of what is asked for', async () => {
    const other = await openLocalLab()
    try {
      const { startEvaluationId: evaluationId, problemIds } = other.filled
      const { store } = { store: other.lab.workspaces.store() }
      const flat = (problemId: number, J: number, keptThinking: boolean) => ({
        ...rollout(problemId, 0, keptThinking ? 1 : 0, true),
        keptThinking,
        progress: [
          {
            ...rollout(problemId, 0, 0, true).progress[0]!,
            estimates: [0, 5, 9].map((tokenOffset, boundary) => ({
              boundary,
              tokenOffset,
              value: J,
              low: null,
              high: null,
              tokensForwarded: 0,
            })),
          },
        ],
      })
      store.rollouts.add({ runId: null, evaluationId, phase: 'eval', step: 0 }, [
        flat(problemIds[0]!, 0.2, false),
        flat(problemIds[0]!, 0.6, true),
      ])
      const points = async (more: object) =>
        (await other.client.thinking.regret({ scope: { evaluationId, ...more }, budgets: [20, 21], counted: 'thinking' })).map(
          ({ budget, value, extrapolated }) => [budget, Number(value.toFixed(6)), extrapolated],
        )
      expect(await points({})).toEqual([
        [20, 0.8, false],
        [21, 0.4, true],
      ])
      expect(await points({ keptThinking: false })).toEqual([
        [20, 0.8, false],
        [21, 0.8, true],
      ])
      const kept = await other.client.thinking.regret({ scope: { evaluationId }, budgets: [30], counted: 'thinking' })
      expect(kept.map(({ budget }) => budget)).toEqual([30])
    } finally {
      await other.close()
    }
  })

  it('of a run are beyond what its rollouts could spend where the budget is', async () => {
    const points = await lab.client.thinking.regret({ scope, budgets: [20, 21], counted: 'thinking' })
    expect(points.map(({ extrapolated }) => extrapolated)).toEqual([false, true])
    // Where nothing says what they could spend, no budget is beyond it.
    const { store } = opened()
    const { id: _id, uid: _uid, ...near } = store.runs.get(scope.runId)!
    const { id: runId } = store.runs.add({ ...near, name: 'unbounded' })
    store.rollouts.add({ runId, evaluationId: null, phase: 'train', step: 1 }, [
      { ...rollout(lab.filled.problemIds[0]!, 0, 0, true), budgetTokens: null },
    ])
    const unbounded = await lab.client.thinking.regret({ scope: { runId }, budgets: [1e6], counted: 'thinking' })
    expect(unbounded.map(({ extrapolated }) => extrapolated)).toEqual([false])
    expect(await lab.client.thinking.regret({ scope: { runId, steps: [9, 9] }, budgets: [20] })).toEqual([])
  })

  it('say of each bin what was foretold and what came, and nothing of an empty one', async () => {
    const { bins, n } = await lab.client.thinking.calibration({ scope, bins: 2 })
    expect(n).toBe(16)
    expect(bins.map(({ count, forecast, outcome }) => [count, forecast, outcome])).toEqual([
      [8, expect.closeTo(0.1, 6), 0],
      [8, expect.closeTo(0.9, 6), 1],
    ])
    expect(bins.map(({ outcomeLow, outcomeHigh }) => [outcomeLow, outcomeHigh])).toEqual(
      [0, 8].map((right) => [wilson(right, 8).low, wilson(right, 8).high]),
    )
    const many = await lab.client.thinking.calibration({ scope, bins: 10 })
    expect(many.bins.find(({ count }) => count === 0)).toMatchObject({ forecast: null, outcome: null, outcomeLow: null, outcomeHigh: null })
    const none = await lab.client.thinking.calibration({ scope: { ...scope, steps: [99, 99] } })
    expect(none).toMatchObject({ bins: [], n: 0, problemCount: 0, brier: null, auroc: null, error: null, byDepth: [] })
  })

  it('by type are of problems that differ in it, and refused otherwise', async () => {
    await expect(lab.client.thinking.calibrationByType({ scope, by: 'level' })).rejects.toMatchObject({
      code: 'thinking.slice',
      found: 'level',
    })
    await expect(lab.client.thinking.calibrationByType({ scope: { ...scope, steps: [99, 99] }, by: 'level' })).rejects.toMatchObject({
      code: 'thinking.unmeasured',
      found: 'none among 0 that were read',
    })
  })
})

describe('slices', () => {
  it('are by what tells rollouts apart, and add up', async () => {
    const { available, rows } = await lab.client.thinking.slices({ scope, by: 'correct', budget: 9, counted: 'thinking' })
    expect(available.map(({ by }) => by)).toEqual(['correct', 'step'])
    expect(rows.map(({ slice, rolloutCount, problemCount, accuracy }) => [slice, rolloutCount, problemCount, accuracy?.value])).toEqual([
      ['right', 8, 4, 1],
      ['wrong', 8, 4, 0],
    ])
    close(rows[0]!.regret!.value, 1 - (5 * 0.2 + 4 * 0.6) / 9)
    close(rows[1]!.progress!.value, 0)
    expect(rows[0]).toMatchObject({
      measuredCount: 8,
      tokens: { value: 9, n: 4 },
      account: { tokens: { useful: 72, overthinking: 0, futile: 0, starved: 0 }, rollouts: { solved: 8 } },
    })
    expect(rows.map(({ start, end }) => [start!.value, end!.value])).toEqual([
      [expect.closeTo(0.1, 9), expect.closeTo(0.9, 9)],
      [expect.closeTo(0.1, 9), expect.closeTo(0.1, 9)],
    ])
    // Nobody asked for difficulty, which these problems do not differ in.
    const usual = await lab.client.thinking.slices({ scope, by: 'level', budget: 9, counted: 'thinking' })
    expect(usual.rows.map(({ slice }) => slice)).toEqual(['right', 'wrong'])
    const steps = await lab.client.thinking.slices({ scope, by: 'step', budget: 9, comparator: 'best' })
    expect(steps.rows.map(({ slice, rolloutCount, regret }) => [slice, rolloutCount, regret === null])).toEqual([
      ['step 1', 4, false],
      ['step 2', 4, false],
      ['step 3', 4, true],
      ['step 4', 4, true],
    ])
    const none = await lab.client.thinking.slices({ scope: { ...scope, steps: [99, 99] }, by: 'level', budget: 9 })
    expect(none).toEqual({ available: [], rows: [] })
  })

  it('are in the order of their numbers, and count what has no J and what has no file', async () => {
    const { store } = opened()
    const runId = lab.filled.runIds[2]!
    const [problemId] = lab.filled.problemIds as [number]
    const bare = { ...rollout(problemId, 7, 0, true), progress: [] }
    const fromFile = { ...rollout(problemId, 7, 1, true), provenance: { ...rollout(problemId, 7, 1, true).provenance, file: 'rows.jsonl' } }
    store.rollouts.add({ runId, evaluationId: null, phase: 'train', step: 10 }, [bare, fromFile])
    const asked = (by: string) => lab.client.thinking.slices({ scope: { runId }, by, budget: 9, counted: 'thinking' })
    expect(
      (await asked('step')).rows.map(({ slice, rolloutCount, problemCount, measuredCount }) => [
        slice,
        rolloutCount,
        problemCount,
        measuredCount,
      ]),
    ).toEqual([
      ['step 1', 4, 1, 4],
      ['step 2', 4, 1, 4],
      ['step 3', 4, 1, 4],
      ['step 4', 4, 1, 4],
      ['step 10', 2, 1, 1],
    ])
    expect((await asked('source')).rows.map(({ slice, rolloutCount }) => [slice, rolloutCount])).toEqual([
      ['rows.jsonl', 1],
      ['sampled', 16],
      ['train', 1],
    ])
  })

  it('refuse what is not there', async () => {
    await expect(lab.client.thinking.slices({ scope, by: 'moon', budget: 9 })).rejects.toMatchObject({ code: 'thinking.slice' })
  })
})

describe('segmentation', () => {
  it('says what regret becomes under other rules, and how much of it was measured', async () => {
    const rules = await lab.client.thinking.rules()
    expect(rules.map(({ name }) => name)).toEqual(['regret', 'omniMath', 'aime2024', 'markers', 'windows', 'paragraphs', 'topics'])
    const named = (name: string) => rules.find((each) => each.name === name)!
    const rows = await lab.client.thinking.sensitivity({
      scope,
      budget: 9,
      counted: 'thinking',
      rules: [
        named('markers'),
        named('paragraphs'),
        { name: 'threes', rule: { ...named('windows').rule, opener: { kind: 'windows', size: 3 } } },
      ],
    })
    // The text of these rollouts is 1 + 2 = 3 no Wait 9 * 5 </think>; its ten words took nine tokens, five before Wait, so that other cuts lie between. J goes
    // 0.1, 0.3, 0.9 or 0.1, 0.2, 0.1: areas of 3.4 and 1.35 in nine tokens. Without the cut at Wait it is 0.5 and 0.1 all the way.
    const close = (value: number) => expect.closeTo(value, 9) as number
    expect(rows.map(({ rolloutCount, regret, measuredShare }) => [rolloutCount, regret!.value, measuredShare])).toEqual([
      [16, close(1 - (3.4 + 1.35) / 18), 1],
      [16, close(0.7), 1],
      // Threes end within the third token, with no, and twice within the ninth.
      [16, close(1 - (3.4 + 1.35) / 18), 0.75],
    ])
    expect(rows.map(({ episodes }) => episodes!.value)).toEqual([2, 1, 3])
  })

  it('leaves out thoughts of which nobody knows where their tokens lie in their text, and tells of the others', async () => {
    const { store } = opened()
    const readable: typeof store.rollouts.readable = (id) => {
      const detail = store.rollouts.readable(id)
      if (!detail?.rollout.correct) return detail
      const episodes = detail.episodes.map((episode) => ({ ...episode, textStart: 0, textEnd: 0 }))
      return { ...detail, episodes, text: 'in fewer words than tokens' }
    }
    const { rule } = (await lab.client.thinking.rules()).find(({ name }) => name === 'markers')!
    const [row] = await segmentQueries(() => ({ ...store, rollouts: { ...store.rollouts, readable } })).sensitivity(
      { scope, budget: 9, counted: 'thinking', rules: [{ name: 'markers', rule }], limit: 100 },
      { signal: new AbortController().signal },
    )
    // Those that are wrong: J goes 0.1, 0.2, 0.1, an area of 1.35 in nine tokens.
    expect(row).toMatchObject({ rolloutCount: 8, measuredShare: 1, regret: { value: expect.closeTo(1 - 1.35 / 9, 9) } })
  })

  it('cuts the thinking of a text alone', async () => {
    const [, , , markers] = await lab.client.thinking.rules()
    const text = '1 + 2 no Wait 9 </think> Wait 9 <eos>'
    expect(
      (await lab.client.thinking.segment({ text, rule: markers!.rule })).map(({ textStart, textEnd }) => text.slice(textStart, textEnd)),
    ).toEqual(['1 + 2 no', 'Wait 9'])
  })

  it('gives up on a pattern that tries every way to divide a text, with a code, and answers other questions meanwhile', async () => {
    const markers = (await lab.client.thinking.rules()).find(({ name }) => name === 'markers')!.rule
    const slow = { ...markers, opener: { kind: 'phrases' as const, phrases: [], patterns: ['(a+)+!'] } }
    const quick = { ...slow, opener: { ...slow.opener, patterns: ['(hmm|so),? wait\\b'] } }
    const told: string[] = []
    const refused = lab.client.thinking
      .segment({ text: `${'a'.repeat(60)} ${'a'.repeat(60)}`, rule: slow })
      .catch((error: unknown) => error)
      .finally(() => told.push('refused'))
    await lab.client.runs.list().finally(() => told.push('runs'))
    expect(await lab.client.thinking.segment({ text: 'one so, wait two', rule: quick }).finally(() => told.push('cut'))).toHaveLength(2)
    expect(await refused).toMatchObject({
      code: 'segment.slow',
      expected: 'patterns that are through within 2 s',
      found: 'one that still tries',
      next: expect.stringContaining('Simplify'),
    })
    expect(told).toEqual(['runs', 'cut', 'refused'])
    await expect(
      lab.client.thinking.segment({ text: 'a b', rule: { ...slow, opener: { ...slow.opener, patterns: ['('] } } }),
    ).rejects.toMatchObject({ code: 'segment.rule' })
  })
})

describe('measuring', () => {
  it('offers the starter and every checkpoint as what may answer', async () => {
    const provers = await lab.client.thinking.provers()
    expect(provers[0]).toMatchObject({ start: 'starter' })
    expect(provers).toHaveLength(5)
    expect(provers.at(-1)).toMatchObject({ title: expect.stringMatching(/, seed \d, step 4$/) })
  })

  it('offers models of text and served ones too, and of the playground what can be prompted, with the task that it speaks', async () => {
    const other = await openLocalLab()
    try {
      const { client, filled } = other
      const { models, checkpoints } = other.lab.workspaces.store()
      const { id: _id, ...like } = models.list()[0]!
      const add = (kind: 'gguf' | 'served' | 'scratch', more: object) =>
        models.add({ ...like, kind, name: kind, sha256: kind, path: kind, tokenizer: { task: null }, ...more })
      const config = { ...(like.config as object), vocabSize: 704 }
      const text = add('gguf', { config })
      const served = add('served', { config, provenance: { address: 'http://127.0.0.1:1/v1' } })
      const scratch = add('scratch', { tokenizer: { task: 'countdown' } })
      checkpoints.add({ ...checkpoints.ofRun(filled.runIds[0]!)[0]!, step: 5, contentId: 'alone', modelId: null })
      const [starter, ...others] = await client.thinking.provers()
      const none = { runId: null, step: null }
      expect(starter).toEqual({ start: 'starter', title: 'starter model', ...none })
      expect(others.slice(0, 2)).toEqual([
        { start: `model:${text}`, title: 'gguf', ...none },
        { start: `model:${served}`, title: 'served at http://127.0.0.1:1/v1', ...none },
      ])
      expect(others.slice(2).map(({ runId, step }) => [runId, step])).toEqual([
        [filled.runIds[0], 4],
        [filled.runIds[0], 5],
        ...filled.runIds.slice(1).map((runId) => [runId, 4]),
      ])
      const sources = await client.playground.sources()
      expect(sources.slice(0, 6)).toEqual([
        { start: 'starter', title: 'starter model', speaks: 'countdown', ...none },
        { start: `model:${text}`, title: 'gguf', speaks: null, ...none },
        { start: `model:${served}`, title: 'served', speaks: null, ...none },
        { start: `model:${scratch}`, title: 'scratch', speaks: 'countdown', ...none },
        { start: 'checkpoint:1', title: 'dr-grpo, seed 1, step 4', speaks: 'countdown', runId: filled.runIds[0], step: 4 },
        expect.objectContaining({ title: 'dr-grpo, seed 1, step 5', speaks: null, step: 5 }),
      ])
      expect(sources).toHaveLength(9)
      const task = { name: 'countdown', options: { level: '3' } }
      const problem = await client.playground.problem({ task, problemSeed: 4 })
      expect(await client.playground.problem({ task, problemSeed: 4 })).toEqual(problem)
    } finally {
      await other.close()
    }
  })

  it('is a job that says what it did', async () => {
    const job = await lab.client.thinking.measure({ scope, start: 'starter', method: 'exact' })
    expect(job).toMatchObject({ kind: 'measure', label: 'Measuring exact J, starter model' })
    await expect
      .poll(() => lab.client.events.list({ runId: scope.runId }))
      .toContainEqual(
        expect.objectContaining({
          code: 'thinking.measured',
          level: 'info',
          message: 'Measured exact J of 3 rollouts with starter model; 1 had it.',
        }),
      )
    expect(lab.events).toContainEqual({ kind: 'changed', noun: 'rollouts', ids: [] })
  })

  it('warns of what it left out, and why', async () => {
    const other = await openLocalLab({
      ...fakeExperiments,
      measureJ: () => Promise.resolve({ measured: 2, known: 0, unreadable: { 'without an answer': 4, 'of no task': 1 } }),
    })
    try {
      await other.client.thinking.measure({ scope, start: 'starter', method: 'exact' })
      await expect
        .poll(async () => (await other.client.events.list({ runId: scope.runId })).find(({ code }) => code === 'thinking.measured'))
        .toMatchObject({
          level: 'warn',
          runId: scope.runId,
          step: null,
          message: 'Measured exact J of 2 rollouts with starter model; left out: 4 without an answer, 1 of no task.',
          data: { measured: 2, known: 0, unreadable: { 'without an answer': 4, 'of no task': 1 } },
        })
    } finally {
      await other.close()
    }
  })

  it('is refused in a workspace that is open for reading', async () => {
    const other = await openLocalLab()
    try {
      await other.client.workspace.close()
      await other.client.workspace.open({ folder: other.folder, readOnly: true })
      await expect(other.client.thinking.measure({ scope, start: 'starter', method: 'exact' })).rejects.toMatchObject({
        code: 'workspace.readOnly',
      })
    } finally {
      await other.close()
    }
  })

  it('from answers says of how many, and names weights that nobody offers as they were asked for', async () => {
    const { label } = await lab.client.thinking.measure({ scope, start: 'checkpoint:999', method: 'sampled', samples: 8 })
    expect(label).toBe('Measuring J from 8 answers, checkpoint:999')
    const [, checkpoint] = await lab.client.thinking.provers()
    expect(checkpoint).toEqual({ start: 'checkpoint:1', title: 'dr-grpo, seed 1, step 4', runId: lab.filled.runIds[0], step: 4 })
  })

  it('tells nothing of what was known where nothing was', async () => {
    const other = await openLocalLab({ ...fakeExperiments, measureJ: () => Promise.resolve({ measured: 2, known: 0, unreadable: {} }) })
    try {
      await other.client.thinking.measure({ scope: { evaluationId: 1 }, start: 'starter', method: 'exact' })
      await expect
        .poll(async () => (await other.client.events.list()).find(({ code }) => code === 'thinking.measured'))
        .toMatchObject({ level: 'info', runId: null, message: 'Measured exact J of 2 rollouts with starter model.' })
    } finally {
      await other.close()
    }
  })

  it('lets answers vote without recording them', async () => {
    expect(await lab.client.thinking.vote({ scope, start: 'starter', samples: 4 })).toMatchObject({ samples: 4 })
  })
})
