// Room on the disk: what is measured is what lies there, a preview takes nothing, pruning keeps what results are made of, and compacting gives bytes back.
import { existsSync, mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { storageAnswers } from '../../src-main/lab/files/storage.ts'
import { createRun } from '../../src-main/lab/training/createRun.ts'
import { trainRun } from '../../src-main/lab/training/trainRun.ts'
import { openStore } from '../../src-main/store/openStore.ts'
import { microSpec, openBench, type Bench } from './micro.ts'

let bench: Bench
beforeAll(async () => {
  bench = await openBench()
})
afterAll(() => bench.dispose())

const options = { signal: new AbortController().signal }
const everything = { rolloutsOf: [], checkpointsOf: [], backups: false, exports: false, preview: false }

it('measures, previews, prunes, compacts and copies a trained workspace', async () => {
  const context = bench.open('storage')
  try {
    const { store } = context
    const runId = await createRun(
      context,
      microSpec(bench.start, { name: 'dr-grpo' }, { steps: 4, checkpointEvery: 1, promptsPerStep: 8, groupSize: 8 }),
    )
    await trainRun(context, runId)
    const [first, second] = store.checkpoints.ofRun(runId)
    store.checkpoints.setPinned(first!.id, true)
    let busy = false
    const storage = storageAnswers({
      open: () => store,
      refuseWhileBusy: () => {
        if (busy) throw new Error('busy')
      },
    })
    const report = async () => storage.report(undefined as never, options)

    const before = await report()
    const [run] = before.runs
    expect(run).toMatchObject({ runId, rollouts: 4 * 64, answers: 0, checkpoints: 4, prunable: 2 })
    expect(run!.rolloutBytes).toBeGreaterThan(10_000)
    const folderBytes = (folder: string): number => readdirSync(folder).reduce((sum, name) => sum + statSync(join(folder, name)).size, 0)
    expect(run!.prunableBytes).toBeLessThan(before.checkpointBytes)
    expect(before.checkpointBytes).toBe(
      readdirSync(store.checkpointsFolder).reduce((sum, name) => sum + folderBytes(join(store.checkpointsFolder, name)), 0),
    )

    const asked = { ...everything, rolloutsOf: [runId], checkpointsOf: [runId] }
    const preview = await storage.prune({ ...asked, preview: true }, options)
    expect(preview).toMatchObject({ rollouts: 256, rolloutBytes: run!.rolloutBytes, checkpoints: 2 })
    expect((await report()).runs).toEqual(before.runs)

    busy = true
    await expect(storage.prune(asked, options)).rejects.toThrow('busy')
    busy = false
    expect(await storage.prune(asked, options)).toMatchObject({ rollouts: 256, checkpoints: 2 })
    const after = await report()
    expect(after.runs[0]).toMatchObject({ rollouts: 0, rolloutBytes: 0, checkpoints: 2, prunable: 0 })
    expect([first, second].map((each) => existsSync(join(store.checkpointsFolder, each!.contentId)))).toEqual([true, false])
    expect(store.steps.range(runId, 1, 9)).toHaveLength(4)
    expect(store.runs.list()[0]!.rolloutCount).toBe(0)

    const { beforeBytes, afterBytes } = await storage.compact(undefined as never, options)
    expect(afterBytes).toBeLessThan(beforeBytes)
    expect((await report()).freeBytes).toBe(0)

    const target = join(bench.folder, 'copy')
    await storage.copyTo({ folder: target }, options)
    const copy = openStore(target)
    expect(copy.workspace()).toMatchObject({ uid: store.workspace().uid, counts: store.workspace().counts })
    expect(copy.checkpoints.ofRun(runId).every(({ contentId }) => existsSync(join(copy.checkpointsFolder, contentId)))).toBe(true)
    copy.close()
    mkdirSync(join(bench.folder, 'full'))
    writeFileSync(join(bench.folder, 'full', 'thesis.tex'), 'work')
    await expect(storage.copyTo({ folder: join(bench.folder, 'full') }, options)).rejects.toMatchObject({ code: 'storage.target' })
  } finally {
    context.close()
  }
})
