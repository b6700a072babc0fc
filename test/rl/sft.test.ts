import { describe, expect, it } from 'vitest'
import { createMethod, creditBatch } from '../../src-main/rl/algorithms.ts'
import { context, rollout } from './rollouts.ts'

describe('supervised fine-tuning', () => {
  const group = [rollout({ correct: 1, tokenCount: 3, sampled: Uint8Array.of(1, 0, 1) }), rollout({ sample: 1, tokenCount: 2 })]

  it('pays every token of every text 1, forced tokens nothing', () => {
    const credits = creditBatch(createMethod('sft'), group, context)
    expect(credits.map((one) => [...one.advantage])).toEqual([
      [1, 0, 1],
      [1, 1],
    ])
  })

  it('learns from right answers alone when it filters', () => {
    const method = createMethod('sft', { keep: 'correct' })
    expect(creditBatch(method, group, context).map((one) => one.discardReason)).toEqual([undefined, 'filtered'])
    expect(method.algorithm.needs(method.options).data).toBe('rollouts')
  })

  it('needs neither a ratio nor a reference', () => {
    const method = createMethod('sft')
    expect(method.algorithm.loss(method.options)).toMatchObject({ ratio: 'none', klBeta: 0, aggregation: 'token-mean', updatesPerBatch: 1 })
  })
})
