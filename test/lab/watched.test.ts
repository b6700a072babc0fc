// What a run records beside its reward, whatever the method: how far it moved from its start, and how its answers ended.
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { RunSpecInput } from '../../src-preload/contract.ts'
import { rolloutQueries } from '../../src-main/lab/answers/queriesRollouts.ts'
import { createRun } from '../../src-main/lab/training/createRun.ts'
import { trainRun } from '../../src-main/lab/training/trainRun.ts'
import { microSpec, openBench } from './micro.ts'
import type { Bench } from './micro.ts'

let bench: Bench
beforeAll(async () => {
  bench = await openBench()
})
afterAll(() => bench.dispose())

async function stepsOf(name: string, algorithm: RunSpecInput['algorithm'], more: Partial<RunSpecInput>) {
  const context = bench.open(name)
  try {
    const runId = await createRun(context, microSpec('starter', algorithm, { steps: 2, ...more }))
    await trainRun(context, runId)
    return context.store.steps.range(runId, 1, 2).map(({ metrics }) => metrics)
  } finally {
    context.close()
  }
}

it('KL to the start is 0 before the first update and the same whether the loss holds the run back or only the observed groups are looked at', async () => {
  const [first, second] = await stepsOf('watched', { name: 'mrt-exact' }, { observeGroups: 99 })
  const [, held] = await stepsOf('held', { name: 'mrt-exact', options: { klBeta: 1e-9 } }, { observeGroups: 0 })
  expect(first!.kl).toBeLessThan(1e-9)
  expect(second!.kl).toBeGreaterThan(1e-6)
  expect(second!.kl! / held!.kl!).toBeCloseTo(1, 2)
})

it('KL is absent where no group is observed and no loss needs it', async () => {
  const steps = await stepsOf('unwatched', { name: 'dr-grpo' }, { observeGroups: 0 })
  for (const metrics of steps) expect(metrics).not.toHaveProperty('kl')
})

it('the three ways in which answers end are recorded, as shares of the rollouts of the step', async () => {
  const [first] = await stepsOf('ends', { name: 'dr-grpo' }, { budget: { thinkingTokens: 6, answerTokens: 4 } })
  for (const name of ['completions/forced_stop_ratio', 'completions/clipped_ratio', 'completions/unparsable_ratio'])
    expect([name, first![name]! >= 0 && first![name]! <= 1]).toEqual([name, true])
  expect(first!['completions/forced_stop_ratio']).toBeGreaterThan(0.5)
})

it('demonstrations have no sampler to differ from, and say nothing of one', async () => {
  const steps = await stepsOf('demonstrations', { name: 'sft' }, {})
  for (const metrics of steps) for (const name of Object.keys(metrics)) expect(name).not.toMatch(/^sampling\/|^kl$|forced_stop/)
})

it('a method of imitation draws every text of an iteration from the weights with which that began, says so, and learns endings as wholes', async () => {
  const context = bench.open('imitation')
  try {
    const drawn = async (lr: number) => {
      const runId = await createRun(
        context,
        microSpec(
          'starter',
          { name: 'mrt-star', options: { iterations: 2 } },
          { steps: 4, observeGroups: 0, optimizer: { lr }, budget: { thinkingTokens: 48, answerTokens: 12 } },
        ),
      )
      await trainRun(context, runId)
      const { rollouts } = context.store.rollouts.page({ filter: { runId }, sort: 'place', descending: false, limit: 500, after: null })
      return { rollouts, texts: rollouts.map(({ step, group, sample, tokenCount, correct }) => [step, group, sample, tokenCount, correct]) }
    }
    const [still, moved] = [await drawn(1e-12), await drawn(3e-3)]
    const upTo = (texts: (typeof still)['texts'], last: number) => texts.filter(([step]) => Number(step) <= last)
    expect(upTo(moved.texts, 2)).toEqual(upTo(still.texts, 2))
    expect(moved.texts).not.toEqual(still.texts)
    const steps = [1, 2, 3, 4].map(
      (step) =>
        new Set(
          moved.rollouts.filter((each) => each.step === step).map(({ id }) => context.store.rollouts.detail(id)!.provenance.policyStep),
        ),
    )
    expect(steps).toEqual([new Set([0]), new Set([0]), new Set([2]), new Set([2])])
    const kept = moved.rollouts.filter(({ used }) => used)
    expect(kept.length).toBeGreaterThan(0)
    for (const { correct, finishReason, group } of kept) expect([correct, finishReason, group >= 3]).toEqual([true, 'forced', true])
    const reasons = new Set(moved.rollouts.filter(({ used }) => !used).map(({ discardReason }) => discardReason))
    expect([...reasons].filter((reason) => !['shortened', 'outdone', 'filtered'].includes(reason!))).toEqual([])
  } finally {
    context.close()
  }
})

it('a prover of other weights measures J by these, says so, and is refused where it is not asked, not named, or speaks otherwise', async () => {
  const context = bench.open('prover')
  const measured = async (options: Record<string, unknown>, more: Partial<RunSpecInput> = {}) => {
    const runId = await createRun(context, microSpec('starter', { name: 'mrt-exact', options }, { steps: 2, ...more }))
    await trainRun(context, runId)
    const { rollouts } = context.store.rollouts.page({ filter: { runId }, sort: 'place', descending: false, limit: 500, after: null })
    const { progress } = context.store.rollouts.detail(rollouts.at(-1)!.id)!
    return {
      runId,
      J: [1, 2].map((step) => context.store.steps.get(runId, step)!.metrics['mrt/batch_j_end_mean']),
      by: progress.map(({ estimator: { weights, checkpointId, step } }) => [weights, checkpointId, step]),
    }
  }
  try {
    const start = await measured({ mu: 'start' })
    // The starter, named as the prover, is the start.
    expect((await measured({ mu: 'given' }, { prover: 'starter' })).J).toEqual(start.J)
    const trained = await measured({}, { optimizer: { lr: 3e-3 } })
    const checkpoint = context.store.checkpoints.newest(trained.runId)!
    const other = await measured({ mu: 'given' }, { prover: `checkpoint:${checkpoint.id}` })
    expect(other.J[0]).not.toBe(start.J[0])
    expect(other.by).toContainEqual(['checkpoint', checkpoint.id, null])
    const refused = async (options: Record<string, unknown>, prover?: string) => {
      const spec = microSpec('starter', { name: 'mrt-exact', options }, prover === undefined ? {} : { prover })
      return createRun(context, spec).then(
        () => 'taken',
        (error: unknown) => (error as { code?: string }).code,
      )
    }
    expect([await refused({ mu: 'given' }), await refused({}, 'starter'), await refused({ mu: 'given' }, 'checkpoint:99999')]).toEqual([
      'run.spec',
      'run.inert',
      'start.unknown',
    ])
  } finally {
    context.close()
  }
})

describe('the watch list', () => {
  const trained = async (
    name: string,
    algorithm: RunSpecInput['algorithm'],
    watch: RunSpecInput['watch'],
    more: Partial<RunSpecInput> = {},
  ) => {
    const context = bench.open(name)
    try {
      const runId = await createRun(context, microSpec('starter', algorithm, { steps: 3, watch, ...more }))
      await trainRun(context, runId)
      const { rollouts } = context.store.rollouts.page({ filter: { runId }, sort: 'place', descending: false, limit: 500, after: null })
      const [watched, own] = [true, false].map((of) => rollouts.filter(({ discardReason }) => (discardReason === 'watch-list') === of))
      const first = own!.find(({ step, group }) => step === 1 && group === 0)!
      return {
        watched: watched!,
        own: own!,
        steps: context.store.steps.range(runId, 1, 3),
        through: context.store.rollouts.throughTraining(first.problemId, runId),
        list: await rolloutQueries(() => context.store).watched({ runId }, { signal: new AbortController().signal }),
        policySteps: watched!.map(({ id }) => context.store.rollouts.detail(id)!.provenance.policyStep),
      }
    } finally {
      context.close()
    }
  }

  it('is asked before the first update and every so many steps, with the weights of then, and the same prompt is found through training', async () => {
    const { watched, through, policySteps } = await trained('list', { name: 'dr-grpo' }, { problems: 2, every: 2, samples: 3 })
    expect(watched.map(({ step }) => step)).toEqual([1, 1, 1, 1, 1, 1, 3, 3, 3, 3, 3, 3])
    expect(new Set(policySteps.slice(0, 6))).toEqual(new Set([0]))
    expect(new Set(policySteps.slice(6))).toEqual(new Set([2]))
    for (const { used, progress } of watched) expect([used, typeof progress]).toEqual([false, 'number'])
    expect(through.filter(({ discardReason }) => discardReason === 'watch-list').map(({ step, sample }) => [step, sample])).toEqual(
      [1, 3].flatMap((step) => [0, 1, 2].map((sample) => [step, sample])),
    )
  })

  it('is answered as it stands: its problems in their order, each with every sample of it, and none for a run without a list', async () => {
    const { watched, own, list } = await trained('answered', { name: 'dr-grpo' }, { problems: 2, every: 2, samples: 2 })
    const problemOf = (group: number): number => own.find((each) => each.step === 1 && each.group === group)!.problemId
    expect(list.map(({ problem }) => problem.id)).toEqual([problemOf(0), problemOf(1)])
    for (const { problem, asked } of list) {
      expect(asked).toEqual(watched.filter(({ problemId }) => problemId === problem.id))
      expect(asked.map(({ step, sample }) => [step, sample])).toEqual([1, 3].flatMap((step) => [0, 1].map((sample) => [step, sample])))
    }
    expect((await trained('none', { name: 'dr-grpo' }, { problems: 0 })).list).toEqual([])
  })

  it('draws alike each time, so that weights which stand still answer the same', async () => {
    const { watched } = await trained('still', { name: 'dr-grpo' }, { problems: 2, every: 1 }, { optimizer: { lr: 1e-12 } })
    const at = (step: number) =>
      watched
        .filter((each) => each.step === step)
        .map(({ problemId, tokenCount, extractedAnswer }) => [problemId, tokenCount, extractedAnswer])
    expect(at(1)).toHaveLength(2)
    expect(at(2)).toEqual(at(1))
    expect(at(3)).toEqual(at(1))
  })

  it.each(['dr-grpo', 'mrt-exact', 'sft', 'mrt-pooled'])('changes nothing of what %s learns and is in none of its costs', async (name) => {
    const [without, with4] = [
      await trained(`without ${name}`, { name }, { problems: 0 }),
      await trained(`with ${name}`, { name }, { problems: 4, every: 1 }),
    ]
    const told = ({ own, steps }: typeof without) => [
      own.map(({ step, group, sample, tokenCount, reward }) => [step, group, sample, tokenCount, reward]),
      steps.map(({ tokens, estimateTokens, flops, metrics: { loss, grad_norm, num_tokens } }) => [
        tokens,
        estimateTokens,
        flops,
        loss,
        grad_norm,
        num_tokens,
      ]),
    ]
    expect(told(with4)).toEqual(told(without))
    expect(without.watched).toEqual([])
    for (const { metrics } of without.steps) expect(metrics).not.toHaveProperty('watch/num_tokens')
    for (const { metrics } of with4.steps) expect(metrics['watch/num_tokens']).toBeGreaterThan(0)
  })
})
