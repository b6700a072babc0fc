// What an evaluation leaves on record: what it tells while it goes on, how it ends when it cannot, and what of those cut short it takes the place of.
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { evaluateRun, finishEvaluations, interruptedEvaluations, knownStartEvaluation } from '../../src-main/lab/comparing/evaluateRun.ts'
import type { OpenedContext } from '../../src-main/lab/process/openContext.ts'
import { createRun } from '../../src-main/lab/training/createRun.ts'
import { parseSpec } from '../../src-main/lab/training/runSpecs.ts'
import { loadStart } from '../../src-main/lab/training/start.ts'
import { trainRun } from '../../src-main/lab/training/trainRun.ts'
import type { LabEvent, RunSpecInput } from '../../src-preload/contract.ts'
import { microSpec, openBench, type Bench } from './micro.ts'

let bench: Bench
let context: OpenedContext
/** Two steps, with the weights of each. */
let runId: number
const input = (evaluation: RunSpecInput['evaluation'] = {}, steps = 2): RunSpecInput =>
  microSpec(
    bench.start,
    { name: 'dr-grpo' },
    { steps, checkpointEvery: 1, evaluation: { problems: 2, samples: 2, budgets: [8, 24], ...evaluation } },
  )
beforeAll(async () => {
  bench = await openBench()
  context = bench.open('evaluations')
  runId = await createRun(context, input())
  await trainRun(context, runId)
})
afterAll(() => {
  context.close()
  bench.dispose()
})
const evaluations = () => context.store.evaluations
const startOf = (evaluation: RunSpecInput['evaluation'] = {}) => ({ startOf: parseSpec(input(evaluation)) })

/** An evaluation of the run that was cut short. */
function cutShort(checkpointId: number | null, split = 'heldout'): number {
  const [like] = evaluations().ofRun(runId)
  const { id: _id, ...record } = like!
  const { id } = evaluations().add({ ...record, checkpointId, split })
  evaluations().finish(id, { status: 'interrupted', atMs: 1, wallMs: 1, tokens: 0, metrics: {}, points: [] })
  return id
}

describe('an evaluation', () => {
  it('is refused for a run that there is not, or that has no weights', async () => {
    await expect(evaluateRun(context, { runId: 999 })).rejects.toMatchObject({ code: 'run.unknown', found: '999' })
    const untrained = await createRun(context, input())
    await expect(evaluateRun(context, { runId: untrained })).rejects.toMatchObject({
      code: 'evaluation.noCheckpoint',
      expected: `a checkpoint of run ${untrained}`,
    })
    expect(evaluations().ofRun(untrained)).toEqual([])
  })

  it('goes as far as the positions of the model, and no further', async () => {
    const known = evaluations().list().length
    // 256 positions: 24 of them for the prompt and 8 for the answer.
    await expect(evaluateRun(context, startOf({ problems: 1, longest: 225 }))).rejects.toMatchObject({
      code: 'evaluation.tooLong',
      expected: 'thoughts that fit into the 256 positions of start',
      found: '257 tokens with prompt and answer',
    })
    expect(evaluations().list()).toHaveLength(known)
    const id = await evaluateRun(context, startOf({ problems: 1, longest: 224 }))
    expect(evaluations().get(id)!.status).toBe('finished')
  })

  it('of a start belongs to no run, and says how J was measured and what was counted', async () => {
    const id = await evaluateRun(context, startOf())
    expect(evaluations().get(id)).toMatchObject({
      name: 'start',
      runId: null,
      checkpointId: null,
      step: 0,
      split: 'heldout',
      status: 'finished',
      trainedBudget: 24,
      samplesPerProblem: 2,
      config: { estimator: 'exact mu at boundaries and budgets', tokensCounted: 'prompt, thinking and answer', longest: 72 },
    })
  })

  it('tells how far it is in hundredths, and at its end of itself', async () => {
    const told: LabEvent[] = []
    const began = performance.now()
    const id = await evaluateRun(context, { runId }, { onEvent: (event) => told.push(event) })
    const took = performance.now() - began
    const evaluation = evaluations().get(id)!
    expect([evaluation.wallMs > 0, evaluation.wallMs <= took, evaluation.tokens > 0]).toEqual([true, true, true])
    expect(told.at(-1)).toEqual({ kind: 'evaluation', evaluation })
    const reports = told.slice(0, -1).map((event) => (event.kind === 'progress' ? [event.runId, event.report] : []))
    const done = reports.map(([, report]) => (report as { done: number }).done)
    expect(reports.at(-1)).toEqual([
      runId,
      expect.objectContaining({ job: `evaluation ${id}`, label: 'evaluating micro', done: 100, total: 100, unit: '%' }),
    ])
    expect([done, done.includes(95)]).toEqual([[...done].sort((a, b) => a - b), true])
  })

  it('keeps its rollouts with the weights, the window and the room that they were drawn with', async () => {
    const windowed = await createRun(context, input({ window: 40 }, 1))
    await trainRun(context, windowed)
    const id = await evaluateRun(context, { runId: windowed })
    const { id: checkpointId } = context.store.checkpoints.newest(windowed)!
    const { rollouts } = context.store.rollouts.page({
      filter: { evaluationId: id },
      sort: 'place',
      descending: false,
      limit: 100,
      after: null,
    })
    expect(rollouts).toHaveLength(2 * (2 + 2))
    for (const row of rollouts) {
      const { provenance, progress, rollout } = context.store.rollouts.detail(row.id)!
      expect(rollout).toMatchObject({ budgetTokens: 72, phase: 'eval', step: 1, runId: windowed })
      expect(provenance).toMatchObject({
        source: 'sampled',
        checkpointId,
        policyStep: 1,
        device: 'cpu',
        file: null,
        sampling: { window: 40 },
      })
      expect(progress.map(({ estimator }) => estimator)).toEqual([
        {
          method: 'exact',
          samples: 0,
          weights: 'checkpoint',
          checkpointId,
          step: 1,
          prover: 1,
          template: provenance.template,
          temperature: 1,
        },
      ])
    }
    expect(evaluations().results(id)).toMatchObject([{ samples: 2 }, { samples: 2 }])
    const plain = await evaluateRun(context, startOf({ seed: 5 }))
    const [first] = context.store.rollouts.page({
      filter: { evaluationId: plain },
      sort: 'place',
      descending: false,
      limit: 1,
      after: null,
    }).rollouts
    expect(context.store.rollouts.detail(first!.id)!.provenance.sampling).not.toHaveProperty('window')
  })

  it('that fails is on record as such, with nothing found, and is not offered to be finished', async () => {
    const onEvent = (event: LabEvent): void => {
      if (event.kind === 'progress' && event.report.done === 95) throw new Error('nobody can hear it')
    }
    await expect(evaluateRun(context, { runId }, { onEvent })).rejects.toThrow('nobody can hear it')
    const failed = evaluations().list().at(-1)
    expect(failed).toMatchObject({ runId, status: 'failed', tokens: 0, problemCount: 0 })
    expect([failed!.metrics, failed!.wallMs < performance.now()]).toEqual([{}, true])
    expect(interruptedEvaluations(context.store, runId).map(({ id }) => id)).not.toContain(failed!.id)
  })

  it('takes the place of those cut short of the same weights and problems, and of no others', async () => {
    await evaluateRun(context, { runId })
    const [earlier, newest] = context.store.checkpoints.ofRun(runId).map(({ id }) => id) as [number, number]
    const same = cutShort(newest)
    const others = [cutShort(earlier), cutShort(newest, 'validation')]
    const gone = cutShort(null)
    const left = () =>
      interruptedEvaluations(context.store, runId)
        .map(({ id }) => id)
        .sort((a, b) => a - b)
    expect(left()).toEqual([same, ...others])
    await evaluateRun(context, { runId })
    expect(left()).toEqual(others)
    const known = evaluations().list().length
    await expect(finishEvaluations(context, runId, { signal: AbortSignal.abort() })).rejects.toThrow()
    expect([left(), evaluations().list().length]).toEqual([others, known])
    const made = await finishEvaluations(context, runId)
    const finished = made.map((id) => evaluations().get(id)!)
    expect(finished.map(({ checkpointId, split, status }) => [checkpointId, split, status]).sort()).toEqual(
      [
        [earlier, 'heldout', 'finished'],
        [newest, 'validation', 'finished'],
      ].sort(),
    )
    expect([left(), evaluations().get(gone)!.status]).toEqual([[], 'interrupted'])
    evaluations().remove(gone)
  })

  it('of a start is known once it is finished, on the problems that it was asked', async () => {
    const target = startOf({ seed: 3 })
    const { modelId } = await loadStart(context.store, target.startOf.start, context.now)
    const known = (split?: 'validation') => knownStartEvaluation(context, target.startOf, modelId, split)?.id ?? null
    const id = await evaluateRun(context, target)
    expect([known(), known('validation'), knownStartEvaluation(context, target.startOf, null)]).toEqual([id, null, null])
    evaluations().finish(id, { status: 'interrupted', atMs: 1, wallMs: 1, tokens: 0, metrics: {}, points: [] })
    expect(known()).toBeNull()
  })
})
