import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { evaluateRun } from '../../src-main/lab/comparing/evaluateRun.ts'
import { makeSample } from '../../src-main/lab/files/makeSample.ts'
import { createRun } from '../../src-main/lab/training/createRun.ts'
import { trainRun } from '../../src-main/lab/training/trainRun.ts'
import { loadCheckpoint } from '../../src-main/model/checkpoint.ts'
import { openStore } from '../../src-main/store/openStore.ts'
import { microSpec, openBench } from './micro.ts'
import type { Bench } from './micro.ts'

let bench: Bench
beforeAll(async () => {
  bench = await openBench()
})
afterAll(() => bench.dispose())

describe('the sample workspace', () => {
  it('keeps the chosen runs with all metrics and results, some rollouts and all of the watch list, and their last weights', async () => {
    const context = bench.open('whole')
    const ids: number[] = []
    for (const name of ['dr-grpo', 'mrt-exact']) {
      ids.push(await createRun(context, microSpec(bench.start, { name }, { steps: 4, watch: { problems: 2, every: 1, samples: 1 } })))
      await trainRun(context, ids.at(-1)!)
      await evaluateRun(context, { runId: ids.at(-1)! })
    }
    const whole = context.store.steps.range(ids[1]!, 1, 4)
    const folder = join(bench.folder, 'sample')
    await makeSample(context.store, folder, { runIds: [ids[1]!], everySteps: 3, groups: 1, evaluationProblems: 2 })
    context.close()

    const sample = openStore(folder, { program: 'test' })
    try {
      expect(sample.runs.list().map(({ run, rolloutCount }) => [run.id, rolloutCount])).toEqual([[1, 28]])
      expect(sample.steps.range(1, 1, 4)).toEqual(whole.map((step) => ({ ...step, runId: 1 })))
      expect([1, 2, 3, 4].map((step) => sample.steps.groups({ runId: 1, step }).length)).toEqual([3, 2, 3, 3])
      const [evaluation] = sample.evaluations.ofRun(1)
      expect(sample.evaluations.results(evaluation!.id)).toHaveLength(8)
      expect(sample.rollouts.group({ evaluationId: evaluation!.id })).toHaveLength(8)
      const [checkpoint, ...others] = sample.checkpoints.ofRun(1)
      expect([checkpoint!.step, checkpoint!.resumable, others.length]).toEqual([4, false, 0])
      expect((await loadCheckpoint(join(sample.checkpointsFolder, checkpoint!.contentId))).optimizer).toBeNull()
    } finally {
      sample.close()
    }
    expect(existsSync(join(folder, 'backups'))).toBe(false)
  })
})
