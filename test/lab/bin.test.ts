// The bin: emptying it takes the files with it, and says how many bytes that freed on disk.
import { existsSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { runQueries } from '../../src-main/lab/answers/queriesRuns.ts'
import { createRun } from '../../src-main/lab/training/createRun.ts'
import { trainRun } from '../../src-main/lab/training/trainRun.ts'
import { microSpec, openBench } from './micro.ts'
import type { Bench } from './micro.ts'

let bench: Bench
beforeAll(async () => {
  bench = await openBench()
})
afterAll(() => bench.dispose())

const bytesOf = (folder: string): number => readdirSync(folder).reduce((sum, file) => sum + statSync(join(folder, file)).size, 0)

it('deletes the checkpoint files of the runs in it, keeps those that another run refers to, and reports what it freed', async () => {
  const context = bench.open('bin')
  try {
    const { store } = context
    const [gone, stays] = [
      await createRun(context, microSpec(bench.start, { name: 'dr-grpo' }, { steps: 2, checkpointEvery: 1 })),
      await createRun(context, microSpec(bench.start, { name: 'dr-grpo' }, { steps: 1, seed: 6 })),
    ]
    for (const runId of [gone, stays]) await trainRun(context, runId)
    const [first, last] = store.checkpoints.ofRun(gone)
    const [own] = store.checkpoints.ofRun(stays)
    const folderOf = ({ contentId }: { readonly contentId: string }): string => join(store.checkpointsFolder, contentId)
    // Another run has the same weights on record.
    store.checkpoints.add({ ...own!, contentId: first!.contentId })
    const freed = bytesOf(folderOf(last!))

    const runs = runQueries(
      () => store,
      () => null,
      () => null,
    )
    await runs.remove({ runId: gone }, { signal: new AbortController().signal })
    expect([first, last, own].map((each) => existsSync(folderOf(each!)))).toEqual([true, true, true])
    expect(await runs.emptyBin(null as never, { signal: new AbortController().signal })).toMatchObject({
      steps: 2,
      checkpoints: 2,
      checkpointBytes: freed,
    })
    expect([first, last, own].map((each) => existsSync(folderOf(each!)))).toEqual([true, false, true])
    expect(store.runs.get(gone)).toBeNull()
  } finally {
    context.close()
  }
})
