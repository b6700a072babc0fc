// `mrt follow` as a process: killed at any moment while a trainer writes, rotates and syncs its files, it has every row once in the end;
// Ctrl-C ends it cleanly; --once ends by itself.
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { appendFileSync, copyFileSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import Database from 'better-sqlite3'
import { afterAll, expect, it } from 'vitest'

const folder = mkdtempSync(join(tmpdir(), 'mrt-cli-follow-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const cli = resolve(import.meta.dirname, '../../src-main/cli.ts')
const start = (...args: string[]) => spawn(process.execPath, [cli, 'follow', ...args], { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] })
const run = (...args: string[]) => spawnSync(process.execPath, [cli, 'follow', ...args], { cwd: folder, encoding: 'utf8' })
const last = (stdout: string): Record<string, unknown> => JSON.parse(stdout.trim().split('\n').at(-1)!) as Record<string, unknown>
const row = (n: number, step: number): string =>
  `${JSON.stringify({ input: `${n % 16} + 1?`, output: `row ${n} ${'x'.repeat(n % 400)}`, gts: '1', score: n % 2, step })}\n`

const KILLS = 7
/** What a trainer writes at most until the next kill: on a slow machine it would write ever more, and reading that would take ever longer. */
const BATCHES = 30

it('has every row once however often it is killed while files grow, are rotated and are replaced by longer copies', async () => {
  const watched = join(folder, 'killed')
  mkdirSync(watched)
  let written = 0
  let logs = 0
  let writing = true
  let batches = 0
  /** A trainer: a growing log that is rotated, files of steps that are written at once, and a file that a sync replaces. */
  const trainer = (async () => {
    let copy = ''
    while (writing) {
      if (batches === 0) {
        await wait(20)
        continue
      }
      batches--
      const [log, synced] = [join(watched, 'log.jsonl'), join(watched, 'synced.jsonl')]
      const batch = Array.from({ length: 40 }, () => row(written++, 1)).join('')
      // Lines are written in two pieces, so that looks fall between them.
      const cut = Math.floor(Math.random() * batch.length)
      appendFileSync(log, batch.slice(0, cut))
      await wait(4)
      appendFileSync(log, batch.slice(cut))
      if (Math.random() < 0.1) renameSync(log, join(watched, `log.jsonl.${++logs}`))
      copy += Array.from({ length: 10 }, () => row(written++, 2)).join('')
      writeFileSync(join(watched, '.synced.jsonl.tmp'), copy)
      renameSync(join(watched, '.synced.jsonl.tmp'), synced)
      if (Math.random() < 0.2)
        writeFileSync(join(watched, `rollouts_${written}.jsonl`), Array.from({ length: 100 }, () => row(written++, 10)).join(''))
      await wait(60)
    }
  })()
  for (let kill = 0; kill < KILLS; kill++) {
    batches = BATCHES
    const child = start('killed', '--workspace', 'ws-killed', '--every', '50')
    await once(child.stdout, 'data')
    await wait(Math.random() * 500)
    child.kill('SIGKILL')
    await once(child, 'exit')
  }
  writing = false
  await trainer
  const { status, stdout, stderr } = run('killed', '--workspace', 'ws-killed', '--once', '--json', '--every', '50')
  expect([status, stderr]).toEqual([0, ''])
  const db = new Database(join(folder, 'ws-killed', 'workspace.db'), { readonly: true })
  const texts = db
    .prepare<unknown[], string>('SELECT text FROM rollout_bodies')
    .pluck()
    .all()
    .map((text) => Number(text.split(' ')[1]))
  const twice = texts.filter((n, at) => texts.indexOf(n) !== at)
  const missing = Array.from({ length: written }, (_, n) => n)
    .filter((n) => !new Set(texts).has(n))
    .slice(0, 10)
  expect({ rows: texts.length, twice, missing }).toEqual({ rows: written, twice: [], missing: [] })
  expect(last(stdout)).toMatchObject({ rows: written, rollouts: written, rejected: 0 })
  // Numbers of samples are given once, and the figures of steps are those of their rollouts.
  expect(
    db
      .prepare('SELECT count(*) FROM (SELECT 1 FROM rollouts GROUP BY run_id, step, group_index, sample_index HAVING count(*) > 1)')
      .pluck()
      .get(),
  ).toBe(0)
  expect(
    db
      .prepare(
        `SELECT count(*) FROM steps s WHERE abs(s.reward - (SELECT avg(reward) FROM rollouts r WHERE r.run_id = s.run_id AND r.step = s.step)) > 1e-9 OR s.metrics ->> '$."n/rollouts"' <> (SELECT count(*) FROM rollouts r WHERE r.run_id = s.run_id AND r.step = s.step)`,
      )
      .pluck()
      .get(),
  ).toBe(0)
  db.close()
}, 240_000)

it('shows what came within seconds, ends cleanly on Ctrl-C and goes on from there the next time', async () => {
  const watched = join(folder, 'live')
  mkdirSync(watched)
  writeFileSync(join(watched, '1.jsonl'), row(0, 1))
  const child = start('live', '--workspace', 'ws-live', '--every', '100')
  let out = ''
  child.stdout.on('data', (data: Buffer) => (out += data.toString()))
  const until = async (text: string): Promise<number> => {
    const began = Date.now()
    while (!out.includes(text) && Date.now() - began < 20_000) await wait(20)
    expect(out).toContain(text)
    return Date.now() - began
  }
  await until('1 rows in all')
  copyFileSync(join(watched, '1.jsonl'), join(watched, '2.jsonl'))
  appendFileSync(join(watched, '2.jsonl'), row(1, 2))
  expect(await until('3 rows in all')).toBeLessThan(15_000)
  child.kill('SIGINT')
  const [code] = (await once(child, 'exit')) as [number]
  expect([code, out.trim().split('\n').at(-1)]).toEqual([0, expect.stringContaining('3 rollouts of 3 rows')])
  appendFileSync(join(watched, '2.jsonl'), row(2, 2))
  const again = run('live', '--workspace', 'ws-live', '--once', '--json')
  expect(again.stdout).toContain('going on with')
  expect([again.status, last(again.stdout)]).toEqual([0, expect.objectContaining({ rows: 4, rollouts: 4, runId: 1 })])
})

it('refuses a folder that is not there and, with --once, one that holds nothing, and leaves nothing behind', () => {
  const missing = run('nowhere', '--workspace', 'ws-none', '--once')
  expect([missing.status, missing.stderr]).toEqual([2, expect.stringContaining('file.missing')])
  mkdirSync(join(folder, 'hollow'))
  const hollow = run('hollow', '--workspace', 'ws-none', '--once', '--json')
  expect([hollow.status, hollow.stderr]).toEqual([2, expect.stringContaining('follow.nothing')])
  const db = new Database(join(folder, 'ws-none', 'workspace.db'), { readonly: true })
  expect(['runs', 'datasets', 'follows'].map((table) => db.prepare(`SELECT count(*) FROM ${table}`).pluck().get())).toEqual([0, 0, 0])
  db.close()
})
