// Exact and sampled mu on the shipped starter model: the sum over every correct answer is what answers drawn from the same prefix converge to.
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { binomialRange } from '../../src-main/numeric/significance.ts'
import { deriveSeed } from '../../src-main/numeric/rng.ts'
import { createCountdown } from '../../src-main/tasks/countdown.ts'
import type { Policy } from '../../src-main/rollout/policy.ts'
import type { SpokenTask } from '../../src-main/tasks/types.ts'
import { exactMu } from '../../src-main/rollout/exactMu.ts'
import { sampleRollouts } from '../../src-main/rollout/sample.ts'
import { sampledMu } from '../../src-main/rollout/sampledMu.ts'
import { openStarter, SETTINGS } from '../lab/starter.ts'
import type { OpenedStarter } from '../lab/starter.ts'

const task = createCountdown() as SpokenTask
let starter: OpenedStarter
let policy: Policy

beforeAll(async () => {
  starter = await openStarter()
  policy = starter.policy
})
afterAll(() => starter.dispose())

async function someRollouts(count: number) {
  const problems = task.problems('heldout', count, 31)
  const rollouts = await sampleRollouts(
    policy.decoder,
    task.format,
    problems.map((problem, index) => ({ prompt: problem.promptTokens, seed: deriveSeed(8, index) })),
    SETTINGS,
  )
  return problems.map((problem, index) => ({ problem, rollout: rollouts[index]!, answers: task.answerTrie(problem)! }))
}

const exactly = async (items: Awaited<ReturnType<typeof someRollouts>>) =>
  exactMu(
    items.map(({ rollout, answers }) => ({ prompt: rollout.prompt, completion: rollout.tokens, cuts: rollout.boundaries, answers })),
    task.format.terminationSuffix,
    (feeds) => policy.branches.run(feeds),
  )

describe('mu on the starter model', () => {
  it('agrees with Monte Carlo: 256 sampled answers lie inside the 95 % binomial interval of J on at least 95 % of boundaries', async () => {
    const items = await someRollouts(12)
    const exact = await exactly(items)
    const sampled = await sampledMu(
      policy,
      task,
      items.map(({ problem, rollout }, index) => ({ problem, completion: rollout.tokens, cuts: rollout.boundaries, seed: index })),
      256,
      SETTINGS,
    )
    let inside = 0
    let all = 0
    exact.J.forEach((J, trace) =>
      J.forEach((value, cut) => {
        const { low, high } = binomialRange(256, value, 0.95)
        const right = Math.round(sampled.J[trace]![cut]! * 256)
        if (low <= right && right <= high) inside++
        all++
      }),
    )
    expect(all).toBeGreaterThan(40)
    expect(inside / all).toBeGreaterThanOrEqual(0.95)
  })

  it('costs at least ten times fewer tokens per boundary than 8 sampled answers with their prefixes', async () => {
    const items = await someRollouts(32)
    const exact = await exactly(items)
    const sampled = await sampledMu(
      policy,
      task,
      items.map(({ problem, rollout }, index) => ({ problem, completion: rollout.tokens, cuts: rollout.boundaries, seed: index })),
      8,
      SETTINGS,
    )
    const cuts = items.reduce((sum, { rollout }) => sum + rollout.boundaries.length, 0)
    const separately = items.reduce(
      (sum, { rollout, problem }) => sum + rollout.boundaries.reduce((all, cut) => all + 8 * (problem.promptTokens.length + cut), 0),
      0,
    )
    expect((sampled.generatedTokens + separately) / cuts / (exact.forwardedTokens / cuts)).toBeGreaterThan(10)
  })

  it('repeats the published estimator exactly for the same seeds', async () => {
    const items = await someRollouts(4)
    const traces = items.map(({ problem, rollout }, index) => ({
      problem,
      completion: rollout.tokens,
      cuts: rollout.boundaries,
      seed: index,
    }))
    const [first, second] = [await sampledMu(policy, task, traces, 4, SETTINGS), await sampledMu(policy, task, traces, 4, SETTINGS)]
    expect(second.J).toEqual(first.J)
    for (const intervals of first.intervals) for (const { low, high } of intervals) expect(low).toBeLessThan(high)
  })

  it('keeps J within 0 and 1 at every cut, in the middle of attempts too', async () => {
    const items = await someRollouts(16)
    const mu = await exactMu(
      items.map(({ rollout, answers }) => ({
        prompt: rollout.prompt,
        completion: rollout.tokens,
        cuts: Array.from({ length: rollout.thinkEnd + 1 }, (_, cut) => cut),
        answers,
      })),
      task.format.terminationSuffix,
      (feeds) => policy.branches.run(feeds),
    )
    for (const J of mu.J) for (const value of J) expect(value >= 0 && value <= 1 + 1e-6).toBe(true)
  })
})
