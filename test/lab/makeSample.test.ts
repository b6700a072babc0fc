import { mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { evaluateRun } from '../../src-main/lab/comparing/evaluateRun.ts'
import { makeSample } from '../../src-main/lab/files/makeSample.ts'
import { createRun } from '../../src-main/lab/training/createRun.ts'
import { trainRun } from '../../src-main/lab/training/trainRun.ts'
import { loadCheckpoint } from '../../src-main/model/checkpoint.ts'
import { parameterCount } from '../../src-main/model/config.ts'
import { openStore } from '../../src-main/store/openStore.ts'
import { MICRO_CONFIG, microSpec, openBench } from './micro.ts'
import type { Bench } from './micro.ts'
import { makeWorkspace, rollout } from './records.ts'

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
    const left = readdirSync(folder).sort()

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
      const place = join(sample.checkpointsFolder, checkpoint!.contentId)
      expect(checkpoint!.bytes).toBe(readdirSync(place).reduce((sum, name) => sum + statSync(join(place, name)).size, 0))
      // Two bytes for each number, and what says so.
      expect(checkpoint!.bytes / parameterCount(MICRO_CONFIG)).toBeLessThan(2.5)
      expect((await loadCheckpoint(join(sample.checkpointsFolder, checkpoint!.contentId))).optimizer).toBeNull()
    } finally {
      sample.close()
    }
    expect(left).toEqual(['checkpoints', 'workspace.db'])
  })

  it('takes the place of what is there, and has of a run without weights the first step, the last and every so many between', async () => {
    const source = join(bench.folder, 'filled')
    const { runIds, evaluationIds, problemIds } = makeWorkspace(source)
    const store = openStore(source, { program: 'test' })
    const folder = join(bench.folder, 'replaced')
    mkdirSync(folder)
    writeFileSync(join(folder, 'left'), 'of before')
    try {
      const [, kept, , other] = runIds as [number, number, number, number]
      for (const runId of [kept, other]) for (const { id } of store.checkpoints.ofRun(runId)) store.checkpoints.remove(id)
      store.rollouts.add({ runId: kept, evaluationId: null, phase: 'train', step: 1 }, [rollout(problemIds[0]!, 1, 0, true)])
      store.rollouts.add(
        { runId: other, evaluationId: evaluationIds[3]!, phase: 'eval', step: 9 },
        problemIds.map((id, group) => rollout(id, group, 0, true)),
      )
      await makeSample(store, folder, { runIds: [kept, other], everySteps: 2, groups: 1, evaluationProblems: 3 })
    } finally {
      store.close()
    }
    const sample = openStore(folder, { program: 'test' })
    try {
      expect(sample.runs.list().map(({ run }) => [run.id, run.name])).toEqual([
        [1, 'dr-grpo'],
        [2, 'mrt-exact'],
      ])
      for (const runId of [1, 2])
        expect([1, 2, 3, 4].map((step) => sample.rollouts.group({ runId, steps: [step, step] }).length)).toEqual([4, 4, 0, 4])
      expect(sample.rollouts.group({ evaluationId: sample.evaluations.ofRun(2)[0]!.id })).toHaveLength(3)
      expect(readdirSync(folder)).not.toContain('left')
    } finally {
      sample.close()
    }
  })
})
