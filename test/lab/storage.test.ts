// Room on the disk: what is measured is what lies there, a preview takes nothing, pruning keeps what results are made of, and compacting gives bytes back.
import { existsSync, mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { storageAnswers } from '../../src-main/lab/files/storage.ts'
import { createRun } from '../../src-main/lab/training/createRun.ts'
import { trainRun } from '../../src-main/lab/training/trainRun.ts'
import { openStore } from '../../src-main/store/openStore.ts'
import { microSpec, openBench, type Bench } from './micro.ts'
import { makeWorkspace } from './records.ts'

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
    await expect(storage.copyTo({ folder: join(bench.folder, 'full') }, options)).rejects.toMatchObject({
      code: 'storage.target',
      expected: 'an empty folder, or one that is not there, outside the workspace',
      found: join(bench.folder, 'full'),
      next: 'Name another folder.',
    })
  } finally {
    context.close()
  }
})

describe('room on the disk', () => {
  let count = 0
  function open(options: { readOnly?: boolean } = {}) {
    const folder = join(bench.folder, `room-${count++}`)
    const filled = makeWorkspace(folder)
    const put = (name: string, bytes: number): void => {
      mkdirSync(join(folder, name, '..'), { recursive: true })
      writeFileSync(join(folder, name), Buffer.alloc(bytes))
    }
    put('backups/old.db', 300)
    put('backups/kept/inner.db', 50)
    put('exports/a.jsonl', 70)
    put('exports/b.jsonl', 7)
    put('models/one/weights', 1000)
    put('models/one/more/tokens', 10)
    put('notes.txt', 5)
    const store = openStore(folder, { program: 'test', ...options })
    const storage = storageAnswers({ open: () => store, refuseWhileBusy: () => {} })
    return { folder, filled, store, storage, put, size: (name: string) => statSync(join(folder, name)).size }
  }

  it('is told apart by what takes it, files of files included', async () => {
    const { store, storage, size, folder } = open()
    const fixed = ['checkpoints', 'backups', 'exports', 'models', 'notes.txt']
    const report = await storage.report(undefined as never, options)
    const others = readdirSync(folder).filter((name) => !fixed.includes(name) && !/^workspace\.db(-wal|-shm)?$/.test(name))
    expect(report).toMatchObject({
      folder,
      databaseBytes: size('workspace.db') + size('workspace.db-wal'),
      checkpointBytes: 0,
      backupBytes: 350,
      exportBytes: 77,
      otherBytes: 1015 + others.reduce((sum, name) => sum + size(name), 0),
    })
    store.close()
  })

  it('that a run takes counts equal checkpoints once, and keeps of them the newest, the newest to go on from and the pinned', async () => {
    const { store, storage, filled } = open()
    const [runId] = filled.runIds as [number]
    const add = (step: number, contentId: string, more: object = {}) =>
      store.checkpoints.add({ ...store.checkpoints.ofRun(runId)[0]!, step, contentId, bytes: 100, ...more })
    const report = async () => (await storage.report(undefined as never, options)).runs.find((run) => run.runId === runId)!
    expect(await report()).toMatchObject({ checkpoints: 1, checkpointBytes: 1000, prunable: 0, prunableBytes: 0 })
    add(5, 'same')
    add(6, 'same')
    add(7, 'pinned', { pinned: true })
    add(8, 'resumable', { bytes: 400 })
    add(9, 'newest', { resumable: false, bytes: 30 })
    expect(await report()).toMatchObject({ checkpoints: 6, checkpointBytes: 1630, prunable: 3, prunableBytes: 1100 })
    const asked = { ...everything, checkpointsOf: [runId] }
    expect(await storage.prune({ ...asked, preview: true }, options)).toMatchObject({ checkpoints: 3, checkpointBytes: 1100, backups: 0 })
    expect(await storage.prune(asked, options)).toMatchObject({ checkpoints: 3, rollouts: 0, exports: 0 })
    expect(store.checkpoints.ofRun(runId).map(({ step }) => step)).toEqual([7, 8, 9])
    store.close()
  })

  it('is given back by backups and exports, whose folders stay, and only by those that were asked for', async () => {
    const { store, storage, folder, filled } = open()
    const nothing = {
      rollouts: 0,
      rolloutBytes: 0,
      checkpoints: 0,
      checkpointBytes: 0,
      backups: 0,
      backupBytes: 0,
      exports: 0,
      exportBytes: 0,
    }
    expect(await storage.prune(everything, options)).toEqual(nothing)
    const backups = { ...nothing, backups: 1, backupBytes: 300 }
    expect(await storage.prune({ ...everything, backups: true, preview: true }, options)).toEqual(backups)
    expect(await storage.prune({ ...everything, backups: true }, options)).toEqual(backups)
    expect([readdirSync(join(folder, 'backups')), readdirSync(join(folder, 'exports'))]).toEqual([['kept'], ['a.jsonl', 'b.jsonl']])
    expect(await storage.prune({ ...everything, exports: true }, options)).toEqual({ ...nothing, exports: 2, exportBytes: 77 })
    expect(readdirSync(join(folder, 'exports'))).toEqual([])
    const of = (await storage.report(undefined as never, options)).runs.filter(({ runId }) => filled.runIds.slice(0, 2).includes(runId))
    expect(await storage.prune({ ...everything, rolloutsOf: filled.runIds.slice(0, 2) }, options)).toMatchObject({
      rollouts: 32,
      rolloutBytes: of.reduce((sum, { rolloutBytes }) => sum + rolloutBytes, 0),
    })
    expect(store.runs.list().map(({ rolloutCount }) => rolloutCount)).toEqual([0, 0, 16, 16])
    store.close()
  })

  it('is only looked at in a workspace that is open for reading', async () => {
    const { store, storage, filled } = open({ readOnly: true })
    const asked = { ...everything, rolloutsOf: filled.runIds }
    expect(await storage.prune({ ...asked, preview: true }, options)).toMatchObject({ rollouts: 64 })
    await expect(storage.prune(asked, options)).rejects.toMatchObject({
      code: 'workspace.readOnly',
      expected: 'a workspace that can be written',
      found: 'one that is open for reading only',
      next: expect.stringContaining('Close the other program') as unknown,
    })
    expect(() => storage.compact(undefined as never, options)).toThrow(expect.objectContaining({ code: 'workspace.readOnly' }))
    store.close()
  })

  it('is taken by a copy of everything but exports and hidden files, in an empty folder outside the workspace', async () => {
    const { store, storage, folder, put } = open()
    put('.hidden/file', 3)
    for (const inside of [folder, join(folder, 'copy')])
      await expect(storage.copyTo({ folder: inside }, options)).rejects.toMatchObject({ code: 'storage.target' })
    const target = `${folder}-copy`
    mkdirSync(target)
    const { bytes } = await storage.copyTo({ folder: target }, options)
    expect(readdirSync(target).sort()).toEqual(
      readdirSync(folder)
        .filter((name) => name === 'workspace.db' || !/^(workspace\.|exports$|\.)/.test(name))
        .sort(),
    )
    expect([statSync(join(target, 'models/one/more/tokens')).size, statSync(join(target, 'backups/old.db')).size]).toEqual([10, 300])
    expect(bytes).toBe(1365 + statSync(join(target, 'workspace.db')).size)
    await expect(storage.copyTo({ folder: target }, options)).rejects.toMatchObject({ code: 'storage.target' })
    store.close()
  })

  it('leaves nothing of a copy that failed', async () => {
    const { store, storage, folder } = open()
    store.close()
    const target = `${folder}-copy`
    await expect(storage.copyTo({ folder: target }, options)).rejects.toThrow()
    expect(existsSync(target)).toBe(false)
  })
})
