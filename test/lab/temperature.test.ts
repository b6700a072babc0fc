// One temperature throughout: what is drawn, what the loss is written with and what J is measured under are the same softmax(logits / T).
// With filters the sampler draws from a part of it, which is refused unless a correction answers for it.
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { LabError } from '../../src-preload/contract.ts'
import type { RunSpecInput } from '../../src-preload/contract.ts'
import { createRun } from '../../src-main/lab/training/createRun.ts'
import { trainRun } from '../../src-main/lab/training/trainRun.ts'
import { exactMu } from '../../src-main/rollout/exactMu.ts'
import type { Policy } from '../../src-main/rollout/policy.ts'
import { sampleRollouts } from '../../src-main/rollout/sample.ts'
import { createCountdown } from '../../src-main/tasks/countdown.ts'
import type { SpokenTask } from '../../src-main/tasks/types.ts'
import { microSpec, openBench } from './micro.ts'
import type { Bench } from './micro.ts'
import { openStarter, SETTINGS } from './starter.ts'
import type { OpenedStarter } from './starter.ts'

let bench: Bench
beforeAll(async () => {
  bench = await openBench()
})
afterAll(() => bench.dispose())

async function metricsOf(name: string, algorithm: RunSpecInput['algorithm'], more: Partial<RunSpecInput>, start = bench.start) {
  const context = bench.open(name)
  try {
    const runId = await createRun(context, microSpec(start, algorithm, { steps: 1, ...more }))
    await trainRun(context, runId)
    return context.store.steps.get(runId, 1)!.metrics
  } finally {
    context.close()
  }
}

describe('the temperature of a run', () => {
  it.each([0.6, 1, 1.7])('leaves the ratio of an on-policy step at 1 to 1e-5 (temperature %d)', async (temperature) => {
    const metrics = await metricsOf(`ratio-${temperature}`, { name: 'grpo' }, { sampling: { temperature } })
    expect(Math.abs(metrics['policy/ratio_max']! - 1)).toBeLessThan(1e-5)
    expect(metrics['policy/approxkl_avg']!).toBeLessThan(1e-10)
    expect(metrics['sampling/sampling_logp_difference/max']!).toBeLessThan(1e-5)
  })

  it('lets sampler and trainer agree on the starter too, to 1e-4, where a batch is split into two updates', async () => {
    const metrics = await metricsOf(
      'two-updates',
      { name: 'mrt-exact', options: { updatesPerBatch: 2 } },
      { sampling: { temperature: 0.5 } },
      'starter',
    )
    expect(metrics['sampling/sampling_logp_difference/max']!).toBeLessThan(1e-4)
  })

  it('is in the entropy: a hotter policy has more of it', async () => {
    const [cold, hot] = [
      await metricsOf('cold', { name: 'dr-grpo' }, { sampling: { temperature: 0.7 } }, 'starter'),
      await metricsOf('hot', { name: 'dr-grpo' }, { sampling: { temperature: 1.5 } }, 'starter'),
    ]
    expect(hot.entropy!).toBeGreaterThan(cold.entropy!)
  })
})

describe('J at a temperature', () => {
  const task = createCountdown() as SpokenTask
  const temperature = 0.6
  let starter: OpenedStarter
  let policy: Policy
  beforeAll(async () => {
    starter = await openStarter({ rows: 32, temperature })
    policy = starter.policy
  })
  afterAll(() => starter.dispose())

  it('is the sum over the right answers of what the sampler itself would give each of them', async () => {
    const [problem] = task.problems('heldout', 1, 7)
    const answers = task.answerTrie(problem!)!
    const [rollout] = await sampleRollouts(policy.decoder, task.format, [{ prompt: problem!.promptTokens, seed: 1 }], {
      ...SETTINGS,
      temperature,
    })
    const cut = rollout!.boundaries[1]!
    const mu = await exactMu(
      [{ prompt: problem!.promptTokens, completion: rollout!.tokens, cuts: [cut], answers }],
      task.format.terminationSuffix,
      (feeds) => policy.branches.run(feeds),
    )
    const strings = [...answers.terminal].flatMap((terminal, node) => {
      if (terminal === 0) return []
      const tokens: number[] = []
      for (let at = node; at >= 0; at = answers.parent[at]!) tokens.unshift(answers.token[at]!)
      return [tokens]
    })
    const prompt = [...problem!.promptTokens, ...rollout!.tokens.slice(0, cut), ...task.format.terminationSuffix]
    const scored = await policy.score(strings.map((completion) => ({ prompt, completion })))
    const whole = scored.reduce((sum, logps) => sum + Math.exp(logps.reduce((all, logp) => all + logp, 0)), 0)
    expect(strings).toHaveLength(answers.strings)
    expect(mu.J[0]![0]!).toBeCloseTo(whole, 5)
  })

  it('scores a text as the sampler that drew it did, to 1e-4', async () => {
    const problems = task.problems('heldout', 8, 3)
    const rollouts = await sampleRollouts(
      policy.decoder,
      task.format,
      problems.map((problem, seed) => ({ prompt: problem.promptTokens, seed })),
      { ...SETTINGS, temperature },
    )
    const scored = await policy.score(rollouts.map((rollout) => ({ prompt: rollout.prompt, completion: rollout.tokens })))
    rollouts.forEach((rollout, index) => rollout.logps.forEach((logp, t) => expect(Math.abs(logp - scored[index]![t]!)).toBeLessThan(1e-4)))
  })
})

describe('a run whose sampler leaves tokens out', () => {
  it.each([[{ topP: 0.9 }], [{ topK: 5 }], [{ minP: 0.1 }]])(
    'is refused without a correction (%o), naming what would answer for it',
    async (sampling) => {
      const context = bench.open('refused')
      try {
        await expect(createRun(context, microSpec(bench.start, { name: 'grpo' }, { sampling }))).rejects.toSatisfy(
          (error) => error instanceof LabError && error.code === 'run.sampling' && error.next.includes('correction'),
        )
        await expect(
          createRun(context, microSpec(bench.start, { name: 'mrt-exact', options: { correction: 'token-truncate' } }, { sampling })),
        ).rejects.toSatisfy((error) => error instanceof LabError && error.code === 'run.sampling')
        expect(context.store.runs.list()).toEqual([])
      } finally {
        context.close()
      }
    },
  )

  it('keeps the on-policy ratio at 1 and says how far the sampler was from the policy', async () => {
    const metrics = await metricsOf(
      'filtered',
      { name: 'grpo', options: { correction: 'token-truncate' } },
      { sampling: { topP: 0.9, temperature: 0.8 } },
    )
    expect(Math.abs(metrics['policy/ratio_max']! - 1)).toBeLessThan(1e-5)
    expect(metrics['sampling/sampling_logp_difference/mean']!).toBeGreaterThan(0.05)
  })
})
