// The shipped starter as a place to begin: problems that it was never taught on are hard for it in a way that reinforcement can learn from.
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { trainingPool } from '../../src-main/lab/training/tasks.ts'
import { deriveSeed } from '../../src-main/numeric/rng.ts'
import { sampleRollouts } from '../../src-main/rollout/sample.ts'
import { createCountdown } from '../../src-main/tasks/countdown.ts'
import type { Policy } from '../../src-main/rollout/policy.ts'
import type { SpokenTask } from '../../src-main/tasks/types.ts'
import { openStarter, SETTINGS } from '../lab/starter.ts'
import type { OpenedStarter } from '../lab/starter.ts'

const GROUPS = 128
const GROUP_SIZE = 8
const task = createCountdown() as SpokenTask
let starter: OpenedStarter
let policy: Policy

beforeAll(async () => {
  starter = await openStarter({ rows: 256 })
  policy = starter.policy
})
afterAll(() => starter.dispose())

describe('the starter model on the default difficulty', () => {
  it('answers 30 to 60 % of training problems, and at least half of its groups hold right and wrong rollouts', async () => {
    const problems = trainingPool(task).slice(0, GROUPS)
    const plans = problems.flatMap((problem, group) =>
      Array.from({ length: GROUP_SIZE }, (_, sample) => ({ problem, prompt: problem.promptTokens, seed: deriveSeed(3, group, sample) })),
    )
    const rollouts = await sampleRollouts(policy.decoder, task.format, plans, SETTINGS)
    const right = problems.map(
      (_, group) =>
        plans
          .slice(group * GROUP_SIZE, (group + 1) * GROUP_SIZE)
          .filter(({ problem }, sample) => task.grade(problem, rollouts[group * GROUP_SIZE + sample]!.tokens).correct).length,
    )
    const accuracy = right.reduce((sum, count) => sum + count, 0) / plans.length
    const mixed = right.filter((count) => count > 0 && count < GROUP_SIZE).length / GROUPS
    if (process.env.MEASURE === '1')
      console.log({
        accuracy,
        mixed,
        allWrong: right.filter((count) => count === 0).length / GROUPS,
        tokens: rollouts.reduce((sum, { tokens }) => sum + tokens.length, 0) / plans.length,
      })
    expect(accuracy).toBeGreaterThan(0.3)
    expect(accuracy).toBeLessThan(0.6)
    expect(mixed).toBeGreaterThanOrEqual(0.5)
  })
})
