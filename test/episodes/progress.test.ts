// Progress and its identities: telescoping, the annihilation of J_0 in a group, and potential shaping.
import { describe, expect, it } from 'vitest'
import { bestBoundary, cumulativeRegret, firstStableBoundary, progressOf } from '../../src-main/episodes/progress.ts'
import { createRng } from '../../src-main/numeric/rng.ts'
import { mean, sum } from '../../src-main/numeric/stats.ts'

const J = [0.25, 0.125, 0.5, 0.5, 1]
const rng = createRng(3)
const randomJ = (): number[] => Array.from({ length: 2 + rng.int(8) }, rng.float)
const centred = (values: readonly number[]): number[] => values.map((v) => v - mean(values))

describe('progress', () => {
  it('is the gain of each episode', () => {
    expect([...progressOf(J)]).toEqual([-0.125, 0.375, 0, 0.5])
    expect([progressOf([0.5]).length, progressOf([]).length]).toEqual([0, 0])
  })

  it('telescopes: the sum over all episodes is J at the end minus J at the start', () => {
    for (let i = 0; i < 100; i++) {
      const curve = randomJ()
      expect(sum(progressOf(curve))).toBeCloseTo(curve[curve.length - 1] - curve[0], 12)
    }
  })

  it('summed over full rollouts of one problem loses J_0 to the centring of the group', () => {
    for (let i = 0; i < 50; i++) {
      const shared = rng.float()
      const group = Array.from({ length: 8 }, () => [shared, ...randomJ()])
      const bonus = centred(group.map((curve) => sum(progressOf(curve))))
      const endOnly = centred(group.map((curve) => curve[curve.length - 1]))
      for (const [k, value] of bonus.entries()) expect(value).toBeCloseTo(endOnly[k], 12)
    }
  })

  it('paid to go is potential shaping: it differs from the outcome by a term of the state alone', () => {
    // Reward to go with shaping, minus reward to go without, is alpha (J_E - J_{j-1}); at the end of a rollout whose
    // potential is zero after the last episode, the shaped return from state j-1 is the outcome minus alpha J_{j-1}.
    const alpha = 0.7
    for (let i = 0; i < 50; i++) {
      const curve = randomJ()
      const own = progressOf(curve)
      for (let j = 0; j < own.length; j++) {
        const toGo = sum(own.slice(j))
        expect(alpha * toGo).toBeCloseTo(alpha * (curve[curve.length - 1] - curve[j]), 12)
      }
    }
    // Two continuations of the same state: shaping moves both returns by the same amount but for J at their ends, so with
    // equal ends their order, and hence the optimum, is unchanged; paid locally, a dip before insight is punished.
    const direct = [0.2, 0.5, 0.9]
    const insight = [0.2, 0.1, 0.9]
    expect(sum(progressOf(direct))).toBeCloseTo(sum(progressOf(insight)), 12)
    expect(progressOf(direct)[0]).toBeGreaterThan(0)
    expect(progressOf(insight)[0]).toBeLessThan(0)
  })
})

describe('cumulative regret', () => {
  it('adds the distance from the comparator before each episode', () => {
    expect([...cumulativeRegret(J)]).toEqual([0.75, 1.625, 2.125, 2.625])
    expect([...cumulativeRegret(J, [0.25, 0.5, 0.75, 1, 1])]).toEqual([0, 0.375, 0.625, 1.125])
    expect([...cumulativeRegret([0.5])]).toEqual([])
  })

  it('of an answer that never improves grows by its distance from certainty', () => {
    expect([...cumulativeRegret([0.75, 0.75, 0.75])]).toEqual([0.25, 0.5])
  })
})

describe('where a thought should have stopped', () => {
  it('is the earliest boundary with the largest J', () => {
    expect(bestBoundary(J)).toBe(4)
    expect(bestBoundary([0.5, 0.5, 0.25])).toBe(0)
    expect(bestBoundary([0, 0.9, 0.9, 0.1])).toBe(1)
  })

  it('and the first stable correct state is the one it never falls back from', () => {
    expect(firstStableBoundary([0, 0.6, 0.4, 0.5, 0.9])).toBe(3)
    expect(firstStableBoundary([0.9, 0.9])).toBe(0)
    expect(firstStableBoundary([0.9, 0.4])).toBeNull()
    expect(firstStableBoundary([0.6, 0.9], 0.8)).toBe(1)
    expect(firstStableBoundary([])).toBeNull()
  })
})
