// Where the tokens went, token efficiency, and whether mu tells the truth.
import { describe, expect, it } from 'vitest'
import { accountTokens, solveTokens, totalAccount } from '../../src-main/episodes/accounting.ts'
import { agreement, calibrate } from '../../src-main/episodes/calibration.ts'
import { tokenEfficiency, tokensToReach } from '../../src-main/episodes/efficiency.ts'
import { createRng } from '../../src-main/numeric/rng.ts'

describe('the token account', () => {
  const solver = { boundaries: [0, 12, 25, 38], accuracy: [0, 0.1, 0.8, 1] }
  const slow = { boundaries: [0, 40, 80], accuracy: [0, 0.2, 0.9] }
  const early = { boundaries: [0, 12], accuracy: [0, 0.2] }
  const lost = { boundaries: [0, 30, 60], accuracy: [0, 0.6, 0.1] }

  it('splits the thinking of each rollout of a problem by its fate', () => {
    expect(accountTokens([solver, slow, early, lost])).toEqual([
      { fate: 'solved', useful: 25, overthinking: 13, futile: 0, starved: 0 },
      { fate: 'solved', useful: 80, overthinking: 0, futile: 0, starved: 0 },
      { fate: 'starved', useful: 0, overthinking: 0, futile: 0, starved: 12 },
      { fate: 'futile', useful: 0, overthinking: 0, futile: 60, starved: 0 },
    ])
  })

  it('calls tokens futile, not starved, on a problem no rollout solves', () => {
    expect(accountTokens([early, lost]).map((a) => a.fate)).toEqual(['futile', 'futile'])
  })

  it('calls a rollout futile that failed with exactly what was enough for another', () => {
    const same = { boundaries: [0, 25], accuracy: [0, 0.1] }
    const less = { boundaries: [0, 24], accuracy: [0, 0.1] }
    expect(accountTokens([solver, same, less]).map((a) => a.fate)).toEqual(['solved', 'futile', 'starved'])
  })

  it('does not count a lucky boundary that was lost again as solved', () => {
    expect(solveTokens(lost)).toBeNull()
    expect(solveTokens(lost, 0.05)).toBe(30)
    expect(solveTokens(solver)).toBe(25)
  })

  it('calls all thinking overthinking when the answer was known before it began', () => {
    expect(accountTokens([{ boundaries: [0, 20], accuracy: [0.9, 0.9] }])[0]).toMatchObject({ useful: 0, overthinking: 20 })
  })

  it('counts a rollout that did not think at all as starved when thinking helped others', () => {
    const total = totalAccount(accountTokens([solver, { boundaries: [0], accuracy: [0.1] }]))
    expect(total).toEqual({
      tokens: { useful: 25, overthinking: 13, futile: 0, starved: 0 },
      rollouts: { solved: 1, futile: 0, starved: 1 },
    })
  })

  it('always adds up to the tokens spent', () => {
    const rng = createRng(2)
    for (let i = 0; i < 100; i++) {
      const rollouts = Array.from({ length: 6 }, () => {
        const boundaries = [0]
        for (let e = rng.int(6); e > 0; e--) boundaries.push(boundaries[boundaries.length - 1] + 1 + rng.int(20))
        return { boundaries, accuracy: boundaries.map(rng.float) }
      })
      const { tokens } = totalAccount(accountTokens(rollouts))
      const spent = rollouts.reduce((sum, { boundaries }) => sum + boundaries[boundaries.length - 1], 0)
      expect(tokens.useful + tokens.overthinking + tokens.futile + tokens.starved).toBe(spent)
    }
  })
})

describe('token efficiency', () => {
  const a = { tokens: [100, 200, 400], accuracy: [0.3, 0.5, 0.7] }
  const b = { tokens: [150, 600, 1200], accuracy: [0.2, 0.5, 0.6] }

  it('is the ratio of the tokens needed for the same accuracy', () => {
    expect(tokensToReach(a, 0.6)).toBeCloseTo(300, 12)
    expect(tokenEfficiency(a, b, 0.5)).toBeCloseTo(3, 12)
    expect(tokenEfficiency(a, b, 0.6)).toBeCloseTo(4, 12)
    expect(tokenEfficiency(b, a, 0.6)).toBeCloseTo(1 / 4, 12)
  })

  it('is undefined where the curves do not overlap', () => {
    expect(tokensToReach(a, a.accuracy[0]!)).toBe(a.tokens[0])
    expect(tokenEfficiency(a, b, 0.65)).toBeNull()
    expect(tokenEfficiency(a, b, 0.25)).toBeNull()
    expect(tokensToReach({ tokens: [], accuracy: [] }, 0.5)).toBeNull()
  })
})

describe('calibration of mu', () => {
  const forecasts = [
    { boundary: 0, J: 0.25, correct: false },
    { boundary: 0, J: 0.25, correct: true },
    { boundary: 1, J: 0.9, correct: true },
    { boundary: 1, J: 0.1, correct: false },
  ]

  it('sums up all forecasts', () => {
    const all = calibrate(forecasts, 2)
    expect(all.count).toBe(4)
    expect(all.brier).toBeCloseTo((0.0625 + 0.5625 + 0.01 + 0.01) / 4, 14)
    expect(all.auroc).toBeCloseTo(3.5 / 4, 14)
    expect(all.bins.map((bin) => bin.count)).toEqual([3, 1])
    expect(calibrate(forecasts).bins).toHaveLength(10)
  })

  it('finds sampled answers in agreement with the chance they were drawn with', () => {
    const rng = createRng(5)
    const samples = 64
    const rollouts = Array.from({ length: 300 }, () => {
      const exact = Array.from({ length: 4 }, rng.float)
      return { exact, samples, correct: exact.map((p) => Array.from({ length: samples }, () => rng.chance(p)).filter(Boolean).length) }
    })
    const { boundaries, coverage, bias, progressSignAgreement, meanAbsoluteDifference } = agreement(rollouts)
    expect(boundaries).toBe(1200)
    expect(coverage).toBeGreaterThan(0.95)
    expect(Math.abs(bias)).toBeLessThan(0.006)
    expect(meanAbsoluteDifference).toBeLessThan(0.06)
    expect(progressSignAgreement).toBeGreaterThan(0.9)
    const shifted = rollouts.map((r) => ({ ...r, exact: r.exact.map((p) => p * 0.7) }))
    expect(agreement(shifted).coverage).toBeLessThan(0.6)
    expect(agreement(shifted).bias).toBeGreaterThan(0.1)
  })

  it('counts a sampled tie as half an agreement and ignores episodes without progress', () => {
    const one = agreement([{ exact: [0.2, 0.4, 0.4, 0.1], correct: [1, 1, 3, 4], samples: 8 }])
    expect(one.progressSignAgreement).toBe((0.5 + 0) / 2)
  })
})
