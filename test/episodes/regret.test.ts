// Budget curves and regret. Reference values come from a separate NumPy implementation of the published definition.
import { describe, expect, it } from 'vitest'
import { budgetCurve, type MeasuredTrace } from '../../src-main/episodes/budgetCurve.ts'
import { areaOf, meanSpend, normalizedRegret, regretCurve, regretTrace, sufficientTokens } from '../../src-main/episodes/regret.ts'

/** A trace whose points, counting all tokens, lie at the given x. */
function traceAt(x: number[], accuracy: number[]): MeasuredTrace {
  const [promptTokens, suffixTokens, answer] = [30, 2, 8]
  return { promptTokens, suffixTokens, boundaries: x.map((v) => v - 40), answerTokens: x.map(() => answer), accuracy }
}

const QUESTIONS = [
  [traceAt([120, 180, 400, 950], [0.125, 0.25, 0.25, 0.75]), traceAt([110, 600], [0, 1])],
  [traceAt([90, 140, 150], [0.5, 0.375, 0.5])],
]
const NUMPY = [
  [50, 0.9240451388888888],
  [100, 0.8501041666666667],
  [150, 0.8144664115646258],
  [400, 0.6830835459183673],
  [700, 0.5778003246753247],
  [2000, 0.40890625],
]

describe('a rollout as regret sees it', () => {
  const thought = { promptTokens: 10, completionTokens: 40, boundaries: [0, 12, 25], J: [0.25, 0.5, 1] }

  it('would answer at every boundary with as many tokens as it answered with at its end', () => {
    expect(regretTrace(thought)).toEqual({
      promptTokens: 10,
      suffixTokens: 0,
      boundaries: [0, 12, 25],
      answerTokens: [15, 15, 15],
      accuracy: [0.25, 0.5, 1],
    })
  })

  it('would answer in no tokens where its thinking took all of them, and in all of them where it did not think', () => {
    expect(regretTrace({ ...thought, completionTokens: 20 }).answerTokens).toEqual([0, 0, 0])
    expect(regretTrace({ ...thought, boundaries: [0], J: [1] }).answerTokens).toEqual([40])
    expect(regretTrace({ ...thought, boundaries: [], J: [] }).answerTokens).toEqual([])
  })
})

describe('a budget curve', () => {
  const trace: MeasuredTrace = {
    promptTokens: 10,
    suffixTokens: 1,
    boundaries: [0, 12, 25],
    answerTokens: [8, 8, 9],
    accuracy: [0.1, 0.2, 1],
  }

  it('counts prompt, prefix, suffix and answer by default, and fewer on request', () => {
    expect(budgetCurve(trace)).toEqual({ tokens: [0, 19, 31, 45], accuracy: [0, 0.1, 0.2, 1] })
    expect(budgetCurve(trace, 'completion').tokens).toEqual([0, 9, 21, 35])
    expect(budgetCurve(trace, 'thinking').tokens).toEqual([0, 0, 12, 25])
  })

  it('orders its points by cost when an early answer costs more than a later one', () => {
    const rambling = { ...trace, answerTokens: [40, 8, 9] }
    expect(budgetCurve(rambling)).toEqual({ tokens: [0, 31, 45, 51], accuracy: [0, 0.2, 1, 0.1] })
  })

  it('refuses lists of different lengths', () => {
    expect(() => budgetCurve({ ...trace, accuracy: [1] })).toThrow(/3 boundaries has 3 answer lengths and 1 accuracies/)
  })
})

describe('normalised regret', () => {
  it.each(NUMPY)('at a budget of %d tokens agrees with the reference', (budget, expected) => {
    expect(normalizedRegret(QUESTIONS, budget).regret).toBeCloseTo(expected, 13)
  })

  it('averages traces within a question before questions', () => {
    const { byQuestion } = normalizedRegret(QUESTIONS, 400)
    expect(byQuestion[0]).toBeCloseTo(1 - 0.1994579081632653, 13)
    expect(byQuestion[1]).toBeCloseTo(1 - 0.434375, 13)
  })

  it('worked by hand: a triangle, then a held accuracy', () => {
    // Accuracy rises from 0 to 1 over the first 100 tokens and stays there: A(200) = (50 + 100) / 200.
    expect(areaOf(traceAt([100], [1]), 200)).toBe(0.75)
    expect(areaOf(traceAt([100], [1]), 50)).toBe(0.25)
  })

  it('of an answer that never improves tends to its distance from certainty as the budget grows', () => {
    const flat = [[traceAt([40, 60, 80], [0.3, 0.3, 0.3])]]
    expect(normalizedRegret(flat, 1e7).regret).toBeCloseTo(0.7, 4)
  })

  it('never rises when an accuracy rises, and lies between 0 and 1', () => {
    for (const budget of [50, 100, 300, 1000]) {
      const low = normalizedRegret([[traceAt([50, 90], [0.2, 0.4])]], budget).regret
      const high = normalizedRegret([[traceAt([50, 90], [0.2, 0.9])]], budget).regret
      expect(high).toBeLessThanOrEqual(low)
      expect(high).toBeGreaterThanOrEqual(0)
      expect(low).toBeLessThanOrEqual(1)
    }
  })

  it('interpolates budgets beyond the natural end when forced continuations add points', () => {
    const extended = traceAt([100, 300], [0.5, 1])
    const byHand = ((0.5 * 100) / 2 + (100 * (0.5 + 0.75)) / 2) / 200
    expect(areaOf(extended, 200)).toBeCloseTo(byHand, 14)
  })

  it('depends on what is counted', () => {
    const all = normalizedRegret(QUESTIONS, 400).regret
    const completion = normalizedRegret(QUESTIONS, 400, { counted: 'completion' }).regret
    const thinking = normalizedRegret(QUESTIONS, 400, { counted: 'thinking' }).regret
    expect(completion).toBeLessThan(all)
    expect(thinking).toBeLessThan(completion)
  })

  it('over several budgets is the same as at each', () => {
    const curve = regretCurve(QUESTIONS, [100, 400])
    expect(curve.map((point) => point.budget)).toEqual([100, 400])
    expect(curve[1]).toEqual(normalizedRegret(QUESTIONS, 400))
  })

  it('refuses a budget of nothing and a question without traces', () => {
    expect(() => areaOf(QUESTIONS[0][0], 0)).toThrow(/must be positive/)
    expect(() => normalizedRegret([[]], 100)).toThrow(/question 0 has no traces/)
  })
})

describe('other comparators', () => {
  it('against itself a run has no regret, against a better one its distance', () => {
    const same = normalizedRegret(QUESTIONS, 400, { comparator: { kind: 'reference', traces: QUESTIONS } })
    expect(same.regret).toBe(0)
    const better = [[traceAt([40], [1])], [traceAt([40], [1])]]
    const distance = normalizedRegret(QUESTIONS, 400, { comparator: { kind: 'reference', traces: better } })
    expect(distance.regret).toBeCloseTo(0.6830835459183673 - (1 - (20 + 360) / 400), 13)
    expect(() => normalizedRegret(QUESTIONS, 400, { comparator: { kind: 'reference', traces: [better[0]] } })).toThrow(
      /1 questions, the run 2/,
    )
  })

  it('the smallest sufficient budget is the cheapest stable success of any trace in the pool', () => {
    expect(sufficientTokens(QUESTIONS[0])).toBe(600)
    expect(sufficientTokens(QUESTIONS[0], 'all', 0.75)).toBe(600)
    expect(sufficientTokens(QUESTIONS[0], 'completion')).toBe(570)
    expect(sufficientTokens(QUESTIONS[1])).toBe(150)
    expect(sufficientTokens(QUESTIONS[1], 'all', 0.6)).toBeNull()
    const never = normalizedRegret(QUESTIONS, 400, { comparator: { kind: 'sufficient', pool: QUESTIONS, threshold: 1.1 } })
    expect(Array.from(never.byQuestion)).toEqual(
      QUESTIONS.map((traces) => -traces.reduce((sum, each) => sum + areaOf(each, 400, 'all'), 0) / traces.length),
    )
    const regret = normalizedRegret(QUESTIONS, 400, { comparator: { kind: 'sufficient', pool: QUESTIONS } })
    expect(regret.byQuestion[0]).toBeCloseTo(0 - 0.1994579081632653, 13)
    expect(regret.byQuestion[1]).toBeCloseTo(1 - 150 / 400 - 0.434375, 13)
  })
})

describe('an equal share for every question', () => {
  // Thinking alone counts. One question is right only after 40 tokens, one is right after 20 and then goes on for nothing.
  const thinking = (boundaries: number[], accuracy: number[]): MeasuredTrace => ({
    promptTokens: 0,
    suffixTokens: 0,
    boundaries,
    answerTokens: boundaries.map(() => 0),
    accuracy,
  })
  const questions = [[thinking([0, 40], [0, 1])], [thinking([0, 20], [1, 1])]]

  it('is the mean of what was spent', () => {
    expect(meanSpend(questions, 'thinking')).toBe(30)
  })

  it('costs what the long thought would not have reached, and nothing below the share', () => {
    const at = (budget: number) =>
      normalizedRegret(questions, budget, { counted: 'thinking', comparator: { kind: 'equal', tokens: 30 } }).byQuestion
    expect([...at(20)]).toEqual([0, 0])
    expect([...at(30)]).toEqual([0, 0])
    // Own area to 40: triangle 20 / 40. Cut at 30: (0.5 x 30 x 0.75 + 10 x 0.75) / 40 = 0.46875.
    expect(at(40)[0]).toBeCloseTo(-0.03125, 12)
    expect(at(40)[1]).toBe(0)
  })
})
