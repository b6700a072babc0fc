// A folder that is followed: whatever happens to its files, in the end the workspace holds what one import of the finished folder would
// bring, each row once.
import {
  appendFileSync,
  copyFileSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { createSession } from '../../src-main/data/importFiles.ts'
import { createFollower } from '../../src-main/lab/files/follow.ts'
import type { Looked } from '../../src-main/lab/files/follow.ts'
import { tagPrefix } from '../../src-main/lab/files/followLook.ts'
import { startFollow } from '../../src-main/lab/files/startFollow.ts'
import type { StartFollow } from '../../src-main/lab/files/startFollow.ts'
import { importInto } from '../../src-main/lab/files/importInto.ts'
import { readRejected, rejectedFile } from '../../src-main/lab/files/keptAside.ts'
import { openStore } from '../../src-main/store/openStore.ts'
import { importRecord } from '../../src-preload/contract.ts'
import type { Store } from '../../src-main/store/openStore.ts'

const cases = resolve(import.meta.dirname, '../data/cases')
const made: (() => void)[] = []
afterEach(() => {
  for (const undo of made.splice(0).reverse()) undo()
})

/** The file behind a descriptor; empty for one that is closed by now. */
function opensOf(fd: string): string {
  try {
    return readlinkSync(join('/proc/self/fd', fd))
  } catch {
    return ''
  }
}

function bench() {
  const folder = mkdtempSync(join(tmpdir(), 'mrt-follow-'))
  made.push(() => rmSync(folder, { recursive: true, force: true }))
  const run = join(folder, 'run')
  mkdirSync(run)
  let store = openStore(join(folder, 'workspace'), { create: true, program: 'test' })
  made.push(() => store.close())
  const clock = { atMs: null as number | null, read: () => {} }
  // Files of these tests are old, so that nothing waits for them to settle.
  const now = (): number => {
    clock.read()
    return clock.atMs ?? Date.now() + 60_000
  }
  let follower: ReturnType<typeof createFollower> | null = null
  let runId = 0
  return {
    run,
    get store() {
      return store
    },
    get runId() {
      return runId
    },
    path: (name: string): string => {
      const path = join(run, name)
      mkdirSync(dirname(path), { recursive: true })
      return path
    },
    clock,
    /** Does something once the next look has listed the folder and begins with the first file of rows. */
    whenReading(act: () => void): void {
      let reads = 0
      clock.read = () => {
        if (++reads === 2) act()
      }
    },
    async look(options: StartFollow = {}, { path = run, signal }: { path?: string; signal?: AbortSignal } = {}): Promise<Looked> {
      const follow = await startFollow(store, path, options, now)
      runId = follow.runId
      follower ??= createFollower(store, follow.id, now)
      return follower.poll(signal)
    },
    rest: () => follower!.close(),
    /** As a new process finds it. */
    again() {
      follower = null
      store.close()
      store = openStore(join(folder, 'workspace'), { program: 'test' })
    },
    files: () => store.follows.files(store.follows.list()[0]!.id),
    dataset: () => store.datasets.get(store.runs.get(runId)!.datasetId!)!,
    texts: (): string[] => rolloutsOf(store, runId).map(({ text }) => text),
    /** The same files through one import into a workspace of its own. */
    async atOnce(paths: readonly string[] = [run]): Promise<ReturnType<typeof rolloutsOf>> {
      const other = openStore(join(folder, 'other'), { create: true, program: 'test' })
      try {
        const { runId: imported } = await importInto(other, paths, {}, () => 1)
        return rolloutsOf(other, imported!)
      } finally {
        other.close()
        rmSync(join(folder, 'other'), { recursive: true })
      }
    },
  }
}

/** What is kept of the rollouts of a run, in order of step, group and sample. */
function rolloutsOf(store: Store, runId: number) {
  const ids: number[] = []
  for (let step = 0; step <= 40; step++) ids.push(...store.rollouts.group({ runId, steps: [step, step] }).map(({ id }) => id))
  return ids.map((id) => {
    const {
      rollout: { step, group, sample, reward, correct },
      problem: { key, prompt, answer, split },
      text,
      origin,
    } = store.rollouts.detail(id)!
    return { step, group, sample, reward, correct, key, prompt, answer, split, text, origin }
  })
}

const line = (n: number, step = 1): string =>
  `${JSON.stringify({ input: `${n % 4} + 1?`, output: `row ${n}`, gts: String((n % 4) + 1), score: n % 2, step })}\n`
const lines = (from: number, to: number, step = 1): string => Array.from({ length: to - from }, (_, at) => line(from + at, step)).join('')
const rows = (from: number, to: number): string[] => Array.from({ length: to - from }, (_, at) => `row ${from + at}`)
const NOTHING = { state: 'there', rows: 0, rollouts: 0, rejected: 0, steps: 0, unfinished: 0, putOff: 0, read: [] }
/** Writes a file as if at that time. */
function writeAt(path: string, text: string | Buffer, atMs: number): void {
  writeFileSync(path, text)
  utimesSync(path, atMs / 1000, atMs / 1000)
}
const WHEN = 1_700_000_000_000
const sorted = (texts: readonly string[]): string[] => [...texts].sort((a, b) => Number(a.slice(4)) - Number(b.slice(4)))

describe('a followed folder', () => {
  it('brings new lines of a growing file and new files of steps, and a half-written last line only once it is whole', async () => {
    const at = bench()
    writeFileSync(at.path('1.jsonl'), lines(0, 3))
    expect(await at.look()).toMatchObject({ state: 'there', rows: 3, rollouts: 3, unfinished: 0 })
    expect(await at.look()).toMatchObject({ rows: 0, read: [] })
    const half = line(3)
    appendFileSync(at.path('1.jsonl'), half.slice(0, 40))
    expect(await at.look()).toMatchObject({ rows: 0, rejected: 0, unfinished: 1 })
    appendFileSync(at.path('1.jsonl'), half.slice(40))
    writeFileSync(at.path('2.jsonl'), lines(4, 9, 2))
    expect(await at.look()).toMatchObject({ rows: 6, rollouts: 6, read: ['1.jsonl', '2.jsonl'] })
    expect(rolloutsOf(at.store, at.runId)).toEqual(await at.atOnce())
  })

  it('is one import however often the program was started anew: groups, samples, problems and conflicting ids come out the same', async () => {
    const at = bench()
    const row = (id: number, prompt: string, answer: string, response: string): string =>
      `${JSON.stringify({ example_id: id, prompt, answer, completion: response, reward: 1, step: 3 })}\n`
    const all = [
      row(0, 'a?', '1', 'first'),
      row(0, 'b?', '2', 'second'),
      row(1, 'a?', '1', 'third'),
      row(2, 'a?', '9', 'fourth'),
      row(0, 'a?', '1', 'fifth'),
      row(7, 'b?', '2', 'sixth'),
      row(0, 'c?', '3', 'seventh'),
    ]
    for (const each of all) {
      appendFileSync(at.path('rows.jsonl'), each)
      expect(await at.look()).toMatchObject({ rows: 1 })
      at.again()
    }
    await at.look()
    expect(rolloutsOf(at.store, at.runId)).toEqual(await at.atOnce())
    expect(at.store.follows.list()).toMatchObject([{ rows: 7, rejected: 0 }])
  })

  it('goes on where a synced copy takes the place of the file, longer by some rows', async () => {
    const at = bench()
    for (const to of [5, 9, 9, 20]) {
      writeFileSync(at.path('.rows.jsonl.Ab3dE'), lines(0, to))
      expect(await at.look()).toMatchObject({ rows: 0 })
      renameSync(at.path('.rows.jsonl.Ab3dE'), at.path('rows.jsonl'))
      await at.look()
      expect(at.texts().length).toBe(to)
    }
    expect(rolloutsOf(at.store, at.runId)).toEqual(await at.atOnce())
  })

  it('loses no row when a log is rotated by renaming it, not even those that nobody had read', async () => {
    const at = bench()
    writeFileSync(at.path('rows.jsonl'), lines(0, 5))
    await at.look()
    appendFileSync(at.path('rows.jsonl'), lines(5, 8))
    renameSync(at.path('rows.jsonl'), at.path('rows.jsonl.1'))
    writeFileSync(at.path('rows.jsonl'), lines(8, 10))
    expect(await at.look()).toMatchObject({ rows: 5 })
    renameSync(at.path('rows.jsonl.1'), at.path('rows.jsonl.2'))
    renameSync(at.path('rows.jsonl'), at.path('rows.jsonl.1'))
    writeFileSync(at.path('rows.jsonl'), lines(10, 11))
    expect(await at.look()).toMatchObject({ rows: 1 })
    expect(sorted(at.texts())).toEqual(rows(0, 11))
  })

  it('tells a rotated log by its content where a synced copy gave every file a new number', async () => {
    const at = bench()
    writeFileSync(at.path('rows.jsonl'), lines(0, 5))
    await at.look()
    const old = readFileSync(at.path('rows.jsonl'))
    rmSync(at.path('rows.jsonl'))
    writeFileSync(at.path('kept'), 'so that no number is given again')
    writeFileSync(at.path('rows.jsonl.1'), Buffer.concat([old, Buffer.from(lines(5, 7))]))
    writeFileSync(at.path('rows.jsonl'), lines(7, 9))
    expect(await at.look()).toMatchObject({ rows: 4 })
    expect(sorted(at.texts())).toEqual(rows(0, 9))
  })

  it('reads logs that were rotated twice while nobody looked, and one that is copied before it is cut only once', async () => {
    const at = bench()
    writeFileSync(at.path('rows.jsonl'), lines(0, 5))
    await at.look()
    renameSync(at.path('rows.jsonl'), at.path('rows.jsonl.2'))
    writeFileSync(at.path('rows.jsonl.1'), lines(5, 7))
    writeFileSync(at.path('rows.jsonl'), lines(7, 9))
    expect(await at.look()).toMatchObject({ rows: 4 })
    appendFileSync(at.path('rows.jsonl'), lines(9, 10))
    copyFileSync(at.path('rows.jsonl'), at.path('rows.jsonl.3'))
    expect(await at.look()).toMatchObject({ rows: 1 })
    expect(await at.look()).toMatchObject({ rows: 0 })
    truncateSync(at.path('rows.jsonl'), 0)
    appendFileSync(at.path('rows.jsonl'), lines(10, 11))
    expect(await at.look()).toMatchObject({ rows: 1 })
    expect(sorted(at.texts())).toEqual(rows(0, 11))
  })

  it('reads a file that was cut to nothing and written anew as new rows, and one that was written again with the same rows as none', async () => {
    const at = bench()
    writeFileSync(at.path('rows.jsonl'), lines(0, 6))
    await at.look()
    truncateSync(at.path('rows.jsonl'), 0)
    expect(await at.look()).toMatchObject({ rows: 0 })
    appendFileSync(at.path('rows.jsonl'), lines(6, 8))
    expect(await at.look()).toMatchObject({ rows: 2 })
    // In another order, with two more and the rows of before.
    writeFileSync(at.path('rows.jsonl'), lines(7, 10) + lines(0, 7))
    expect(await at.look()).toMatchObject({ rows: 2 })
    expect(sorted(at.texts())).toEqual(rows(0, 10))
    at.again()
    writeFileSync(at.path('rows.jsonl'), lines(3, 11))
    expect(await at.look()).toMatchObject({ rows: 1 })
    expect(sorted(at.texts())).toEqual(rows(0, 11))
  })

  it('keeps samples apart that are equal to the letter: as many as the file has, also when it is written again', async () => {
    const at = bench()
    writeFileSync(at.path('rows.jsonl'), line(1) + line(1))
    expect(await at.look()).toMatchObject({ rows: 2 })
    writeFileSync(at.path('rows.jsonl'), line(2) + line(1) + line(1) + line(1))
    expect(await at.look()).toMatchObject({ rows: 2 })
    expect(at.texts().sort()).toEqual(['row 1', 'row 1', 'row 1', 'row 2'])
  })

  it('waits for a folder that goes away, and brings nothing twice when it comes back', async () => {
    const at = bench()
    writeFileSync(at.path('rows.jsonl'), lines(0, 4))
    await at.look()
    renameSync(at.run, `${at.run}-away`)
    expect(await at.look()).toMatchObject({ state: 'missing', rows: 0 })
    cpSync(`${at.run}-away`, at.run, { recursive: true })
    rmSync(`${at.run}-away`, { recursive: true })
    appendFileSync(at.path('rows.jsonl'), lines(4, 5))
    expect(await at.look()).toMatchObject({ state: 'there', rows: 1 })
    expect(sorted(at.texts())).toEqual(rows(0, 5))
  })

  it('reads the Parquet files of TRL as they come, one that is half copied once it is whole, and one that was only touched not again', async () => {
    const at = bench()
    const from = join(cases, 'trl/good/completions')
    const names = ['completions_00005.parquet', 'completions_00010.parquet']
    const whole = readFileSync(join(from, names[1]!))
    copyFileSync(join(from, names[0]!), at.path(`completions/${names[0]}`))
    const first = await at.look()
    expect(first.rows).toBeGreaterThan(0)
    writeFileSync(at.path(`completions/${names[1]}`), whole.subarray(0, whole.length >> 1))
    expect(await at.look()).toMatchObject({ rows: 0 })
    expect(at.files().find(({ path }) => path.endsWith(names[1]!))!.reason).toMatchObject({ code: 'parquet.truncated' })
    writeFileSync(at.path(`completions/${names[1]}`), whole)
    expect((await at.look()).rows).toBeGreaterThan(0)
    expect(at.files().map(({ reason }) => reason)).toEqual([null, null])
    writeFileSync(at.path(`completions/${names[1]}`), whole)
    expect(await at.look()).toMatchObject({ rows: 0, read: [] })
    expect(rolloutsOf(at.store, at.runId)).toEqual(await at.atOnce())
  })

  it.each(['prime-rl/good', 'verifiers/good', 'verl/good', 'tinker/good', 'open-instruct/good'])(
    'reads %s as an import does',
    async (path) => {
      const at = bench()
      cpSync(join(cases, path), at.run, { recursive: true })
      await at.look()
      expect(await at.look()).toMatchObject({ rows: 0 })
      expect(rolloutsOf(at.store, at.runId)).toEqual(await at.atOnce())
    },
  )

  it('keeps bad rows aside once, with their line in the whole file', async () => {
    const at = bench()
    writeFileSync(at.path('rows.jsonl'), `${lines(0, 2)}not json\n`)
    expect(await at.look()).toMatchObject({ rows: 3, rollouts: 2, rejected: 1 })
    at.again()
    appendFileSync(at.path('rows.jsonl'), `${line(2)}{"input": "2?"}\n`)
    expect(await at.look()).toMatchObject({ rows: 2, rollouts: 1, rejected: 1 })
    const [follow] = at.store.follows.list()
    const kept = await readRejected(at.store.folder, follow!.options.importId, 0, 10)
    expect(kept.rows.map(({ line: where, code }) => [where, code])).toEqual([
      [3, 'row.notJson'],
      [5, 'row.noCompletion'],
    ])
    expect(follow).toMatchObject({ rejected: 2 })
  })

  it('says of a file of problems that it holds no rollouts, and reads the others', async () => {
    const at = bench()
    writeFileSync(at.path('problems.jsonl'), '{"problem": "2 + 2?", "answer": "4"}\n')
    expect(await at.look()).toMatchObject({ rows: 0 })
    expect(at.files()[0]!.reason).toEqual({
      code: 'follow.notRollouts',
      expected: 'rollouts: rows with a completion',
      found: 'problems.jsonl, which looks like problems of a dataset',
      next: expect.stringContaining('imported, not followed') as unknown,
    })
    writeFileSync(at.path('rows.jsonl'), lines(0, 2))
    expect(await at.look()).toMatchObject({ rows: 2 })
  })

  it('waits with a table of its own kind until a few rows tell what its columns hold, or nothing more comes', async () => {
    const at = bench()
    const row = (answer: string): string =>
      `${JSON.stringify({ question: '2 + 2?', response: `so it is ${answer}`, target: '4', answer, reward: 1, step: 1 })}\n`
    const late = new Date(Date.now() + 60_000)
    writeFileSync(at.path('rows.jsonl'), row('4'))
    utimesSync(at.path('rows.jsonl'), late, late)
    expect(await at.look()).toMatchObject({ rows: 0, read: [] })
    appendFileSync(at.path('rows.jsonl'), ['5', '4', '6', '4', '7', '4', '8'].map(row).join(''))
    utimesSync(at.path('rows.jsonl'), late, late)
    expect(await at.look()).toMatchObject({ rows: 8 })
    expect(rolloutsOf(at.store, at.runId)).toEqual(await at.atOnce())
    expect(new Set(rolloutsOf(at.store, at.runId).map(({ answer }) => answer))).toEqual(new Set(['4']))
  })

  it.skipIf(process.platform !== 'linux')('leaves no file open of which it was too early to tell anything, known ones too', async () => {
    const file = join(mkdtempSync(join(tmpdir(), 'mrt-early-')), 'rows.jsonl')
    made.push(() => rmSync(dirname(file), { recursive: true, force: true }))
    const line = `${JSON.stringify({ prompt: '1?', completion: 'a', reward: 1 })}\n`
    writeFileSync(file, line + line)
    const mine = (): number => readdirSync('/proc/self/fd').filter((fd) => opensOf(fd) === file).length
    for (const from of [null, { byte: line.length, line: 2 }])
      await expect(
        createSession({})
          .growing({ path: file, source: null, split: undefined }, { from, fresh: () => true, settled: false })
          .next(),
      ).rejects.toThrow(expect.objectContaining({ code: 'follow.early' }))
    expect(mine()).toBe(0)
  })

  it('takes up a folder that is followed already, grades what carries no verdict, and refuses one that is not there', async () => {
    const at = bench()
    writeFileSync(
      at.path('rows.jsonl'),
      '{"prompt": "2 + 2?", "completion": "it is \\\\boxed{4}", "ground_truth": "4", "step": 1}\n{"prompt": "2 + 2?", "completion": "it is \\\\boxed{5}", "ground_truth": "4", "step": 1}\n',
    )
    await at.look({ grader: 'math' })
    expect(rolloutsOf(at.store, at.runId).map(({ correct }) => correct)).toEqual([true, false])
    const first = at.runId
    at.again()
    await at.look()
    expect([at.runId, at.store.follows.list().length]).toEqual([first, 1])
    await expect(startFollow(at.store, join(at.run, 'none'), {}, Date.now)).rejects.toMatchObject({ code: 'file.missing' })
  })

  it('gets a run and a dataset under its name or one of choice, and no follower where it is a model, a workspace or graded by nothing known', async () => {
    const at = bench()
    const before = at.store.workspace().counts
    const model = dirname(at.path('model/config.json'))
    cpSync(resolve(import.meta.dirname, '../fixtures/families/llama'), model, { recursive: true })
    for (const path of [model, at.store.folder])
      await expect(startFollow(at.store, path, {}, () => 5)).rejects.toMatchObject({
        code: 'import.notRows',
        found: expect.stringContaining(`${path} is a ${path === model ? 'model' : 'workspace'}: `) as unknown,
      })
    await expect(startFollow(at.store, at.run, { grader: 'nonsense' }, () => 5)).rejects.toMatchObject({ code: 'grader.kind' })
    expect([at.store.workspace().counts, at.store.follows.list()]).toEqual([before, []])
    const { runId, options, active, createdAtMs, path } = await startFollow(
      at.store,
      `${at.run}/`,
      { grader: 'math', identity: 'id' },
      () => 5,
    )
    expect([options, active, createdAtMs, path]).toEqual([
      { grader: 'math', identity: 'id', importId: expect.stringMatching(/^5-[0-9a-f]{8}$/) as unknown },
      true,
      5,
      at.run,
    ])
    const { datasetId, ...run } = at.store.runs.get(runId)!
    expect(run).toMatchObject({
      name: 'run',
      method: 'imported',
      algorithm: 'imported',
      config: { files: ['run'], grader: 'math' },
      seed: 0,
      groupKey: `imported ${options.importId}`,
      modelId: null,
      parentRunId: null,
      parentStep: null,
      plannedSteps: 0,
      environment: {},
      note: '',
      status: 'finished',
      createdAtMs: 5,
    })
    expect(at.store.datasets.get(datasetId!)).toMatchObject({
      name: 'run',
      kind: 'imported',
      source: { files: ['run'] },
      roles: null,
      grader: 'math',
      note: '',
      createdAtMs: 5,
    })
    at.store.follows.setActive(at.store.follows.list()[0]!.id, false)
    expect(await startFollow(at.store, at.run, { name: 'other' }, () => 6)).toMatchObject({ runId, active: true })
    const other = await startFollow(at.store, dirname(at.path('more/rows.jsonl')), { name: 'named' }, () => 7)
    const named = at.store.runs.get(other.runId)!
    expect([
      named.name,
      named.config,
      at.store.datasets.get(named.datasetId!)!.name,
      at.store.datasets.get(named.datasetId!)!.grader,
    ]).toEqual(['named', { files: ['more'], grader: null }, 'named', 'math'])
  })
})

describe('files of a followed folder', () => {
  it('that is one file, are that file and the logs that were rotated from it, and none of its neighbours', async () => {
    const at = bench()
    const path = at.path('rows.jsonl')
    writeFileSync(path, lines(0, 3))
    writeFileSync(at.path('rows.jsonl.1'), lines(3, 5))
    symlinkSync(at.path('nowhere'), at.path('rows.jsonl.2'))
    writeFileSync(at.path('rows-old.jsonl'), lines(5, 6))
    expect(await at.look({}, { path })).toEqual({ ...NOTHING, rows: 5, rollouts: 5, read: ['rows.jsonl', 'rows.jsonl.1'] })
    appendFileSync(path, lines(6, 7))
    expect(await at.look({}, { path })).toMatchObject({ rows: 1, read: ['rows.jsonl'] })
    rmSync(path)
    expect(await at.look({}, { path })).toEqual({ ...NOTHING, state: 'missing' })
  })

  it('are read anew when any one of their number, size and time is another', async () => {
    const at = bench()
    const path = at.path('rows.jsonl')
    writeAt(path, lines(0, 2), WHEN)
    expect(await at.look()).toMatchObject({ rows: 2 })
    writeAt(at.path('.new'), lines(2, 4), WHEN)
    renameSync(at.path('.new'), path)
    expect(await at.look()).toMatchObject({ rows: 2 })
    writeAt(path, lines(4, 6), WHEN + 1000)
    expect(await at.look()).toMatchObject({ rows: 2 })
    writeAt(path, lines(4, 7), WHEN + 1000)
    expect(await at.look()).toMatchObject({ rows: 1 })
    expect(await at.look()).toEqual(NOTHING)
  })

  it.each([
    ['number', 6, WHEN],
    ['size', 7, WHEN],
    ['time', 6, WHEN + 1000],
  ] as const)('are other files where only their %s is, and what was rotated away is read to its end', async (what, end, atMs) => {
    const at = bench()
    const path = at.path('rows.jsonl')
    writeAt(path, lines(0, 2), WHEN)
    await at.look()
    writeAt(at.path('rows.jsonl.1'), lines(0, 3), WHEN)
    const fresh = what === 'number' ? at.path('.new') : path
    writeAt(fresh, lines(4, end), atMs)
    renameSync(fresh, path)
    await at.look()
    expect(sorted(at.texts())).toEqual([...rows(0, 3), ...rows(4, end)])
    expect(at.files().map((file) => [file.path, file.rows])).toEqual([
      ['rows.jsonl', end - 4],
      ['rows.jsonl.1', 3],
    ])
  })

  it('are known again under any name by their number, and by their content under the names that rotation gives', async () => {
    const at = bench()
    writeFileSync(at.path('rows.jsonl'), lines(0, 3))
    await at.look()
    renameSync(at.path('rows.jsonl'), at.path('archive.jsonl'))
    expect(await at.look()).toMatchObject({ rows: 0 })
    const old = readFileSync(at.path('archive.jsonl'))
    rmSync(at.path('archive.jsonl'))
    writeFileSync(at.path('kept'), 'so that no number is given again')
    writeFileSync(at.path('archive.jsonl-20250101'), old)
    expect(await at.look()).toMatchObject({ rows: 0 })
    rmSync(at.path('archive.jsonl-20250101'))
    writeFileSync(at.path('kept as well'), 'so that no number is given again')
    writeFileSync(at.path('others.jsonl'), old)
    expect(await at.look()).toMatchObject({ rows: 3, read: ['others.jsonl'] })
    expect(at.files().map(({ path, rows }) => [path, rows])).toEqual([
      ['archive.jsonl-20250101', 3],
      ['others.jsonl', 3],
    ])
  })

  it('are told from others that begin alike and are as long by how they end', async () => {
    const at = bench()
    const path = at.path('rows.jsonl')
    writeFileSync(path, lines(0, 500))
    expect(await at.look()).toMatchObject({ rows: 500 })
    writeFileSync(path, lines(0, 300) + lines(600, 900))
    expect(await at.look()).toMatchObject({ rows: 300 })
  })

  it('of a layout that says which hold rollouts are those and what was rotated from them', async () => {
    const at = bench()
    writeFileSync(at.path('1.jsonl'), lines(0, 2))
    writeFileSync(at.path('2.jsonl'), lines(2, 4))
    writeFileSync(at.path('notes.jsonl'), lines(20, 22))
    writeFileSync(at.path('notes.jsonl.1'), lines(22, 24))
    expect(await at.look()).toMatchObject({ rows: 4, read: ['1.jsonl', '2.jsonl'] })
    renameSync(at.path('1.jsonl'), at.path('1.jsonl.2'))
    writeFileSync(at.path('1.jsonl.1'), lines(4, 6))
    expect(await at.look()).toMatchObject({ rows: 2 })
    expect(sorted(at.texts())).toEqual(rows(0, 6))
  })

  it('are not opened again where a table only has another name', async () => {
    const at = bench()
    const from = join(cases, 'trl/good/completions/completions_00005.parquet')
    copyFileSync(from, at.path('completions/completions_00005.parquet'))
    expect(await at.look()).toMatchObject({ unfinished: 0, read: ['completions/completions_00005.parquet'] })
    renameSync(at.path('completions/completions_00005.parquet'), at.path('completions/completions_00006.parquet'))
    expect(await at.look()).toEqual(NOTHING)
    expect(at.files().map(({ path }) => path)).toEqual(['completions/completions_00006.parquet'])
  })

  it('that were good keep what is known of them when they break, and an empty one is only early', async () => {
    const at = bench()
    const name = 'completions/completions_00005.parquet'
    const whole = readFileSync(join(cases, 'trl/good', name))
    writeFileSync(at.path(name), whole)
    const { rows: count } = await at.look()
    writeFileSync(at.path(name), whole.subarray(0, whole.length >> 1))
    expect(await at.look()).toEqual({ ...NOTHING, read: [name] })
    expect(at.files()).toMatchObject([{ path: name, rows: count, source: 'trl', reason: { code: 'parquet.truncated' } }])
    writeFileSync(at.path(name), '')
    expect(await at.look()).toEqual({ ...NOTHING, read: [name] })
    expect(at.files()).toMatchObject([{ path: name, rows: count, reason: null }])
  })

  it('whose first line of metrics was half written are metrics once it is whole, and stay so', async () => {
    const at = bench()
    const path = at.path('log.jsonl')
    writeFileSync(path, '{"step": 1, "lo')
    expect(await at.look()).toMatchObject({ rows: 0, steps: 0 })
    appendFileSync(path, 'ss": 2}\n{"step": 1, "reward": 0.5}\n')
    expect(await at.look()).toMatchObject({ rows: 0, steps: 1 })
    appendFileSync(path, '{"note": "no step"}\n{"step": 2, "loss": 1}\n')
    expect(await at.look()).toMatchObject({ rows: 0, steps: 1 })
    expect(at.files()).toMatchObject([{ kind: 'metrics', source: 'metrics', rows: 3, rejected: 1, reason: null }])
    expect(at.store.steps.range(at.runId, 0, 9)).toMatchObject([{ metrics: { loss: 2, 'stated/reward': 0.5 } }, { metrics: { loss: 1 } }])
  })

  it('that say what was trained on are read once they are settled, unless the whole lies beside them', async () => {
    const from = join(cases, 'prime-rl/good/rollouts/step_3/train')
    const [effective, all] = ['effective', 'all'].map((name) => `rollouts/step_3/train/${name}/traces.jsonl`)
    const at = bench()
    writeAt(at.path(effective!), readFileSync(join(from, 'effective/traces.jsonl')), WHEN)
    at.clock.atMs = WHEN + 4999
    expect(await at.look()).toEqual(NOTHING)
    writeAt(at.path(all!), readFileSync(join(from, 'all/traces.jsonl')), WHEN)
    at.clock.atMs = WHEN + 60_000
    expect(await at.look()).toMatchObject({ read: [all] })
    const alone = bench()
    writeAt(alone.path(effective!), readFileSync(join(from, 'effective/traces.jsonl')), WHEN)
    alone.clock.atMs = WHEN + 5000
    expect(await alone.look()).toMatchObject({ read: [effective] })
  })

  it('of a kind of their own wait for few rows to settle five seconds, and no longer', async () => {
    const at = bench()
    writeAt(at.path('rows.jsonl'), `${JSON.stringify({ question: '2?', response: 'so it is 4', target: '4', reward: 1, step: 1 })}\n`, WHEN)
    at.clock.atMs = WHEN + 5000
    expect(await at.look()).toEqual({ ...NOTHING, putOff: 1 })
    at.clock.atMs = WHEN + 5001
    expect(await at.look()).toMatchObject({ rows: 1, putOff: 0 })
  })

  it('that are tables of text give their last row once they were left alone, though nothing of them changed', async () => {
    const at = bench()
    const row = (n: number): string => `${n} + 1?,row ${n},${n + 1},1,1`
    writeAt(at.path('rows.csv'), ['input,output,gts,score,step', ...[1, 2, 3].map(row)].join('\n'), WHEN)
    at.clock.atMs = WHEN + 1000
    expect(await at.look()).toMatchObject({ rows: 2 })
    at.clock.atMs = WHEN + 60_000
    expect(await at.look()).toMatchObject({ rows: 1 })
    expect(await at.look()).toEqual(NOTHING)
    expect(at.texts()).toEqual(['row 1', 'row 2', 'row 3'])
  })
})

describe('a look at a followed folder', () => {
  it('that is broken off stores nothing more, and the next one reads what it left', async () => {
    const at = bench()
    writeFileSync(at.path('a.jsonl'), '{"step": 1, "loss": 2}\n')
    expect(await at.look({}, { signal: AbortSignal.abort() })).toEqual(NOTHING)
    expect(await at.look()).toMatchObject({ steps: 1 })
    writeFileSync(at.path('rows.jsonl'), lines(0, 2))
    const abort = new AbortController()
    at.whenReading(() => abort.abort())
    expect(await at.look({}, { signal: abort.signal })).toEqual(NOTHING)
    expect(at.store.follows.list()[0]).toMatchObject({ rows: 0 })
    expect(await at.look()).toMatchObject({ rows: 2 })
  })

  it('that fails for a reason of ours says so, and the next one reads what it left', async () => {
    const at = bench()
    await at.look()
    writeFileSync(at.path('rows.jsonl'), lines(0, 2))
    at.whenReading(() => {
      throw new Error('no clock')
    })
    await expect(at.look()).rejects.toThrow('no clock')
    expect(await at.look()).toMatchObject({ rows: 2 })
  })

  it('puts off a file that is gone or another by the time that it is read', async () => {
    const at = bench()
    await at.look()
    const path = at.path('rows.jsonl')
    writeFileSync(path, lines(0, 2))
    writeFileSync(at.path('.later'), lines(2, 5))
    at.whenReading(() => renameSync(at.path('.later'), path))
    expect(await at.look()).toEqual({ ...NOTHING, putOff: 1 })
    expect(await at.look()).toMatchObject({ rows: 3, putOff: 0 })
    writeFileSync(at.path('more.jsonl'), lines(5, 6))
    at.whenReading(() => rmSync(at.path('more.jsonl')))
    expect(await at.look()).toEqual({ ...NOTHING, putOff: 1 })
    expect(sorted(at.texts())).toEqual(rows(2, 5))
  })

  it('says with the dataset which files its rows came from, how many there were, and when', async () => {
    const at = bench()
    at.clock.atMs = 2_000_000_000_000
    const path = at.path('rows.jsonl')
    writeFileSync(path, `${lines(0, 2)}not json\n${line(2).slice(0, 30)}`)
    writeFileSync(at.path('metrics.jsonl'), '{"step": 1, "loss": 2}\n')
    writeFileSync(at.path('problems.jsonl'), '{"problem": "2 + 2?", "answer": "4"}\n')
    expect(await at.look()).toMatchObject({ rows: 3, rollouts: 2, rejected: 1, steps: 1, unfinished: 1 })
    expect(at.dataset()).toMatchObject({ grader: 'math', roles: null })
    expect(at.dataset().source).toEqual({
      importId: at.store.follows.list()[0]!.options.importId,
      kind: 'rollouts',
      rows: 3,
      imported: 2,
      rejectedRows: 1,
      rejectedByCode: {},
      split: null,
      similar: { count: 0, examples: [] },
      why: { roles: '', grader: '' },
      files: [
        {
          name: 'rows.jsonl',
          format: 'followed',
          compression: 'none',
          bytes: statSync(path).size,
          sha256: '',
          source: 'verl',
          rows: 3,
          imported: 2,
          rejected: 1,
          notes: [],
        },
      ],
      notes: [`Followed: ${at.run}`],
      atMs: at.clock.atMs,
    })
    expect(importRecord.safeParse(at.dataset().source).success).toBe(true)
    expect(at.store.follows.list()).toMatchObject([{ rows: 3, rejected: 1, lastRowAtMs: at.clock.atMs }])
    // The same rows in another order are no news.
    at.clock.atMs += 1000
    writeFileSync(path, `not json\n${lines(1, 2)}${lines(0, 1)}`)
    expect(await at.look()).toMatchObject({ rows: 0, rejected: 0, read: ['rows.jsonl'] })
    expect(at.dataset()).toMatchObject({ source: { atMs: at.clock.atMs - 1000 } })
    expect(at.store.follows.list()).toMatchObject([{ rows: 3, rejected: 1, lastRowAtMs: at.clock.atMs - 1000 }])
    appendFileSync(path, line(3))
    await at.look()
    expect(at.dataset()).toMatchObject({ source: { rows: 4, imported: 3, atMs: at.clock.atMs } })
    expect(at.files().find((each) => each.path === 'rows.jsonl')).toMatchObject({ rows: 4, rejected: 1, line: 5 })
  })

  it('cuts off rejected rows that a killed process wrote and did not count', async () => {
    const at = bench()
    writeFileSync(at.path('rows.jsonl'), `${line(0)}not json\n`)
    await at.look()
    const { options } = at.store.follows.list()[0]!
    appendFileSync(rejectedFile(at.store.folder, options.importId), '{"line": 99, "code": "never.counted"')
    appendFileSync(at.path('rows.jsonl'), 'nor this\n')
    await at.look()
    const { rows: kept } = await readRejected(at.store.folder, options.importId, 0, 10)
    expect(kept.map(({ line: where }) => where)).toEqual([2, 3])
  })

  it('counts equal rows through the whole of a long file that is written again', async () => {
    const at = bench()
    const path = at.path('rows.jsonl')
    // Longer than what is read of a file at once.
    const many = lines(0, 400).replaceAll('row ', `${'and so on '.repeat(100)}row `)
    writeFileSync(path, line(7000) + many)
    expect(await at.look()).toMatchObject({ rows: 401 })
    writeFileSync(path, many + line(7000) + line(7000))
    expect(await at.look()).toMatchObject({ rows: 1 })
    writeFileSync(path, line(7000) + many + line(7000) + line(7000))
    expect(await at.look()).toMatchObject({ rows: 1 })
    const identity = at.store.follows.identity(at.store.follows.list()[0]!.id).map((entry) => JSON.stringify(entry))
    expect(new Set(identity).size).toBe(identity.length)
  })

  it('reads rows as it was asked to: as what, by which columns, by whose names of problems', async () => {
    const at = bench()
    const row = (id: number): string => `${JSON.stringify({ name: id, ask: '2 + 2?', said: `four ${id}`, gold: '4', reward: 1 })}\n`
    writeFileSync(at.path('rows.jsonl'), row(5) + row(6))
    const map = { prompt: 'ask', completion: 'said', ground_truth: 'gold', prompt_id: 'name' }
    expect(await at.look({ as: 'plain', map, identity: 'id' })).toMatchObject({ rows: 2, rollouts: 2 })
    expect(rolloutsOf(at.store, at.runId).map(({ prompt, answer, text }) => [prompt, answer, text])).toEqual([
      ['2 + 2?', '4', 'four 5'],
      ['2 + 2?', '4', 'four 6'],
    ])
    expect(at.dataset().problemCount).toBe(2)
  })

  it('grades nothing where the program makes the problems itself', async () => {
    const at = bench()
    writeFileSync(at.path('rows.jsonl'), '{"prompt": "2 + 2?", "completion": "it is 4", "ground_truth": "4", "step": 1}\n')
    await at.look({ grader: 'countdown' })
    expect(rolloutsOf(at.store, at.runId).map(({ correct }) => correct)).toEqual([null])
    expect(at.dataset().grader).toBe('countdown')
  })

  it('grades on after its reader rested', async () => {
    const at = bench()
    const row = (answer: number): string =>
      `${JSON.stringify({ prompt: '2 + 2?', completion: `it is \\boxed{${answer}}`, ground_truth: '4', step: 1 })}\n`
    writeFileSync(at.path('rows.jsonl'), row(4))
    await at.look({ grader: 'math' })
    await at.rest()
    appendFileSync(at.path('rows.jsonl'), row(5))
    await at.look()
    expect(rolloutsOf(at.store, at.runId).map(({ correct }) => correct)).toEqual([true, false])
  })

  it('is refused for a folder that is followed no more', async () => {
    const at = bench()
    await expect(createFollower(at.store, 99, Date.now).poll()).rejects.toMatchObject({
      code: 'follow.unknown',
      expected: 'a folder that is followed',
      found: 'number 99',
      next: 'It may have been forgotten; follow it again.',
    })
  })
})

describe('what is known of the steps of a run that was trained elsewhere', () => {
  it('is computed from its rollouts, each figure with how many stand behind it, apart for other splits, and only for steps that rows name', async () => {
    const at = bench()
    const row = (fields: object): string => `${JSON.stringify({ prompt: '2?', completion: 'four', ...fields })}\n`
    writeFileSync(
      at.path('rows.jsonl'),
      row({ step: 1, reward: 1, correct: true, completion_tokens: 10, finish_reason: 'stop' }) +
        row({ step: 1, reward: 0, correct: false, completion_tokens: 30, finish_reason: 'length' }) +
        row({ step: 2, reward: 0.5 }) +
        row({ reward: 7 }) +
        row({ step: 2, reward: 3, split: 'eval' }),
    )
    await at.look()
    const steps = at.store.steps.range(at.runId, 0, 10).map(({ step, metrics }) => ({ step, ...metrics }))
    expect(steps).toEqual([
      {
        step: 1,
        'n/rollouts': 2,
        'n/reward': 2,
        reward: 0.5,
        reward_std: Math.SQRT1_2,
        'n/graded': 2,
        'rewards/outcome/mean': 0.5,
        'n/length': 2,
        'completions/mean_length': 20,
        'completions/min_length': 10,
        'completions/max_length': 30,
        'completions/clipped_ratio': 0.5,
      },
      {
        step: 2,
        'n/rollouts': 1,
        'n/reward': 1,
        reward: 0.5,
        'completions/mean_characters': 4,
        'eval/n/rollouts': 1,
        'eval/n/reward': 1,
        'eval/reward': 3,
        'eval/completions/mean_characters': 4,
      },
    ])
  })

  it('is the same after one import of the file', async () => {
    const at = bench()
    writeFileSync(at.path('1.jsonl'), lines(0, 9))
    await at.look()
    const { runId } = await importInto(at.store, [at.run], {}, () => 1)
    const metricsOf = (id: number) => at.store.steps.range(id, 0, 10).map(({ step, metrics, tokens }) => ({ step, metrics, tokens }))
    expect(metricsOf(runId!)).toEqual(metricsOf(at.runId))
    expect(metricsOf(runId!)).toMatchObject([{ step: 1, metrics: { 'n/rollouts': 9, reward: 4 / 9 } }])
  })

  it('comes from metrics.jsonl and event files too, as they grow, under names that are not mistaken for what is computed here', async () => {
    const at = bench()
    const events = readFileSync(resolve(import.meta.dirname, '../data/events/tensorboardX.tfevents'))
    writeFileSync(at.path('1.jsonl'), lines(0, 4))
    writeFileSync(at.path('metrics.jsonl'), '{"step": 1, "reward": 0.3, "loss": 2}\n{"step": 2, "lo')
    writeFileSync(at.path('runs/host/events.out.tfevents.1.host'), events.subarray(0, 200))
    expect(await at.look()).toMatchObject({ rows: 4 })
    appendFileSync(at.path('metrics.jsonl'), 'ss": 1}\n')
    appendFileSync(at.path('runs/host/events.out.tfevents.1.host'), events.subarray(200))
    at.again()
    await at.look()
    const [, one, two] = at.store.steps.range(at.runId, 0, 10)
    expect(one).toMatchObject({ step: 1, metrics: { reward: 0.5, 'stated/reward': 0.3, loss: 2, 'train/completions/mean_length': 101 } })
    expect(two).toMatchObject({ step: 2, metrics: { loss: 1, 'train/completions/mean_length': 102 } })
    expect(await at.look()).toMatchObject({ steps: 0, read: [] })
  })

  it('keeps event files apart whose folders say that they are, and joins those of a restart', () => {
    const all = [
      'a/events.out.tfevents.1',
      'a/loss_train/events.out.tfevents.2',
      'b/events.out.tfevents.3',
      'keras/validation/events.out.tfevents.4',
    ]
    expect(all.map((path) => tagPrefix(path, all))).toEqual(['', 'loss_train/', '', 'validation/'])
    const nested = ['events.out.tfevents.1', 'a/b/events.out.tfevents.2', 'train/notes.txt']
    expect(nested.map((path) => tagPrefix(path, nested))).toEqual(['', 'a/b/', 'train/'])
    const deep = ['a/events.out.tfevents.1', 'a/b/c/events.out.tfevents.2', 'train/events.out.tfevents.3', 'train/notes.txt']
    expect(deep.map((path) => tagPrefix(path, deep))).toEqual(['', 'b/c/', 'train/', 'train/'])
  })
})
