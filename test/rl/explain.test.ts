// Reward anatomy: the same rollouts under several methods, and the methods that cannot answer.
import { describe, expect, it } from 'vitest'
import { explain } from '../../src-main/rl/explain.ts'
import { context, rollout, thinking } from './rollouts.ts'

describe('explaining a reward', () => {
  const group = [thinking(1, [0, 0.1, 0.9]), thinking(0, [0, 0.2], { sample: 1 })]

  it('says what each method pays each episode of each rollout', () => {
    const found = explain(
      group,
      [
        { label: 'outcome', algorithm: 'dr-grpo' },
        { label: 'progress', algorithm: 'mrt-exact', options: { centre: 'none' } },
        { label: 'half', algorithm: 'mrt-exact', options: { centre: 'none', alpha: 0.5 } },
      ],
      context,
    )
    expect(found.outcome).toMatchObject({
      kind: 'paid',
      payslips: [
        { reward: 1, outcome: 0.5, bonuses: [0, 0], episodes: [0.5, 0.5], answer: 0.5 },
        { outcome: -0.5, episodes: [-0.5] },
      ],
    })
    expect(found.progress).toMatchObject({
      kind: 'paid',
      payslips: [
        { reward: expect.closeTo(1.9, 10), outcome: 0.5, episodes: [expect.closeTo(0.6, 10), expect.closeTo(1.3, 10)], answer: 0.5 },
        { episodes: [expect.closeTo(-0.3, 10)] },
      ],
    })
    expect(found.half).toMatchObject({ kind: 'paid', payslips: [{ bonuses: [expect.closeTo(0.05, 10), expect.closeTo(0.4, 10)] }, {}] })
  })

  it('says why a rollout is left out', () => {
    expect(explain(group, [{ label: 'x', algorithm: 'mrt-pooled' }], context).x).toMatchObject({
      kind: 'paid',
      payslips: [{ discardReason: 'missing-arm', episodes: [0, 0] }, { discardReason: 'missing-arm' }],
    })
  })

  it('says so where a method needs J and J was not measured', () => {
    const found = explain(
      [rollout(), rollout({ sample: 1 })],
      [
        { label: 'a', algorithm: 'mrt-exact' },
        { label: 'b', algorithm: 'grpo' },
      ],
      context,
    )
    expect(found.a).toMatchObject({ kind: 'unavailable', code: 'rl.no-termination-scores' })
    expect(found.b.kind).toBe('paid')
  })

  it('passes a mistake in the question on', () => {
    expect(() => explain(group, [{ label: 'x', algorithm: 'grpo', options: { speed: 1 } }], context)).toThrow(
      expect.objectContaining({ code: 'rl.option-unknown' }),
    )
  })
})
