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
import { readRejected } from '../../src-main/lab/files/keptAside.ts'
import { openStore } from '../../src-main/store/openStore.ts'
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
  // Files of these tests are old, so that nothing waits for them to settle.
  const now = () => Date.now() + 60_000
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
    async look(options: StartFollow = {}): Promise<Looked> {
      const follow = await startFollow(store, run, options, now)
      runId = follow.runId
      follower ??= createFollower(store, follow.id, now)
      return follower.poll()
    },
    /** As a new process finds it. */
    again() {
      follower = null
      store.close()
      store = openStore(join(folder, 'workspace'), { program: 'test' })
    },
    files: () => store.follows.files(store.follows.list()[0]!.id),
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
    expect(at.files()[0]!.reason).toMatchObject({ code: 'follow.notRollouts', found: expect.stringContaining('problems.jsonl') })
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
  })
})
