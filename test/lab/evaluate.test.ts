// One estimator per curve: what holds whichever budgets are asked for and however many rollouts there are.
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { LabError, runSpec, type RunSpecInput } from '../../src-preload/contract.ts'
import { budgetsOf, longestOf } from '../../src-main/lab/comparing/evaluationBudgets.ts'
import { evaluate, placesOf, problemOf, type EvaluationOutcome, type ReadRollout } from '../../src-main/lab/comparing/evaluate.ts'
import { openProblems } from '../../src-main/lab/training/tasks.ts'
import { loadStart, vocabularyOf } from '../../src-main/lab/training/start.ts'
import { passAtK } from '../../src-main/numeric/passAtK.ts'
import { createRng } from '../../src-main/numeric/rng.ts'
import { mean } from '../../src-main/numeric/stats.ts'
import { loadWeights, openPolicy } from '../../src-main/rollout/policy.ts'
import { microSpec, openBench, type Bench } from './micro.ts'

let bench: Bench
beforeAll(async () => {
  bench = await openBench()
})
afterAll(() => bench.dispose())

const TRAINED = 24
const spec = (evaluation: RunSpecInput['evaluation']) =>
  runSpec.parse(
    microSpec(
      'starter',
      { name: 'dr-grpo' },
      { budget: { thinkingTokens: TRAINED, answerTokens: 8 }, evaluation: { problems: 4, samples: 2, ...evaluation } },
    ),
  )

const evaluated = (name: string, ...evaluations: RunSpecInput['evaluation'][]): Promise<EvaluationOutcome[]> =>
  evaluatedWithin(128, name, ...evaluations)

async function evaluatedWithin(
  maxLength: number,
  name: string,
  ...evaluations: RunSpecInput['evaluation'][]
): Promise<EvaluationOutcome[]> {
  const context = bench.open(name)
  const start = await loadStart(context.store, 'starter', context.now)
  const weights = await loadWeights(context.engine, start.config, start.weights)
  const policy = await openPolicy(context.engine, start.config, weights, { rows: 64, maxLength })
  try {
    const outcomes: EvaluationOutcome[] = []
    for (const evaluation of evaluations) {
      const asked = spec(evaluation)
      outcomes.push(await evaluate(policy, openProblems(context.store, asked, context.now, vocabularyOf(start)), asked))
    }
    return outcomes
  } finally {
    policy.dispose()
    weights.dispose()
    context.close()
  }
}

/** A thought of random attempts with random J at every offset. */
function thoughtOf(seed: number): ReadRollout {
  const rng = createRng(seed)
  const boundaries = [0]
  for (let attempts = 1 + rng.int(6); attempts > 0; attempts--) boundaries.push(boundaries.at(-1)! + 1 + rng.int(14))
  const thinkEnd = boundaries.at(-1)!
  const rollout = {
    prompt: [1, 2, 3, 4],
    tokens: new Int32Array(thinkEnd + 7),
    boundaries,
    thinkEnd,
    forcedStop: rng.float() < 0.5,
    finish: 'stop',
  }
  return {
    entry: { rollout, grade: { correct: rng.float() < 0.5 } },
    J: new Map(Array.from({ length: thinkEnd + 1 }, (_, offset) => [offset, rng.float()])),
  } as never
}

const everyBudget = Array.from({ length: 120 }, (_, index) => index + 1)
const thoughts = Array.from({ length: 60 }, (_, seed) => thoughtOf(seed))

describe('curves over budgets', () => {
  it('move regret by at most 1 / (B + 1) from a budget to the next', () => {
    for (const thought of thoughts) {
      const { regretAtBudget, keptRegretAtBudget } = problemOf([thought], [thought], everyBudget)
      for (const curve of [regretAtBudget, keptRegretAtBudget])
        for (let at = 1; at < everyBudget.length; at++)
          expect(Math.abs(curve[at]! - curve[at - 1]!)).toBeLessThanOrEqual(1 / everyBudget[at]! + 1e-6)
    }
  })

  it('count the prompt or leave it out, as they are told: one of a thousand tokens leaves nothing of budgets below it', () => {
    const [thought] = thoughts
    const { rollout, grade } = thought!.entry
    const asked = (prompt: number[]): ReadRollout => ({ ...thought!, entry: { rollout: { ...rollout, prompt }, grade } as never })
    const [short, long] = [asked([1]), asked(Array.from({ length: 1000 }, () => 1))]
    const regret = (each: ReadRollout, counted?: 'all' | 'completion' | 'thinking') => [
      ...problemOf([each], [each], everyBudget, undefined, counted).regretAtBudget,
    ]
    expect(Math.min(...regret(long))).toBeGreaterThan(0.94)
    expect(regret(long)).toEqual(regret(long, 'all'))
    expect(regret(long, 'completion')).toEqual(regret(short, 'completion'))
    // Thinking alone: the area under J between the boundaries, in trapezoids by hand.
    const thinking = regret(long, 'thinking')
    expect(thinking).toEqual(regret(short, 'thinking'))
    const J = (offset: number): number => thought!.J.get(offset)!
    const first = rollout.boundaries[1]!
    expect(thinking[first - 1]).toBeCloseTo(1 - (J(0) + J(first)) / 2, 6)
  })

  it('change accuracy only where the cut of a rollout moves: never after its thought has ended, and after whole attempts only at their ends', () => {
    for (const thought of thoughts) {
      const { boundaries, thinkEnd } = thought.entry.rollout
      const { accuracyAtBudget, keptWholeAtBudget } = problemOf([thought], [thought], everyBudget)
      everyBudget.slice(1).forEach((budget, index) => {
        if (budget > thinkEnd) expect(accuracyAtBudget[index + 1]).toBe(accuracyAtBudget[index])
        if (!boundaries.includes(budget)) expect(keptWholeAtBudget[index + 1]).toBe(keptWholeAtBudget[index])
      })
    }
  })

  it('are means over rollouts, so that more rollouts add to what the first said', () => {
    const of = (members: readonly ReadRollout[]) => problemOf(members, members, everyBudget)
    const [first, both] = [[...of([thoughts[0]!]).accuracyAtBudget], [...of(thoughts.slice(0, 2)).accuracyAtBudget]]
    const second = of([thoughts[1]!]).accuracyAtBudget
    both.forEach((value, at) => expect(value).toBeCloseTo((first[at]! + second[at]!) / 2, 6))
  })

  it('read every rollout at its boundaries and at each budget, once', () => {
    expect(placesOf({ boundaries: [0, 5, 9], thinkEnd: 9 }, [3, 5, 12, 40])).toEqual([0, 3, 5, 9])
  })
})

describe('an evaluation', () => {
  it('gives the same value at a budget whatever other budgets are asked for', async () => {
    const [few, many] = (await evaluated('budgets', { budgets: [30] }, { budgets: [8, 16, 23, 25, 30, 47, 72] })) as [
      EvaluationOutcome,
      EvaluationOutcome,
    ]
    expect(few.budgets).toEqual([TRAINED, 30])
    for (const curve of ['natural', 'kept', 'kept-whole', 'natural-regret', 'kept-regret']) {
      const at = (outcome: EvaluationOutcome, x: number) => outcome.points.find((point) => point.curve === curve && point.x === x)
      for (const budget of few.budgets) expect(at(many, budget)).toEqual(at(few, budget))
    }
    expect(many.metrics.accuracy).toBe(few.metrics.accuracy)
  })

  it('has no seam at the training budget: one token more moves accuracy by no rollout that had stopped, and regret by at most 1 / 25', async () => {
    const [{ problems, budgets }] = (await evaluated('seam', { budgets: [TRAINED, TRAINED + 1], longest: 72 })) as [EvaluationOutcome]
    expect(budgets).toEqual([24, 25])
    for (const { natural, accuracyAtBudget, regretAtBudget, keptRegretAtBudget } of problems) {
      if (natural.entries.every(({ rollout }) => rollout.thinkEnd <= TRAINED)) expect(accuracyAtBudget[1]).toBe(accuracyAtBudget[0])
      for (const regret of [regretAtBudget, keptRegretAtBudget])
        expect(Math.abs(regret[1]! - regret[0]!)).toBeLessThanOrEqual(1 / 25 + 1e-6)
    }
  })

  it('keeps the rollouts it had when it is asked for more', async () => {
    const [two, four] = (await evaluated('inclusion', { samples: 2, kept: 2, budgets: [16] }, { samples: 4, kept: 3, budgets: [16] })) as [
      EvaluationOutcome,
      EvaluationOutcome,
    ]
    two.problems.forEach(({ natural, kept }, index) => {
      const more = four.problems[index]!
      expect(natural.entries.map(({ rollout }) => [...rollout.tokens])).toEqual(
        more.natural.entries.slice(0, 2).map(({ rollout }) => [...rollout.tokens]),
      )
      expect(kept.entries.map(({ rollout }) => [...rollout.tokens])).toEqual(
        more.kept.entries.slice(0, 2).map(({ rollout }) => [...rollout.tokens]),
      )
    })
  })

  it('has at least two rollouts of each kind, and kept thinking goes on to the longest budget', async () => {
    const [{ problems, metrics }] = (await evaluated('kinds', { budgets: [16] })) as [EvaluationOutcome]
    for (const { natural, kept } of problems) {
      expect([natural.entries.length, kept.entries.length]).toEqual([2, 2])
      for (const { rollout } of kept.entries) expect(rollout.thinkEnd).toBe(3 * TRAINED)
    }
    expect(Object.keys(metrics).filter((name) => /^(pass|maj)@/.test(name))).toEqual(['pass@1'])
  })

  it('goes on beyond the positions of the model in a window, with the same numbers where the window holds the whole thought', async () => {
    const budgets = [16, 24, 48, 72]
    const [plain, wide] = (await evaluated('window', { budgets }, { budgets, window: 72 })) as [EvaluationOutcome, EvaluationOutcome]
    expect(wide.metrics).toEqual(plain.metrics)
    expect(wide.points).toEqual(plain.points)
    // Room for prompts, 24 tokens of thinking and an answer, and for no more.
    const [{ problems, points, metrics }] = (await evaluatedWithin(24 + 16 + 12, 'narrow', { budgets, window: 24 })) as [EvaluationOutcome]
    for (const { kept } of problems)
      for (const { rollout } of kept.entries) {
        expect(rollout.thinkEnd).toBe(72)
        expect(rollout.views!.length).toBeGreaterThan(3)
        for (const { start, end } of rollout.views!) expect(Math.min(72, end) - start).toBeLessThanOrEqual(24)
      }
    // Up to the window nothing was dropped, and what is told there is what is told without one.
    const at = (from: typeof points, curve: string, x: number) => from.find((point) => point.curve === curve && point.x === x)!
    for (const curve of ['natural', 'kept'])
      for (const x of [16, 24]) expect(at(points, curve, x).value).toBeCloseTo(at(plain.points, curve, x).value, 5)
    expect(at(points, 'kept', 72).value).not.toBe(at(plain.points, 'kept', 72).value)
    expect(metrics['ttc/kept_acc@72']).toBeGreaterThanOrEqual(0)
  })

  it('says of its rollouts what they themselves say: every figure is a mean over rollouts or over problems', async () => {
    const context = bench.open('figures')
    const start = await loadStart(context.store, 'starter', context.now)
    const weights = await loadWeights(context.engine, start.config, start.weights)
    const policy = await openPolicy(context.engine, start.config, weights, { rows: 64, maxLength: 128 })
    try {
      const asked = spec({ budgets: [16, 48], samples: 4 })
      const shares: number[] = []
      const { problems, metrics, points, budgets, tokens, estimateTokens } = await evaluate(
        policy,
        openProblems(context.store, asked, context.now, vocabularyOf(start)),
        asked,
        { onProgress: (share) => shares.push(share) },
      )
      const natural = problems.flatMap((problem) => problem.natural.entries)
      const measured = problems.flatMap((problem) => problem.natural.measured)
      const told = (of: (entry: (typeof natural)[number]) => number | boolean) => mean(natural.map((entry) => Number(of(entry))))
      const by = (of: (problem: (typeof problems)[number]) => number) => mean(problems.map(of))
      const expected: Record<string, number> = {
        accuracy: by(({ accuracy }) => accuracy),
        'problems/clusters': new Set(natural.map(({ problem }) => (problem as unknown as { data: { target: number } }).data.target)).size,
        'completions/mean_length': told(({ rollout }) => rollout.tokens.length),
        'completions/clipped_ratio': told(({ rollout }) => rollout.finish === 'length'),
        'completions/forced_stop_ratio': told(({ rollout }) => rollout.forcedStop),
        'completions/unparsable_ratio': told(({ grade }) => grade.extracted === null),
        'ttc/thinking_tokens': told(({ rollout }) => rollout.thinkEnd),
        'ttc/beyond_training_ratio': told(({ rollout }) => rollout.thinkEnd > TRAINED),
        'ttc/trained_budget': TRAINED,
        'mrt/episodes_mean': told(({ rollout }) => rollout.episodes.length),
        'mrt/j_start_mean': mean(measured.map(({ J }) => J[0]!)),
        'mrt/j_end_mean': mean(measured.map(({ J }) => J.at(-1)!)),
        'pass@1': by(({ accuracy }) => accuracy),
      }
      for (const [name, value] of Object.entries(expected)) expect([name, metrics[name]]).toEqual([name, expect.closeTo(value, 9)])
      const spent = ['useful', 'overthink', 'futile', 'starved'].map((kind) => metrics[`ttc/${kind}_tokens`]!)
      expect(spent.reduce((sum, each) => sum + each, 0)).toBeCloseTo(metrics['ttc/thinking_tokens']!, 9)
      for (const kind of [metrics['ttc/starved_frac']!, metrics['accuracy_error']!]) expect([kind >= 0, kind <= 1]).toEqual([true, true])
      expect(natural.map(({ group, sample }) => [group, sample])).toEqual(
        problems.flatMap((_, group) => [0, 1, 2, 3].map((at) => [group, at])),
      )
      for (const [group, problem] of problems.entries()) {
        const own = problem.natural.entries
        expect([own.length, new Set(own.map((entry) => entry.group))]).toEqual([4, new Set([group])])
        expect(new Set(problem.kept.entries.map((entry) => entry.group))).toEqual(new Set([group]))
      }

      expect(budgets).toEqual([16, 24, 48])
      const curves = {
        natural: ['accuracyAtBudget', 'ttc/acc@'],
        'natural-regret': ['regretAtBudget', 'ttc/regret@'],
        kept: ['keptAtBudget', null],
        'kept-whole': ['keptWholeAtBudget', 'ttc/kept_acc@'],
        'kept-regret': ['keptRegretAtBudget', 'ttc/kept_regret@'],
      } as const
      for (const [curve, [field, metric]] of Object.entries(curves))
        for (const [at, budget] of budgets.entries()) {
          const point = points.find((each) => each.curve === curve && each.x === budget)!
          expect(point).toMatchObject({ n: 4, extrapolated: budget > TRAINED })
          expect(point.value).toBeCloseTo(
            by((problem) => problem[field][at]!),
            9,
          )
          expect([point.low! >= 0, point.high! <= 1, point.low! <= point.value, point.high! >= point.value]).toEqual([
            true,
            true,
            true,
            true,
          ])
          if (metric !== null) expect(metrics[`${metric}${budget}`]).toBeCloseTo(point.value, 9)
        }
      for (const { curve, x, value, extrapolated } of points.filter(({ curve }) => curve.endsWith('@k'))) {
        expect([curve, x, extrapolated, metrics[`${curve.slice(0, -1)}${x}`]]).toEqual([curve, x, false, expect.closeTo(value, 9)])
        if (curve === 'pass@k')
          expect(value).toBeCloseTo(
            by(({ accuracy }) => passAtK(4, Math.round(4 * accuracy), x)),
            9,
          )
      }
      const all = problems.flatMap((problem) => [...problem.natural.entries, ...problem.kept.entries])
      expect(tokens).toBe(all.reduce((sum, { rollout }) => sum + rollout.tokens.length, 0))
      expect(estimateTokens).toBeGreaterThan(0)
      expect(shares).toEqual([...shares].sort((a, b) => a - b))
      expect([shares[0]! >= 0, shares.includes(0.3), shares.at(-1)]).toEqual([true, true, 0.95])
    } finally {
      policy.dispose()
      weights.dispose()
      context.close()
    }
  })

  it('reaches 3 times the training budget unless told otherwise, and refuses budgets beyond what it was told', () => {
    expect(longestOf(spec({ budgets: [16] }))).toBe(72)
    expect(longestOf(spec({ budgets: [200] }))).toBe(200)
    expect(longestOf(spec({ budgets: [16], longest: 40 }))).toBe(40)
    expect(budgetsOf(spec({ budgets: [40, 16] }))).toEqual([16, 24, 40])
    expect(() => longestOf(spec({ budgets: [41], longest: 40 }))).toThrow(LabError)
  })
})
