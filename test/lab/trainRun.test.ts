// A run through the laboratory: every algorithm trains, everything is recorded, the sampler and the trainer agree, and a run that was
// stopped or killed ends with the numbers of one that was not.
import { fork } from 'node:child_process'
import { readdirSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { LabError } from '../../src-preload/contract.ts'
import type { LabEvent, RunSpecInput } from '../../src-preload/contract.ts'
import { loadCheckpoint } from '../../src-main/model/checkpoint.ts'
import { algorithmNames } from '../../src-main/rl/algorithms.ts'
import type { LabContext } from '../../src-main/lab/process/context.ts'
import { evaluateRun, finishEvaluations } from '../../src-main/lab/comparing/evaluateRun.ts'
import { createRun } from '../../src-main/lab/training/createRun.ts'
import { trainRun } from '../../src-main/lab/training/trainRun.ts'
import { microSpec, openBench } from './micro.ts'
import type { Bench } from './micro.ts'
import { refusal } from './refusal.ts'

let bench: Bench
beforeAll(async () => {
  bench = await openBench()
})
afterAll(() => bench.dispose())

/** The numbers of a run that must not depend on when or how often it was interrupted. */
async function numbersOf({ store }: LabContext, runId: number) {
  const timeless = (metrics: Readonly<Record<string, number>>) =>
    Object.fromEntries(Object.entries(metrics).filter(([name]) => !/^time\/|step_time/.test(name)))
  const last = store.checkpoints.newestResumable(runId)!
  const { tensors, optimizer } = await loadCheckpoint(join(store.checkpointsFolder, last.contentId))
  return {
    metrics: store.steps.range(runId, 1, 1000).map((step) => timeless(step.metrics)),
    rollouts: store.runs.list().find(({ run }) => run.id === runId)!.rolloutCount,
    weights: [...tensors].map(([name, { data }]) => [name, Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString('base64')]),
    moments: Buffer.from(optimizer!.m!.data.buffer).toString('base64').slice(0, 400),
  }
}

describe('a training run', () => {
  it.each(algorithmNames)('trains with %s, applies its updates and records every rollout', async (name) => {
    const context = bench.open(`all-${name}`)
    try {
      const runId = await createRun(context, microSpec(bench.start, { name }, { steps: 2 }))
      await trainRun(context, runId)
      const run = context.store.runs.get(runId)!
      expect([run.status, run.lastStep]).toEqual(['finished', 2])
      const { metrics } = context.store.steps.get(runId, 2)!
      expect(metrics.num_tokens).toBeGreaterThan(0)
      const groups = context.store.steps.groups({ runId, step: 2 })
      expect(groups.reduce((sum, group) => sum + group.rolloutCount, 0)).toBeGreaterThanOrEqual(12)
      for (const group of groups)
        expect(context.store.rollouts.group({ runId, steps: [2, 2], group: group.group }).map(({ sample }) => sample)).toContain(0)
    } finally {
      context.close()
    }
  })

  it('samples with the log-probs that it trains with, to 1e-4 in every step', async () => {
    const context = bench.open('agreement')
    try {
      const runId = await createRun(context, microSpec('starter', { name: 'mrt-exact' }))
      await trainRun(context, runId)
      const differences = context.store.steps.range(runId, 1, 4).map((step) => step.metrics['sampling/sampling_logp_difference/max']!)
      expect(differences).toHaveLength(4)
      for (const difference of differences) expect(difference).toBeLessThan(1e-4)
    } finally {
      context.close()
    }
  })

  it('keeps padding under 15 % of what it computes', async () => {
    const context = bench.open('padding')
    try {
      const runId = await createRun(context, microSpec(bench.start, { name: 'dr-grpo' }, { steps: 1, promptsPerStep: 16, groupSize: 8 }))
      await trainRun(context, runId)
      expect(context.store.steps.get(runId, 1)!.metrics['train/padding']).toBeLessThan(0.15)
    } finally {
      context.close()
    }
  })

  it('gives the same numbers for the same seed and others for another', async () => {
    const context = bench.open('seeds')
    try {
      const ids = []
      for (const seed of [5, 5, 6]) {
        ids.push(await createRun(context, microSpec('starter', { name: 'mrt-exact' }, { seed })))
        await trainRun(context, ids.at(-1)!)
      }
      const [first, second, other] = [
        await numbersOf(context, ids[0]!),
        await numbersOf(context, ids[1]!),
        await numbersOf(context, ids[2]!),
      ]
      expect(second).toEqual(first)
      expect(other.weights).not.toEqual(first.weights)
    } finally {
      context.close()
    }
  })

  it.each([
    ['mrt-exact', {}],
    ['mrt-exact', { mu: 'ema', emaDecay: 0.9 }],
    ['pav', { continuations: 4 }],
    ['e3', {}],
    ['brpo', { answers: 2 }],
    ['regret-exact', { answers: 2 }],
    ['star', { iterations: 2 }],
    ['mrt-star', { iterations: 5, restart: 'last' }],
    ['mrt-star', { iterations: 2, J: 'sampled', branches: 2 }],
    ['mrt-pooled', { staleSteps: 2 }],
    ['mrt-termination', { staleSteps: 4 }],
    ['grpo', { klBeta: 0.01, updatesPerBatch: 2 }],
  ])('ends with the same numbers whether or not it was stopped in between: %s %o', async (name, options) => {
    const context = bench.open(`stopped-${name}-${JSON.stringify(options).length}`)
    try {
      const whole = await createRun(context, microSpec('starter', { name, options }, { steps: 5 }))
      await trainRun(context, whole)
      const stopped = await createRun(context, microSpec('starter', { name, options }, { steps: 5 }))
      await trainRun(context, stopped, { control: () => (context.store.runs.get(stopped)!.lastStep === 3 ? 'stop-after-step' : 'go') })
      expect([context.store.runs.get(stopped)!.status, context.store.runs.get(stopped)!.lastStep]).toEqual(['paused', 3])
      await trainRun(context, stopped)
      expect(await numbersOf(context, stopped)).toEqual(await numbersOf(context, whole))
      expect(context.store.runs.get(stopped)!.status).toBe('finished')
    } finally {
      context.close()
    }
  })

  it('survives kill -9 at any moment: nothing is torn and the resumed run has the numbers of an uninterrupted one', async () => {
    const context = bench.open('uninterrupted')
    const spec = microSpec('starter', { name: 'mrt-exact' }, { steps: 8, checkpointEvery: 3 })
    const whole = await createRun(context, spec)
    await trainRun(context, whole)
    const expected = await numbersOf(context, whole)
    context.close()

    const folder = join(bench.folder, 'killed')
    const first = bench.open('killed')
    const runId = await createRun(first, spec)
    first.close()
    for (const killAfterSteps of [1, 4, 4, 7]) await trainAndKill(folder, runId, killAfterSteps)
    const resumed = bench.open('killed')
    try {
      expect(resumed.store.recovery?.interruptedRuns.map((run) => run.runId)).toEqual([runId])
      await trainRun(resumed, runId)
      expect(await numbersOf(resumed, runId)).toEqual(expected)
    } finally {
      resumed.close()
    }
  })

  it('records the run as failed with what went wrong when it cannot go on, and leaves it resumable', async () => {
    const context = bench.open('failing')
    try {
      const runId = await createRun(context, microSpec(bench.start, { name: 'dr-grpo' }))
      const broken: LabContext = {
        ...context,
        store: context.store,
        now: context.now,
        engine: {
          ...context.engine,
          createParameters: () => {
            throw new Error('no memory for the weights')
          },
        } as never,
      }
      await expect(trainRun(broken, runId)).rejects.toThrow('no memory')
      expect(context.store.runs.get(runId)).toMatchObject({ status: 'failed', error: { code: 'run.failed' } })
      await trainRun(context, runId)
      expect(context.store.runs.get(runId)!.status).toBe('finished')
    } finally {
      context.close()
    }
  })

  it('tells of its beginning, its steps, how far it is, and its end, and is kept every so many steps and at the end', async () => {
    const context = bench.open('told')
    try {
      const runId = await createRun(context, microSpec(bench.start, { name: 'dr-grpo' }, { steps: 5 }))
      const told: LabEvent[] = []
      await trainRun(context, runId, { onEvent: (event) => told.push(event) })
      expect(told.flatMap((event) => (event.kind === 'run' ? [event.run.status] : []))).toEqual(['running', 'finished'])
      const steps = told.flatMap((event) => (event.kind === 'step' ? [event.step] : []))
      expect(steps.map(({ step }) => step)).toEqual([1, 2, 3, 4, 5])
      const tokens = steps.map((step) => step.tokens)
      expect(steps.map(({ metrics }) => metrics.num_tokens)).toEqual(tokens.map((_, at) => tokens.slice(0, at + 1).reduce((a, b) => a + b)))
      const done = told.flatMap((event) => (event.kind === 'progress' ? [event.report] : []))
      expect(done.map((report) => report.done)).toEqual(done.map((report) => report.done).toSorted((a, b) => a - b))
      expect([...new Set(done.map((report) => report.done))]).toEqual([0, 1, 2, 3, 4, 5])
      expect(done.every(({ job, total }) => job === `run ${runId}` && total === 5)).toBe(true)
      expect(done.every(({ label, unit }) => label === 'micro, seed 5' && unit === 'steps')).toBe(true)
      const [first] = steps
      const after = done.find((report) => report.done === 1)!
      expect(after.tokensPerSecond! / (first!.tokens / (first!.wallMs / 1000))).toBeCloseTo(1, 9)
      const kept = context.store.checkpoints.ofRun(runId)
      expect(kept.map(({ step }) => step)).toEqual([2, 4, 5])
      const { uid, modelId } = context.store.runs.get(runId)!
      for (const { step, contentId, ...record } of kept) {
        expect(record).toMatchObject({ kind: 'full', modelId, resumable: true, pinned: false })
        const folder = join(context.store.checkpointsFolder, contentId)
        expect((await loadCheckpoint(folder)).meta).toMatchObject({ step, run: uid, weights: expect.any(String) as unknown })
        expect(record.bytes).toBe(readdirSync(folder).reduce((sum, file) => sum + statSync(join(folder, file)).size, 0))
      }
    } finally {
      context.close()
    }
  })

  it('is finished where it is told to pause after its last step, and paused where that is not the last', async () => {
    const context = bench.open('paused')
    try {
      for (const [at, status] of [
        [2, 'finished'],
        [1, 'paused'],
      ] as const) {
        const runId = await createRun(context, microSpec(bench.start, { name: 'dr-grpo' }, { steps: 2 }))
        await trainRun(context, runId, { control: () => (context.store.runs.get(runId)!.lastStep === at ? 'pause' : 'go') })
        expect([context.store.runs.get(runId)!.status, context.store.runs.get(runId)!.lastStep]).toEqual([status, at])
        expect(context.store.checkpoints.newest(runId)!.step).toBe(at)
      }
      await expect(trainRun(context, 999)).rejects.toEqual(
        refusal('run.unknown', { expected: 'the id of a run', found: '999', next: 'mrt runs' }),
      )
    } finally {
      context.close()
    }
  })

  it('says in an event why it cannot go on, and waits where a disk is full', async () => {
    const context = bench.open('unable')
    try {
      for (const [thrown, status, code] of [
        [new Error('no memory for the weights'), 'failed', 'run.failed'],
        [Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC' }), 'paused', 'run.pausedByDisk'],
      ] as const) {
        const runId = await createRun(context, microSpec(bench.start, { name: 'dr-grpo' }))
        const createParameters = (): never => {
          throw thrown
        }
        const { store, now } = context
        const told: LabEvent[] = []
        const broken = { store, now, engine: { ...context.engine, createParameters } as never }
        await expect(trainRun(broken, runId, { onEvent: (event) => told.push(event) })).rejects.toThrow()
        expect(store.runs.get(runId)!.status).toBe(status)
        const { error } = store.runs.get(runId)!
        expect(error).toEqual(
          refusal(
            code === 'run.failed' ? code : 'disk.full',
            code === 'run.failed' ? { expected: 'the run to go on', found: String(thrown) } : {},
          ),
        )
        const [event, ...others] = store.events.ofRun(runId, null, 0, 10)
        expect([event, others]).toMatchObject([{ kind: 'lifecycle', level: 'error', code, step: null, data: null }, []])
        expect(event!.message).toBe(`Expected ${error!.expected}; found ${error!.found}. ${error!.next}`)
        expect(told.flatMap((each) => (each.kind === 'event' ? [each.event] : []))).toEqual([event])
      }
    } finally {
      context.close()
    }
  })

  it('says why it cannot go on even where its disk takes no event of that, and what else goes wrong with that event', async () => {
    const context = bench.open('unable to say')
    try {
      const refusing = async (refused: Error): Promise<unknown> => {
        const runId = await createRun(context, microSpec(bench.start, { name: 'dr-grpo' }))
        const { store, now } = context
        const createParameters = (): never => {
          throw new Error('no memory for the weights')
        }
        const add = (): never => {
          throw refused
        }
        const broken = {
          store: { ...store, events: { ...store.events, add } },
          now,
          engine: { ...context.engine, createParameters } as never,
        }
        return trainRun(broken, runId).catch((error: unknown) => (error as Error).message)
      }
      expect(await refusing(Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC' }))).toBe(
        'no memory for the weights',
      )
      expect(await refusing(new Error('a bug'))).toBe('a bug')
    } finally {
      context.close()
    }
  })

  it('is cancelled within a step and stays resumable', async () => {
    const context = bench.open('cancelled')
    try {
      const runId = await createRun(context, microSpec(bench.start, { name: 'dr-grpo' }))
      const controller = new AbortController()
      await trainRun(context, runId, {
        signal: controller.signal,
        onEvent: (event) => {
          if (event.kind === 'step' && event.step.step === 2) controller.abort()
        },
      })
      expect(context.store.runs.get(runId)).toMatchObject({ status: 'interrupted', lastStep: 2 })
    } finally {
      context.close()
    }
  })

  it.each([
    [{ algorithm: { name: 'grop' } }, 'run.algorithm'],
    [{ algorithm: { name: 'mrt-exact', options: { alpha: -1 } } }, 'run.algorithm'],
    [{ algorithm: { name: 'dr-grpo' }, steps: 0 }, 'run.spec'],
    [{ algorithm: { name: 'dr-grpo' }, stepz: 3 }, 'run.spec'],
    [{ algorithm: { name: 'dr-grpo' }, start: '/nowhere' }, 'start.unknown'],
    [{ algorithm: { name: 'dr-grpo' }, start: 'checkpoint:99' }, 'start.unknown'],
  ])('refuses %o with the code %s before anything is recorded', async (spec, code) => {
    const context = bench.open('refused')
    try {
      await expect(createRun(context, spec)).rejects.toSatisfy((error) => error instanceof LabError && error.code === code)
      expect(context.store.runs.list()).toEqual([])
    } finally {
      context.close()
    }
  })
})

describe('evaluations during training', () => {
  const every = { steps: 5, checkpointEvery: 3, evaluation: { every: 2, problems: 4, samples: 2, budgets: [16] } }
  const curveOf = ({ store }: LabContext, runId: number) =>
    store.evaluations
      .ofRun(runId)
      .map(({ step, status, metrics, id }) => [step, status, metrics['ttc/acc@24'], store.evaluations.results(id).length])

  it('are stored with their step and their checkpoint, and training goes on as if there were none', async () => {
    const context = bench.open('every')
    try {
      const runId = await createRun(context, microSpec('starter', { name: 'dr-grpo' }, every))
      await trainRun(context, runId)
      expect(curveOf(context, runId).map(([step, status]) => [step, status])).toEqual([
        [2, 'finished'],
        [4, 'finished'],
      ])
      for (const { step, checkpointId } of context.store.evaluations.ofRun(runId))
        expect(context.store.checkpoints.get(checkpointId!)!.step).toBe(step)
      const without = await createRun(
        context,
        microSpec('starter', { name: 'dr-grpo' }, { ...every, evaluation: { ...every.evaluation, every: 0 } }),
      )
      await trainRun(context, without)
      expect((await numbersOf(context, runId)).weights).toEqual((await numbersOf(context, without)).weights)
    } finally {
      context.close()
    }
  })

  it('are neither lost nor repeated when the run is cut short within one and goes on', async () => {
    const context = bench.open('every-resumed')
    try {
      const runId = await createRun(context, microSpec('starter', { name: 'dr-grpo' }, every))
      const whole = await createRun(context, microSpec('starter', { name: 'dr-grpo' }, every))
      await trainRun(context, whole)
      for (const cutAtStep of [2, 4]) {
        const controller = new AbortController()
        await trainRun(context, runId, {
          signal: controller.signal,
          onEvent: (event) => {
            if (
              event.kind === 'progress' &&
              event.report.job.startsWith('evaluation') &&
              context.store.runs.get(runId)!.lastStep === cutAtStep
            )
              controller.abort()
          },
        })
        expect(context.store.runs.get(runId)).toMatchObject({ status: 'interrupted', lastStep: cutAtStep })
      }
      await trainRun(context, runId)
      expect(curveOf(context, runId)).toEqual(curveOf(context, whole))
    } finally {
      context.close()
    }
  })

  it('that failed are made anew when the run goes on, and the failed ones go', async () => {
    const context = bench.open('every-failed')
    try {
      const runId = await createRun(context, microSpec('starter', { name: 'dr-grpo' }, { ...every, steps: 3 }))
      const { evaluations } = context.store
      const finish: typeof evaluations.finish = (id, end) => {
        if (end.status === 'finished') throw new Error('no room for what was measured')
        evaluations.finish(id, end)
      }
      const full = { ...context, store: { ...context.store, evaluations: { ...evaluations, finish } } }
      await expect(trainRun(full, runId)).rejects.toThrow('no room for what was measured')
      expect(curveOf(context, runId).map(([step, status]) => [step, status])).toEqual([[2, 'failed']])
      await trainRun(context, runId)
      expect(curveOf(context, runId).map(([step, status]) => [step, status])).toEqual([[2, 'finished']])
    } finally {
      context.close()
    }
  })
})

describe('live regret and progress', () => {
  it('are over the same observed groups for every method: the first step of all of them, which samples alike, says the same', async () => {
    const context = bench.open('observed')
    try {
      const names = ['ttc/regret@24', 'mrt/progress_mean', 'mrt/j_start_mean', 'mrt/j_end_mean', 'ttc/accuracy']
      const said: string[][] = []
      for (const algorithm of [
        { name: 'dr-grpo' },
        { name: 'mrt-exact' },
        { name: 'mrt-online' },
        { name: 'mrt-pooled' },
        { name: 'mrt-termination', options: { baseline: 'J' } },
      ]) {
        const runId = await createRun(context, microSpec('starter', algorithm, { steps: 1, observeGroups: 2 }))
        await trainRun(context, runId)
        const { metrics } = context.store.steps.get(runId, 1)!
        said.push(names.map((name) => metrics[name]!.toFixed(5)))
        expect(metrics['mrt/batch_progress_mean'] === undefined).toBe(['dr-grpo', 'mrt-pooled'].includes(algorithm.name))
      }
      expect(said).toEqual(said.map(() => said[0]))
    } finally {
      context.close()
    }
  })
})

describe('a method of two arms', () => {
  it('is watched by full rollouts of its own, which are recorded as such, cost what is counted as estimates, and teach nothing', async () => {
    const context = bench.open('arms')
    try {
      const trained = async (more: Partial<RunSpecInput>) => {
        const runId = await createRun(
          context,
          microSpec('starter', { name: 'mrt-pooled', options: { continuations: 2, terminations: 2 } }, { steps: 1, ...more }),
        )
        await trainRun(context, runId)
        const rows = context.store.rollouts.page({ filter: { runId }, sort: 'place', descending: false, limit: 100, after: null }).rollouts
        return {
          runId,
          rows,
          step: context.store.steps.get(runId, 1)!,
          weights: (await loadCheckpoint(join(context.store.checkpointsFolder, context.store.checkpoints.newest(runId)!.contentId))).meta
            .weights,
        }
      }
      const [unwatched, watched] = [await trained({ observeGroups: 0 }), await trained({ observeGroups: 2, groupSize: 3 })]
      const apart = watched.rows.filter(({ discardReason }) => discardReason === 'observed-only')
      expect(apart.map(({ group, sample, used }) => [group, sample, used])).toEqual(
        [3, 4].flatMap((group) => [0, 1, 2].map((sample) => [group, sample, false])),
      )
      expect(watched.rows.filter((row) => !apart.includes(row)).map(({ reward, advantage }) => [reward, advantage])).toEqual(
        unwatched.rows.map(({ reward, advantage }) => [reward, advantage]),
      )
      expect([watched.step.tokens, watched.weights]).toEqual([unwatched.step.tokens, unwatched.weights])
      expect(watched.step.estimateTokens).toBeGreaterThan(apart.reduce((sum, { tokenCount }) => sum + tokenCount, 0))
      expect(unwatched.step.estimateTokens).toBe(0)
    } finally {
      context.close()
    }
  })
})

describe('an evaluation', () => {
  it('records curves with intervals, one result per problem, and the rollouts behind them', async () => {
    const context = bench.open('evaluation')
    try {
      const runId = await createRun(context, microSpec(bench.start, { name: 'dr-grpo' }, { steps: 1 }))
      await trainRun(context, runId)
      const id = await evaluateRun(context, { runId })
      const evaluation = context.store.evaluations.get(id)!
      expect(evaluation).toMatchObject({ status: 'finished', problemCount: 8, budgets: [8, 16, 24, 32], trainedBudget: 24 })
      const points = context.store.evaluations.points(id).filter(({ curve }) => curve === 'natural-regret')
      expect(points.map(({ x, extrapolated }) => [x, extrapolated])).toEqual([
        [8, false],
        [16, false],
        [24, false],
        [32, true],
      ])
      for (const { value, low, high } of points) expect(low! <= value && value <= high!).toBe(true)
      expect(context.store.rollouts.group({ evaluationId: id })).toHaveLength(8 * (2 + 2))
      const keptOnly = context.store.rollouts.page({
        filter: { evaluationId: id, keptThinking: true },
        sort: 'place',
        descending: false,
        limit: 100,
        after: null,
      }).rollouts
      expect(keptOnly.map(({ sample }) => sample % 4)).toEqual(Array.from({ length: 16 }, (_, index) => 2 + (index % 2)))
    } finally {
      context.close()
    }
  })

  it('that was cut short is made anew, once for the same weights and problems, and the broken ones go', async () => {
    const context = bench.open('cut-short')
    try {
      const runId = await createRun(context, microSpec(bench.start, { name: 'dr-grpo' }, { steps: 1 }))
      await trainRun(context, runId)
      const whole = await evaluateRun(context, { runId })
      for (let cut = 0; cut < 2; cut++) {
        const controller = new AbortController()
        await expect(evaluateRun(context, { runId }, { signal: controller.signal, onEvent: () => controller.abort() })).rejects.toThrow()
      }
      expect(context.store.evaluations.ofRun(runId).map(({ status }) => status)).toEqual(['finished', 'interrupted', 'interrupted'])
      const again = await finishEvaluations(context, runId)
      expect(again).toHaveLength(1)
      expect(context.store.evaluations.ofRun(runId).map(({ id, status }) => [id, status])).toEqual([
        [whole, 'finished'],
        [again[0], 'finished'],
      ])
      expect(context.store.evaluations.results(again[0]!)).toEqual(context.store.evaluations.results(whole))
      expect(await finishEvaluations(context, runId)).toEqual([])
    } finally {
      context.close()
    }
  })

  it('that a killed process left running is offered by the next start', async () => {
    const context = bench.open('left-running')
    const runId = await createRun(context, microSpec(bench.start, { name: 'dr-grpo' }, { steps: 1 }))
    await trainRun(context, runId)
    const [checkpoint] = context.store.checkpoints.ofRun(runId)
    const whole = context.store.evaluations.get(await evaluateRun(context, { runId }))!
    const { id, ...record } = whole
    const left = context.store.evaluations.add(record)
    context.close()
    writeFileSync(join(bench.folder, 'left-running', 'workspace.owner.json'), '{}')
    const next = bench.open('left-running')
    try {
      expect(next.store.recovery!.interruptedEvaluations).toEqual([
        { evaluationId: left.id, runId, name: 'micro', step: 1, checkpointId: checkpoint!.id, split: 'heldout' },
      ])
      expect(next.store.evaluations.get(left.id)!.status).toBe('interrupted')
      expect(await finishEvaluations(next, runId)).toHaveLength(1)
      expect(next.store.evaluations.get(id)!.status).toBe('finished')
    } finally {
      next.close()
    }
  })

  it('pairs: the same weights evaluated twice give the same result on every problem', async () => {
    const context = bench.open('pairing')
    try {
      const runId = await createRun(context, microSpec(bench.start, { name: 'dr-grpo' }, { steps: 1 }))
      await trainRun(context, runId)
      const [a, b] = [await evaluateRun(context, { runId }), await evaluateRun(context, { runId })]
      expect(context.store.evaluations.results(b)).toEqual(context.store.evaluations.results(a))
    } finally {
      context.close()
    }
  })
})

/** Trains in another process and kills it with SIGKILL in the middle of the step after `steps` were recorded. */
async function trainAndKill(folder: string, runId: number, steps: number): Promise<void> {
  const child = fork(join(import.meta.dirname, 'trainChild.ts'), [folder, String(runId)], { execArgv: [], silent: true })
  await new Promise<void>((done, failed) => {
    child.on('message', (message: { step?: number; sampled?: boolean }) => {
      if ((message.step ?? 0) >= steps) child.kill('SIGKILL')
    })
    child.once('error', failed)
    child.once('exit', () => done())
  })
}

describe('a run that cannot go on', () => {
  it('stops with a coded event when its learning rate has blown the weights up, and earlier steps stay', async () => {
    const context = bench.open('diverging')
    try {
      const runId = await createRun(context, microSpec('starter', { name: 'mrt-exact' }, { steps: 6, optimizer: { lr: 1e9 } }))
      await expect(trainRun(context, runId)).rejects.toMatchObject({ code: 'run.diverged' })
      expect(context.store.runs.get(runId)).toMatchObject({ status: 'failed', error: { code: 'run.diverged' } })
      expect(context.store.events.ofRun(runId, null, 0, 100).map(({ code }) => code)).toContain('run.diverged')
      expect(context.store.runs.get(runId)!.lastStep).toBeGreaterThan(0)
    } finally {
      context.close()
    }
  })

  it('pauses when no checkpoint can be written, says what to do, and goes on once it can', async () => {
    const context = bench.open('no-room')
    try {
      const whole = await createRun(context, microSpec(bench.start, { name: 'grpo' }))
      await trainRun(context, whole)
      const runId = await createRun(context, microSpec(bench.start, { name: 'grpo' }))
      const full = {
        ...context.store,
        get checkpointsFolder(): string {
          throw Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' })
        },
      }
      const told: string[] = []
      await expect(
        trainRun({ ...context, engine: context.engine, store: full }, runId, {
          onEvent: (event) => event.kind === 'event' && told.push(event.event.code),
        }),
      ).rejects.toMatchObject({
        code: 'disk.full',
        expected: expect.stringContaining(context.store.folder),
        next: expect.stringContaining('Free some space'),
      })
      expect([context.store.runs.get(runId)!.status, context.store.runs.get(runId)!.error?.code, told]).toEqual([
        'paused',
        'disk.full',
        ['run.pausedByDisk'],
      ])
      await trainRun(context, runId)
      expect(await numbersOf(context, runId)).toEqual(await numbersOf(context, whole))
    } finally {
      context.close()
    }
  })

  it('is refused as a setting when a budget needs more positions than the model has', async () => {
    const context = bench.open('positions')
    try {
      await expect(
        createRun(context, microSpec(bench.start, { name: 'grpo' }, { budget: { thinkingTokens: 100_000 } })),
      ).rejects.toMatchObject({ code: 'run.spec', found: '100000' })
      await expect(
        createRun(context, microSpec(bench.start, { name: 'grpo' }, { evaluation: { budgets: [8, 300] } })),
      ).rejects.toMatchObject({ code: 'run.spec', found: '300' })
      expect(context.store.runs.list()).toEqual([])
    } finally {
      context.close()
    }
  })
})
