// Scores of forecasts under weights, against the plain definitions on forecasts written out as often as they count.
import { describe, expect, it } from 'vitest'
import { weightedScores, type Forecast } from '../../src-main/episodes/calibration.ts'
import { auroc, brier, spearman } from '../../src-main/numeric/association.ts'
import { createRng } from '../../src-main/numeric/rng.ts'

const forecast = (J: number, correct: boolean): Forecast => ({ boundary: 0, J, correct })
const plain = (forecasts: readonly Forecast[]) => {
  const [J, outcomes] = [forecasts.map((each) => each.J), forecasts.map(({ correct }) => Number(correct))]
  return { brier: brier(J, outcomes), auroc: auroc(J, outcomes), spearman: spearman(J, outcomes) }
}

describe('scores of weighted forecasts', () => {
  it('worked by hand: a right one above a wrong one, and a tie', () => {
    const forecasts = [forecast(0.8, true), forecast(0.4, false), forecast(0.4, true)]
    const { brier: score, auroc: area } = weightedScores(forecasts)(() => 1)
    expect(score).toBeCloseTo((0.04 + 0.16 + 0.36) / 3, 12)
    expect(area).toBe(0.75)
  })

  it('rank two different forecasts, the fewest that can be ranked', () => {
    expect(weightedScores([forecast(0.8, true), forecast(0.4, false)])(() => 1)).toMatchObject({
      auroc: 1,
      spearman: expect.closeTo(1, 12),
    })
    expect(weightedScores([forecast(0.4, true), forecast(0.8, false)])(() => 1)).toMatchObject({
      auroc: 0,
      spearman: expect.closeTo(-1, 12),
    })
  })

  it('rank nothing where all forecasts are one tie, whatever they weigh', () => {
    for (const weight of [0.1, 0.2, 0.3, 1])
      for (const count of [3, 4, 5, 7]) {
        const tie = Array.from({ length: count }, (_, index) => forecast(0.4, index % 2 === 0))
        expect(weightedScores(tie)(() => weight).spearman).toBeNaN()
      }
  })

  it('are those of the same forecasts written out as often as they count, ties and all', () => {
    const rng = createRng(7)
    for (let round = 0; round < 40; round++) {
      const forecasts = Array.from({ length: 12 }, () => forecast(rng.int(6) / 5, rng.int(2) === 1))
      const weights = forecasts.map(() => rng.int(4))
      const found = weightedScores(forecasts)((index) => weights[index]!)
      const expected = plain(forecasts.flatMap((each, index) => Array.from({ length: weights[index]! }, () => each)))
      for (const name of ['brier', 'auroc', 'spearman'] as const) {
        if (Number.isFinite(expected[name])) expect(found[name]).toBeCloseTo(expected[name], 10)
        else expect(Number.isFinite(found[name])).toBe(false)
      }
    }
  })
})
