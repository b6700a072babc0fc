// Following as a window asks for it: a folder is looked at again and again, what came is told, and every way it can stand has its word.
import { appendFileSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import type { Follow, FollowState, LabEvent } from '../../src-preload/contract.ts'
import { LabError } from '../../src-preload/contract.ts'
import { createFollowing } from '../../src-main/lab/files/following.ts'
import type { Following, FollowingParts } from '../../src-main/lab/files/following.ts'
import { setBin } from '../../src-main/lab/process/bin.ts'
import { openStore } from '../../src-main/store/openStore.ts'
import type { Store } from '../../src-main/store/openStore.ts'
import { openLocalLab, type LocalLab } from './localLab.ts'

let at: LocalLab
beforeAll(async () => {
  at = await openLocalLab()
})
afterAll(() => at.close())

const line = (n: number): string =>
  `${JSON.stringify({ input: '2 + 2?', output: `row ${n}`, gts: '4', score: n % 2, step: 1 + (n >> 1) })}\n`
function folder(name: string): string {
  const path = join(at.home, name)
  mkdirSync(path)
  return path
}
async function until(id: number, test: (follow: Follow) => boolean): Promise<Follow> {
  for (let tries = 0; tries < 200; tries++) {
    const found = (await at.client.follows.list()).find((each) => each.id === id)!
    if (test(found)) return found
    await wait(50)
  }
  throw new Error(`follow ${id} stands at ${JSON.stringify((await at.client.follows.list()).find((each) => each.id === id))}`)
}
const stands =
  (state: FollowState) =>
  (follow: Follow): boolean =>
    follow.state === state && follow.checkedAtMs !== null

/** A folder with so many rows, followed, which were seen. */
async function followed(name: string, rows: number): Promise<Follow> {
  const path = folder(name)
  writeFileSync(join(path, '1.jsonl'), Array.from({ length: rows }, (_, n) => line(n)).join(''))
  const { id } = await at.client.follows.start({ path })
  return until(id, (follow) => follow.rows === rows && stands('following')(follow))
}

describe('a folder that the laboratory follows', () => {
  it('waits while it is empty, follows once rows come, and tells windows of them', async () => {
    const path = folder('live')
    const { id, runId } = await at.client.follows.start({ path })
    expect(await until(id, stands('waiting'))).toMatchObject({ rows: 0, rollouts: 0, reason: null, runName: 'live' })
    at.events.length = 0
    writeFileSync(join(path, '1.jsonl'), line(0) + line(1))
    expect(await until(id, stands('following'))).toMatchObject({
      rows: 2,
      rollouts: 2,
      lastStep: 1,
      lastRowAtMs: expect.any(Number),
      files: [{ path: '1.jsonl', source: 'verl', rows: 2, reason: null }],
    })
    appendFileSync(join(path, '1.jsonl'), line(2))
    await until(id, ({ rows }) => rows === 3)
    expect(at.events.flatMap((event) => (event.kind === 'changed' ? event.noun : []))).toEqual(
      expect.arrayContaining(['follows', 'runs', 'rollouts']),
    )
    const [reward] = await at.client.runs.series({ runId, metrics: ['reward'] })
    expect([reward!.step, reward!.value]).toEqual([
      [1, 2],
      [0.5, 0],
    ])
  })

  it('is missing while it is away, and goes on without a row twice when it is back', async () => {
    const { id, path } = await followed('goes away', 3)
    renameSync(path, `${path}-away`)
    await until(id, stands('missing'))
    appendFileSync(join(`${path}-away`, '1.jsonl'), line(3))
    renameSync(`${path}-away`, path)
    expect(await until(id, (follow) => follow.state === 'following' && follow.rows === 4)).toMatchObject({ rollouts: 4 })
  })

  it('is not looked at while it is stopped, and taken up where it was', async () => {
    const { id, path } = await followed('stopped', 2)
    expect(await at.client.follows.stop({ followId: id })).toMatchObject({ state: 'stopped' })
    appendFileSync(join(path, '1.jsonl'), line(2))
    // A folder that is followed later is looked at after it, so that its turn has passed by then.
    await followed('beside the stopped', 1)
    expect((await at.client.follows.list()).find((each) => each.id === id)).toMatchObject({ state: 'stopped', rows: 2 })
    await at.client.follows.resume({ followId: id })
    await until(id, ({ rows }) => rows === 3)
  })

  it('goes on by itself when the workspace is opened again', async () => {
    const { id, path } = await followed('opened again', 2)
    await at.client.workspace.close()
    appendFileSync(join(path, '1.jsonl'), line(2))
    await at.client.workspace.open({ folder: at.folder })
    expect(await until(id, ({ rows }) => rows === 3)).toMatchObject({ rollouts: 3, state: 'following' })
  })

  it('fails with the reason where nothing of it are rollouts', async () => {
    const path = folder('problems')
    writeFileSync(join(path, 'problems.jsonl'), '{"problem": "2 + 2?", "answer": "4"}\n')
    const { id } = await at.client.follows.start({ path })
    expect(await until(id, stands('failed'))).toMatchObject({
      reason: { code: 'follow.notRollouts' },
      files: [{ path: 'problems.jsonl', reason: { code: 'follow.notRollouts' } }],
    })
  })

  it('is stopped while its run is in the bin', async () => {
    const { id, runId } = await followed('thrown away', 1)
    await at.client.runs.remove({ runId })
    expect((await at.client.follows.list()).find((each) => each.id === id)).toMatchObject({ state: 'stopped' })
    await at.client.runs.restore({ runId })
    await until(id, stands('following'))
  })

  it('is forgotten without its run', async () => {
    const { id, runId } = await followed('forgotten', 3)
    await at.client.follows.forget({ followId: id })
    expect((await at.client.follows.list()).map((each) => each.id)).not.toContain(id)
    expect((await at.client.runs.get({ runId })).item.rolloutCount).toBe(3)
    await expect(at.client.follows.stop({ followId: id })).rejects.toMatchObject({ code: 'follow.unknown' })
  })

  it('is refused where there is nothing, and by a path that does not begin at the root', async () => {
    await expect(at.client.follows.start({ path: join(at.home, 'nowhere') })).rejects.toMatchObject({ code: 'file.missing' })
    await expect(at.client.follows.start({ path: 'live' })).rejects.toMatchObject({ code: 'import.relative' })
  })
})

describe('following by hand', () => {
  const made: (() => Promise<void> | void)[] = []
  afterEach(async () => {
    for (const undo of made.splice(0).reverse()) await undo()
  })
  const signal = new AbortController().signal
  const asked = { as: null, map: {}, identity: 'prompt' as const, grader: null, name: null }

  function bench(parts: Partial<FollowingParts> = {}) {
    const home = mkdtempSync(join(tmpdir(), 'mrt-following-'))
    made.push(() => rmSync(home, { recursive: true, force: true }))
    const store = openStore(join(home, 'workspace'), { create: true, program: 'test' })
    made.push(() => store.close())
    const events: LabEvent[] = []
    const following = createFollowing({
      current: () => store,
      open: () => store,
      shown: () => store,
      tell: (event) => events.push(event),
      now: () => Date.now() + 60_000,
      looks: false,
      ...parts,
    })
    made.push(() => following.close())
    const path = join(home, 'run')
    mkdirSync(path)
    return {
      home,
      path,
      store,
      events,
      following,
      put: (name: string, text: string): void => writeFileSync(join(path, name), text),
      nouns: (): string[] => events.splice(0).map((event) => (event.kind === 'changed' ? event.noun : event.kind)),
    }
  }
  const context = { signal }
  async function start({ following, path }: { following: Following; path: string }, more: object = {}): Promise<Follow> {
    return following.answers.start({ path, ...asked, ...more }, context)
  }
  const listed = async (following: Following): Promise<readonly Follow[]> => following.answers.list(undefined as never, context)
  /** Once the loop has come round that many times more. */
  async function rounds(count: { turns: number }, more: number): Promise<void> {
    const from = count.turns
    while (count.turns < from + more) await wait(1)
  }

  /** A bench whose folders are looked at by themselves, counting the turns of the loop, over its workspace or what `of` makes of it. */
  function looking(of: (store: Store) => Store = (store) => store) {
    const turns = { turns: 0 }
    let store: Store | null = null
    const at = bench({
      current: () => {
        turns.turns++
        return store
      },
      looks: true,
      everyMs: 1,
      open: () => store!,
      shown: () => store!,
    })
    store = of(at.store)
    return { at, turns }
  }

  it('remembers how a folder is read, and nothing that was left open', async () => {
    const { following, path, store, home, nouns } = bench()
    const { id } = await start({ following, path })
    expect(store.follows.get(id)!.options).toEqual({ identity: 'prompt', importId: expect.any(String) as unknown })
    expect(nouns()).toEqual(['runs', 'datasets', 'follows'])
    mkdirSync(join(home, 'other'))
    const other = await start(
      { following, path: join(home, 'other') },
      { as: 'plain', map: { prompt: 'ask' }, grader: 'math', name: 'mine' },
    )
    expect(other).toMatchObject({ runName: 'mine', state: 'waiting', checkedAtMs: null, fileCount: 0 })
    expect(store.follows.get(other.id)!.options).toMatchObject({ as: 'plain', map: { prompt: 'ask' }, grader: 'math' })
    expect(await following.answers.stop({ followId: id }, context)).toMatchObject({ state: 'stopped' })
    expect(await start({ following, path })).toMatchObject({ id, state: 'waiting' })
  })

  it('shows of many files the newest, those that cannot be read first, and all of them in their order where asked', async () => {
    const { following, path, put } = bench()
    for (let n = 1; n <= 60; n++) put(`rows-${n}.jsonl`, line(n))
    put('a.jsonl', '{"problem": "2 + 2?", "answer": "4"}\n')
    const { id } = await start({ following, path })
    expect(await following.look(id, signal)).toMatchObject({ rows: 60 })
    const [follow] = await listed(following)
    expect(follow).toMatchObject({ fileCount: 61, state: 'following', rows: 60, rollouts: 60, reason: { code: 'follow.notRollouts' } })
    expect(follow!.files.map((file) => file.path)).toEqual(['a.jsonl', ...Array.from({ length: 49 }, (_, n) => `rows-${60 - n}.jsonl`)])
    const { files } = following.whole(id)
    expect(files.map((file) => file.path)).toEqual(['a.jsonl', ...Array.from({ length: 60 }, (_, n) => `rows-${n + 1}.jsonl`).sort()])
  })

  it('says how a folder stands by what came of it', async () => {
    const { following, path, put, store } = bench({ now: () => 2_000_000_000_000 })
    const { id, runId } = await start({ following, path })
    const state = async () => {
      await following.look(id, signal)
      return (await listed(following))[0]!
    }
    expect(await state()).toMatchObject({ state: 'waiting', rows: 0, checkedAtMs: 2_000_000_000_000 })
    put('rows.jsonl', 'not json\n')
    expect(await state()).toMatchObject({ state: 'failed', rows: 0 })
    put('log.jsonl', '{"step": 1, "loss": 2}\n')
    expect(await state()).toMatchObject({ state: 'following', rows: 0, lastStep: 1 })
    put('rows.jsonl', line(0) + line(1).slice(0, 20))
    expect((await state()).files.find((file) => file.path === 'rows.jsonl')).toMatchObject({ rows: 1, waitingBytes: 20 })
    // A table is read whole, so that nothing of it waits.
    put('table.csv', 'input,output,gts,score,step\n9 + 1?,ten,10,1,1\n')
    expect((await state()).files.find((file) => file.path === 'table.csv')).toMatchObject({ rows: 1, waitingBytes: 0 })
    renameSync(path, `${path}-away`)
    expect(await state()).toMatchObject({ state: 'missing' })
    renameSync(`${path}-away`, path)
    expect(await state()).toMatchObject({ state: 'following' })
    setBin(store, [runId])
    expect((await listed(following))[0]).toMatchObject({ state: 'stopped' })
    setBin(store, [])
    const reader = openStore(store.folder, { readOnly: true })
    made.push(() => reader.close())
    const { following: reading } = bench({ current: () => reader, open: () => reader, shown: () => reader })
    expect((await listed(reading))[0]).toMatchObject({ state: 'stopped', checkedAtMs: null })
  })

  it('says everything of a folder and of each of its files, until it is looked at too', async () => {
    const { following, path, put, store } = bench({ now: () => 2_000_000_000_000 })
    put('rows.jsonl', `${line(0)}${line(1)}not json\n${line(2).slice(0, 20)}`)
    put('log.jsonl', '{"step": 7, "loss": 2}\n')
    const { id, runId } = await start({ following, path }, { name: 'mine' })
    expect(following.whole(id)).toMatchObject({ state: 'waiting', checkedAtMs: null, lastRowAtMs: null, files: [], fileCount: 0 })
    await following.look(id, signal)
    const row = { reason: null, waitingBytes: 0 }
    expect(following.whole(id)).toEqual({
      id,
      runId,
      runName: 'mine',
      path,
      state: 'following',
      reason: null,
      rows: 3,
      rejected: 1,
      rollouts: 2,
      lastStep: 7,
      lastRowAtMs: 2_000_000_000_000,
      checkedAtMs: 2_000_000_000_000,
      createdAtMs: 2_000_000_000_000,
      importId: store.follows.get(id)!.options.importId,
      fileCount: 2,
      files: [
        { ...row, path: 'log.jsonl', kind: 'metrics', source: 'metrics', rows: 1, rejected: 0 },
        { ...row, path: 'rows.jsonl', kind: 'rows', source: 'verl', rows: 3, rejected: 1, waitingBytes: 20 },
      ],
    })
    await expect(following.look(99, signal)).rejects.toMatchObject({ code: 'follow.unknown' })
    await expect(following.takeBack(99)).rejects.toMatchObject({ code: 'follow.unknown' })
  })

  it('tells of each folder that was stopped, taken up or forgotten, and is refused for one that is not there', async () => {
    const { following, path, store, events } = bench()
    const { id, runId } = await start({ following, path })
    events.length = 0
    const told = { kind: 'changed', noun: 'follows', ids: [id] }
    await following.answers.stop({ followId: id }, context)
    expect(store.follows.get(id)!.active).toBe(false)
    await following.answers.resume({ followId: id }, context)
    expect(store.follows.get(id)!.active).toBe(true)
    expect(await following.answers.forget({ followId: id }, context)).toBeNull()
    expect(events).toEqual([told, told, told])
    expect([store.follows.list(), store.runs.get(runId)?.id]).toEqual([[], runId])
    for (const act of ['stop', 'resume'] as const)
      expect(() => following.answers[act]({ followId: id }, context)).toThrow(expect.objectContaining({ code: 'follow.unknown' }))
    await expect(following.answers.forget({ followId: id }, context)).rejects.toMatchObject({ code: 'follow.unknown' })
    await expect(start({ following, path: 'run' })).rejects.toMatchObject({
      code: 'import.relative',
      expected: 'the whole path of a folder',
      found: 'run',
      next: expect.stringContaining('from the root') as unknown,
    })
  })

  it('takes a folder back with its run and its dataset', async () => {
    const { following, path, put, store, nouns } = bench()
    put('rows.jsonl', line(0))
    const { id, runId } = await start({ following, path })
    await following.look(id, signal)
    nouns()
    await following.takeBack(id)
    expect([store.runs.get(runId), store.datasets.list(), store.follows.list()]).toEqual([null, [], []])
    expect(nouns()).toEqual(['follows'])
    expect(await listed(following)).toEqual([])
    expect(() => following.whole(id)).toThrow(expect.objectContaining({ code: 'follow.unknown' }))
  })

  it('tells of what came, once, and of nothing where nothing did', async () => {
    const { at, turns } = looking()
    const { id } = await start(at)
    const checked = async (): Promise<void> => {
      while ((await listed(at.following))[0]!.checkedAtMs === null) await wait(1)
    }
    await checked()
    await rounds(turns, 3)
    at.nouns()
    await rounds(turns, 6)
    expect(at.nouns()).toEqual([])
    // As many rows as steps, in one look.
    mkdirSync(join(at.home, 'new'))
    writeFileSync(join(at.home, 'new/rows.jsonl'), line(0))
    writeFileSync(join(at.home, 'new/log.jsonl'), '{"step": 1, "loss": 2}\n')
    renameSync(join(at.home, 'new'), join(at.path, 'new'))
    while ((await listed(at.following))[0]!.rows < 1) await wait(1)
    await rounds(turns, 6)
    expect(new Set(at.nouns())).toEqual(new Set(['runs', 'rollouts', 'datasets', 'follows']))
    at.put('later.jsonl', '{"note": 1}\n')
    while ((await listed(at.following))[0]!.fileCount < 3) await wait(1)
    await rounds(turns, 6)
    expect(at.nouns()).toEqual(['follows'])
    expect(at.store.follows.get(id)).toMatchObject({ rows: 1 })
  })

  it('looks at nothing while somebody has the workspace to himself, not even at what is followed, and goes on after', async () => {
    let lists = 0
    const { at, turns } = looking((store) => ({ ...store, follows: { ...store.follows, list: () => (lists++, store.follows.list()) } }))
    await start(at)
    await at.following.apart(async () => {
      at.put('rows.jsonl', line(0))
      const before = lists
      await rounds(turns, 6)
      expect(lists).toBe(before)
      expect((await listed(at.following))[0]).toMatchObject({ rows: 0 })
    })
    while ((await listed(at.following))[0]!.rows < 1) await wait(1)
  })

  /** A workspace whose datasets do `work` whenever a look says what they came from. */
  const meddling = (store: Store, work: (runName: string) => void): Store => ({
    ...store,
    datasets: {
      ...store.datasets,
      setOrigin: (id, origin) => {
        work(store.datasets.get(id)!.name)
        store.datasets.setOrigin(id, origin)
      },
    },
  })

  it('ends its round for somebody who asks for the workspace within it, before the folder that would be next', async () => {
    let ask: (() => void) | null = null
    const { at } = looking((store) => meddling(store, () => ask?.()))
    const rows = (): number[] => at.store.follows.list().map((follow) => follow.rows)
    const alone = new Promise<number[]>((resolve, reject) => {
      ask = () => {
        ask = null
        at.following.apart(async () => resolve(rows())).catch(reject)
      }
    })
    // Both are there before the first round.
    await at.following.apart(async () => {
      for (const name of ['one', 'other']) {
        mkdirSync(join(at.home, name))
        writeFileSync(join(at.home, name, 'rows.jsonl'), line(0))
        await start({ following: at.following, path: join(at.home, name) })
      }
    })
    expect((await alone).toSorted()).toEqual([0, 1])
    while (rows().includes(0)) await wait(1)
  })

  it('says nothing while no workspace is open', async () => {
    const written: string[] = []
    const { write } = process.stderr
    process.stderr.write = ((text: string) => written.push(text) > 0) as typeof write
    made.push(() => void (process.stderr.write = write))
    const turns = { turns: 0 }
    bench({ current: () => (turns.turns++, null), looks: true, everyMs: 1 })
    await rounds(turns, 6)
    expect(written).toEqual([])
  })

  it('says why a folder could not be looked at, follows the others on, and says no more of it once it could', async () => {
    let fault: Error | null = null
    const written: string[] = []
    const { write } = process.stderr
    process.stderr.write = ((text: string) => written.push(text) > 0) as typeof write
    made.push(() => void (process.stderr.write = write))
    const { at, turns } = looking((store) =>
      meddling(store, (name) => {
        if (name === 'run' && fault !== null) throw fault
      }),
    )
    const first = await start(at)
    mkdirSync(join(at.home, 'second'))
    const second = await start({ following: at.following, path: join(at.home, 'second') })
    const view = async (id: number): Promise<Follow> => (await listed(at.following)).find((each) => each.id === id)!
    fault = new LabError('disk.full', { expected: 'room', found: 'none', next: 'Free some.' })
    at.put('rows.jsonl', line(0))
    while ((await view(first.id)).state !== 'failed') await wait(1)
    expect(await view(first.id)).toMatchObject({ reason: { code: 'disk.full', next: 'Free some.' } })
    writeFileSync(join(at.home, 'second/rows.jsonl'), line(0))
    while ((await view(second.id)).rows < 1) await wait(1)
    expect(await view(second.id)).toMatchObject({ state: 'following', reason: null })
    fault = Object.assign(new Error('EROFS: read-only file system, write'), { code: 'EROFS' })
    appendFileSync(join(at.path, 'rows.jsonl'), line(1))
    while ((await view(first.id)).reason?.code !== 'disk.readOnly') await wait(1)
    expect(written).toEqual([])

    fault = new Error('a mistake of ours')
    appendFileSync(join(at.path, 'rows.jsonl'), line(2))
    while ((await view(first.id)).reason?.code !== 'lab.bug') await wait(1)
    expect(written[0]).toContain('a mistake of ours')

    fault = null
    appendFileSync(join(at.path, 'rows.jsonl'), line(3))
    while ((await view(first.id)).state !== 'following') await wait(1)
    expect(await view(first.id)).toMatchObject({ reason: null, rows: 4 })
    await rounds(turns, 6)
    at.nouns()
    await rounds(turns, 6)
    expect(at.nouns()).toEqual([])
  })

  it('rests four times as long as a look took', async () => {
    const TOOK_MS = 40
    let store: Store | null = null
    let looked = 0
    const restedMs: number[] = []
    const at = bench({
      current: () => {
        if (looked > 0) restedMs.push(performance.now() - looked)
        looked = 0
        return store
      },
      open: () => store!,
      shown: () => store!,
      looks: true,
      everyMs: 1,
    })
    store = meddling(at.store, () => {
      const until = performance.now() + TOOK_MS
      while (performance.now() < until);
      looked = performance.now()
    })
    await start(at)
    at.put('rows.jsonl', line(0))
    // The first word after a look is of the look itself, the second of the next one.
    while ((await listed(at.following))[0]!.rows < 1 || restedMs.length < 1) await wait(1)
    expect(restedMs[0]).toBeGreaterThanOrEqual(4 * TOOK_MS)
  })

  it('breaks off the look at a folder that is stopped, and reads the rest of it once it is taken up', async () => {
    let stop: (() => void) | null = null
    const { at, turns } = looking((store) => ({
      ...store,
      follows: {
        ...store.follows,
        setFile: (...file) => {
          stop?.()
          return store.follows.setFile(...file)
        },
      },
    }))
    // Both files are there before the first look at them.
    mkdirSync(join(at.home, 'two'))
    for (const n of [0, 1]) writeFileSync(join(at.home, 'two', `${n}.jsonl`), line(n))
    const { id } = await start({ following: at.following, path: join(at.home, 'two') })
    stop = () => {
      stop = null
      void at.following.answers.stop({ followId: id }, context)
    }
    while (stop !== null) await wait(1)
    await rounds(turns, 3)
    expect((await listed(at.following))[0]).toMatchObject({ state: 'stopped', rows: 1 })
    await at.following.answers.resume({ followId: id }, context)
    while ((await listed(at.following))[0]!.rows < 2) await wait(1)
  })
})
