// The comparison that the quickstart prints: which of a run's evaluations it speaks of.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { compareReport } from '../../src-main/lab/comparing/report.ts'
import { openStore } from '../../src-main/store/openStore.ts'
import { AT_MS, BUDGETS, fill } from './records.ts'

const folder = mkdtempSync(join(tmpdir(), 'mrt-report-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

describe('the report of a comparison', () => {
  it('speaks of the evaluation of the latest step, also when an earlier checkpoint was measured after it', () => {
    const store = openStore(folder, { create: true, now: () => AT_MS })
    const { runIds, evaluationIds, problemIds } = fill(store)
    const before = compareReport(store, runIds, runIds[0]!).runs[0]!
    const { modelId, datasetId } = store.evaluations.get(evaluationIds[0]!)!
    const { id } = store.evaluations.add({
      name: 'earlier',
      runId: runIds[0]!,
      checkpointId: null,
      modelId,
      datasetId,
      split: 'heldout',
      step: 2,
      config: {},
      budgets: BUDGETS,
      trainedBudget: 20,
      samplesPerProblem: 2,
      createdAtMs: AT_MS + 1,
    })
    const nothing = Float32Array.from([0, 0, 0])
    store.evaluations.addResults(
      id,
      problemIds.map((problemId) => ({
        problemId,
        samples: 2,
        accuracy: 0,
        meanTokens: 1,
        accuracyAtBudget: nothing,
        regretAtBudget: nothing,
        keptAtBudget: nothing,
        keptWholeAtBudget: nothing,
        keptRegretAtBudget: nothing,
      })),
      [],
    )
    store.evaluations.finish(id, {
      status: 'finished',
      atMs: AT_MS + 2,
      wallMs: 1,
      tokens: 1,
      metrics: { accuracy: 0, 'completions/mean_length': 1 },
      points: [],
    })
    expect(compareReport(store, runIds, runIds[0]!).runs[0]).toEqual(before)
    store.close()
  })
})
