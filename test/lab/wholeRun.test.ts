// A run from wherever it is to one that is evaluated: what is done, in which order, what is not done twice, and what is noticed at its end.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Json, RunStatus } from '../../src-preload/contract.ts'
import type { JobOptions, LabContext } from '../../src-main/lab/process/context.ts'
import { watchEvaluations, wholeRun } from '../../src-main/lab/training/wholeRun.ts'
import { openStore, type Store } from '../../src-main/store/openStore.ts'
import { newEvaluation } from '../store/runRecord.ts'
import { AT_MS, BUDGETS, fill, specOf, type Filled } from './records.ts'

let folder: string
let store: Store
let filled: Filled
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'whole-run-'))
  store = openStore(join(folder, 'workspace'), { create: true, now: () => AT_MS })
  filled = fill(store)
})
afterEach(() => {
  store.close()
  rmSync(folder, { recursive: true, force: true })
})

/** Experiments that note that they were done. @param becomes how the run stands after its training */
function noted(runId: number, becomes: RunStatus, whileTraining = (): void => {}) {
  const done: string[] = []
  return {
    done,
    parts: {
      trainRun: async () => {
        done.push('train')
        store.runs.setStatus(runId, becomes, AT_MS)
        whileTraining()
      },
      evaluateStart: async () => void done.push('evaluate the start'),
      evaluateRun: async () => void done.push('evaluate it'),
    } as never,
  }
}
const context = (): LabContext => ({ store, now: () => AT_MS }) as unknown as LabContext

describe('a whole run', () => {
  it('is trained, what it started from is evaluated, and then what it became', async () => {
    const runId = filled.runIds[0]!
    store.runs.setStatus(runId, 'paused', AT_MS)
    const { done, parts } = noted(runId, 'finished')
    await wholeRun(parts, context(), runId, {})
    expect(done).toEqual(['train', 'evaluate the start', 'evaluate it'])
  })

  it('is not trained again where it is finished', async () => {
    const { done, parts } = noted(filled.runIds[0]!, 'finished')
    await wholeRun(parts, context(), filled.runIds[0]!, {})
    expect(done).toEqual(['evaluate the start', 'evaluate it'])
  })

  it('ends without an evaluation where its training was paused', async () => {
    const runId = filled.runIds[0]!
    store.runs.setStatus(runId, 'paused', AT_MS)
    const { done, parts } = noted(runId, 'paused')
    await wholeRun(parts, context(), runId, {})
    expect(done).toEqual(['train'])
  })

  it('is not evaluated where it was told to end while its last step was taken', async () => {
    const runId = filled.runIds[0]!
    store.runs.setStatus(runId, 'running', AT_MS)
    const end = new AbortController()
    const { done, parts } = noted(runId, 'finished', () => end.abort(new Error('told to end')))
    await expect(wholeRun(parts, context(), runId, { signal: end.signal })).rejects.toThrow('told to end')
    expect(done).toEqual(['train'])
  })
})

/** A finished run without an evaluation, from the start that has one (13 tokens on average, half of the answers right at 40 tokens). */
function freshRun(): number {
  const { modelId, datasetId } = store.runs.get(filled.runIds[0]!)!
  const { id } = store.runs.add({
    name: 'fresh',
    method: 'dr-grpo',
    algorithm: 'dr-grpo',
    config: specOf('dr-grpo', 9) as unknown as Json,
    seed: 9,
    groupKey: 'fresh',
    modelId,
    datasetId,
    parentRunId: null,
    parentStep: null,
    plannedSteps: 4,
    environment: {},
    note: '',
    createdAtMs: AT_MS,
  })
  store.runs.setStatus(id, 'finished', AT_MS)
  return id
}

function evaluated(runId: number, metrics: Readonly<Record<string, number>>): void {
  const run = store.runs.get(runId)!
  const { id } = store.evaluations.add(
    newEvaluation(run.datasetId!, {
      runId,
      modelId: run.modelId,
      split: 'heldout',
      step: 4,
      config: {},
      budgets: BUDGETS,
      trainedBudget: 20,
    }),
  )
  store.evaluations.finish(id, { status: 'finished', atMs: AT_MS, wallMs: 5, tokens: 100, metrics, points: [] })
}

describe('what evaluations say against each other', () => {
  type Told = Parameters<NonNullable<JobOptions['onEvent']>>[0]
  const told = (runId: number): Told[] => {
    const messages: Told[] = []
    watchEvaluations({ store, now: () => AT_MS + 5 }, runId, (message) => void messages.push(message))
    return messages
  }

  it('is noticed against the start: shorter answers that are right less often at the largest budget', () => {
    const runId = freshRun()
    evaluated(runId, { accuracy: 0.3, 'completions/mean_length': 5, 'ttc/acc@40': 0.3 })
    const [message, ...more] = told(runId)
    expect(more).toEqual([])
    expect(message).toMatchObject({ kind: 'event', event: { runId, step: 4, kind: 'health', code: 'length.tooStrong', atMs: AT_MS + 5 } })
    expect(store.events.ofRun(runId, 'health', 0, 9).map(({ code }) => code)).toEqual(['length.tooStrong'])
  })

  it('is nothing where answers got shorter and are as often right', () => {
    const runId = freshRun()
    evaluated(runId, { accuracy: 0.5, 'completions/mean_length': 5, 'ttc/acc@40': 0.5 })
    expect(told(runId)).toEqual([])
  })

  it('is nothing, and no error, where the run has no evaluation of its own', () => {
    expect(told(freshRun())).toEqual([])
  })

  it('takes accuracy for the accuracy at the largest budget where that was not recorded', () => {
    const runId = freshRun()
    evaluated(runId, { accuracy: 0.3, 'completions/mean_length': 5 })
    expect(told(runId).length).toBe(1)
    const as = freshRun()
    evaluated(as, { accuracy: 0.5, 'completions/mean_length': 5 })
    expect(told(as)).toEqual([])
  })
})
