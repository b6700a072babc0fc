// Batch metrics by hand, and their absence where nothing can be said.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createMethod, creditBatch } from '../../src-main/rl/algorithms.ts'
import { batchMetrics, progressMetrics } from '../../src-main/rl/metrics.ts'
import type { GradedRollout } from '../../src-main/rl/types.ts'
import { anyGroup, context, outcomes, rollout, thinking } from './rollouts.ts'

function metrics(name: string, rollouts: readonly GradedRollout[], options: Record<string, unknown> = {}, alpha?: number) {
  const credits = creditBatch(createMethod(name, options), rollouts, context)
  return batchMetrics(
    rollouts.map((one, index) => ({ rollout: one, credit: credits[index] })),
    alpha,
  )
}

describe('batch metrics', () => {
  it('describe rewards over the batch and within groups', () => {
    // Rewards 1 0 | 1 1: batch mean 3/4 and deviation 1/2; group deviations sqrt(1/2) and 0.
    const found = metrics('dr-grpo', [...outcomes(1, 0), ...outcomes(1, 1).map((one) => ({ ...one, group: 1 }))])
    expect(found).toMatchObject({
      reward: 0.75,
      reward_std: 0.5,
      reward_group_std: expect.closeTo(Math.SQRT1_2 / 2, 10),
      frac_reward_zero_std: 0.5,
      'by_group/frac_all_good': 0.5,
      'by_group/frac_all_bad': 0,
      'by_group/frac_mixed': 0.5,
      'rewards/outcome/mean': 0.75,
      'rewards/outcome/std': 0.5,
      'mrt/used_frac': 1,
    })
  })

  it('tell groups that are all right, all wrong and mixed apart, and those whose rewards are all the same', () => {
    const of = (...corrects: readonly (0 | 1)[]) => {
      const found = metrics('dr-grpo', outcomes(...corrects))
      return ['by_group/frac_all_good', 'by_group/frac_all_bad', 'by_group/frac_mixed', 'frac_reward_zero_std'].map((name) => found[name])
    }
    expect(of(1, 1)).toEqual([1, 0, 0, 1])
    expect(of(0, 0)).toEqual([0, 1, 0, 1])
    expect(of(1, 0)).toEqual([0, 0, 1, 0])
  })

  it('count no progress for positive where J stayed as it was', () => {
    expect(progressMetrics([[0.5, 0.5, 0.75]])).toMatchObject({ 'mrt/progress_pos_frac': 0.5, 'mrt/progress_mean': 0.125 })
  })

  it('have a deviation from two rollouts on, and none of one', () => {
    expect(metrics('dr-grpo', outcomes(1, 0))).toMatchObject({ reward_std: expect.closeTo(Math.SQRT1_2, 10) })
    expect(metrics('dr-grpo', outcomes(1))).not.toHaveProperty('reward_std')
  })

  it('describe lengths, truncated answers apart', () => {
    const found = metrics('dr-grpo', [
      rollout({ tokenCount: 4 }),
      rollout({ sample: 1, tokenCount: 6 }),
      rollout({ sample: 2, tokenCount: 16, finish: 'length' }),
    ])
    expect(found).toMatchObject({
      'completions/mean_length': 26 / 3,
      'completions/min_length': 4,
      'completions/max_length': 16,
      'completions/clipped_ratio': 1 / 3,
      'completions/mean_terminated_length': 5,
    })
  })

  it('describe episodes and progress', () => {
    const found = metrics(
      'mrt-exact',
      [thinking(1, [0.2, 0.3, 0.9]), thinking(0, [0.2, 0.1], { sample: 1 }), thinking(0, [0.2], { sample: 2 })],
      { centre: 'none' },
      1,
    )
    expect(found).toMatchObject({
      'mrt/alpha': 1,
      'mrt/episodes_mean': 1,
      'mrt/episode_tokens_mean': 2,
      'mrt/progress_mean': expect.closeTo(0.2, 10),
      'mrt/progress_pos_frac': 2 / 3,
      'mrt/bonus_mean': expect.closeTo(0.2, 10),
      'mrt/j_start_mean': expect.closeTo(0.2, 10),
      'mrt/j_end_mean': expect.closeTo(1.2 / 3, 10),
      'rewards/progress/mean': expect.closeTo(0.2, 10),
      reward: expect.closeTo(1 / 3 + 0.2, 10),
    })
  })

  it('describe both arms of a stale prefix and the two deviations that scaling could use', () => {
    const arm = (which: 'continue' | 'terminate', correct: 0 | 1, sample: number, group = 0) =>
      rollout({ arm: which, correct, sample, prefixTokens: 2, group })
    const both = [arm('continue', 1, 0), arm('continue', 0, 1), arm('terminate', 0, 2), arm('terminate', 0, 3)]
    expect(metrics('mrt-pooled', both)).toMatchObject({
      'mrt/continue_reward': 0.5,
      'mrt/terminate_reward': 0,
      'mrt/pool_std': 0.5,
      'mrt/continue_std': expect.closeTo(Math.SQRT1_2, 10),
    })
    // A prefix with a single rollout has no deviation, and takes nothing from that of the others.
    expect(metrics('mrt-pooled', [...both, arm('continue', 1, 0, 1)])).toMatchObject({
      'mrt/pool_std': 0.5,
      'mrt/continue_std': expect.closeTo(Math.SQRT1_2, 10),
    })
  })

  it('are absent where they cannot be computed', () => {
    expect(batchMetrics([])).toEqual({})
    const one = metrics('grpo', [rollout({ correct: 1, finish: 'length' })])
    expect(Object.keys(one).sort()).toEqual([
      'by_group/frac_all_bad',
      'by_group/frac_all_good',
      'by_group/frac_mixed',
      'completions/clipped_ratio',
      'completions/max_length',
      'completions/mean_length',
      'completions/min_length',
      'mrt/episodes_mean',
      'mrt/used_frac',
      'reward',
      'rewards/outcome/mean',
    ])
  })

  it('leave aborted rollouts out', () => {
    expect(metrics('dr-grpo', [...outcomes(1, 1), rollout({ sample: 2, finish: 'aborted' })])).toMatchObject({
      reward: 1,
      'by_group/frac_all_good': 1,
    })
  })

  it('are finite for any batch', () => {
    fc.assert(
      fc.property(anyGroup(), fc.constantFrom('grpo', 'mrt-exact', 'mrt-online', 'length-penalty'), (group, name) => {
        for (const [key, value] of Object.entries(metrics(name, group))) expect(value, key).toSatisfy(Number.isFinite)
      }),
    )
  })
})
