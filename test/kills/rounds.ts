// Kills (SIGKILL) work at random moments and looks at what is left: `node test/kills/rounds.ts 100` for a hundred kills of each kind,
// `node test/kills/rounds.ts 25 merge` for some of one. After every kill the database must be whole, hold all of the work or none of it,
// hold nothing that was cut short, and the work must succeed when it is done again.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import Database from 'better-sqlite3'
import { openStore } from '../../src-main/store/openStore.ts'
import { findMigrations, MIGRATIONS } from '../../src-main/store/schema.ts'

export const works = ['import', 'merge', 'export', 'migration'] as const
export type Work = (typeof works)[number]

export interface Told {
  /** Kills that hit the work while it was under way. */
  readonly kills: number
  /** Rounds in which it was through before it could be killed. */
  readonly late: number
  /** After how many kills the work had been done nevertheless. */
  readonly done: number
}

const PROBLEMS = 4000
const sample = resolve(import.meta.dirname, '../../resources/sample')
const script = join(import.meta.dirname, 'work.ts')

interface Place {
  /** The workspace that is worked on, as it was before. */
  readonly folder: string
  readonly given: string
}

/** What a round begins with. */
const prepare: { readonly [W in Work]: (root: string) => Place } = {
  import(root) {
    const given = join(root, 'problems.jsonl')
    if (!existsSync(given))
      writeFileSync(
        given,
        Array.from(
          { length: PROBLEMS },
          (_, at) => `{"question":"What is ${at} + ${at * 7}, said the ${at % 13}th of them?","answer":"#### ${at * 8}"}\n`,
        ).join(''),
      )
    return { folder: join(root, 'workspace'), given }
  },
  merge: (root) => ({ folder: join(root, 'workspace'), given: sample }),
  export(root) {
    const folder = join(root, 'workspace')
    cpSync(sample, folder, { recursive: true })
    return { folder, given: join(folder, 'exports', 'rollouts.jsonl') }
  },
  migration(root) {
    const folder = join(root, 'workspace')
    mkdirSync(folder, { recursive: true })
    const db = new Database(join(folder, 'workspace.db'))
    const [first] = findMigrations(MIGRATIONS)
    db.exec(readFileSync(first!.path, 'utf8'))
    db.exec(`PRAGMA application_id = ${0x4d525457}; PRAGMA user_version = 1; INSERT INTO workspace VALUES (1, 'old', 1);
      INSERT INTO datasets VALUES (1, 'd', 'imported', '{}', 'null', 'g', '', 1);
      WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${PROBLEMS}) INSERT INTO problems SELECT i, 1, 'p' || i, 'train', 'prompt ' || i, '"1"', NULL, '{}' FROM n;
      INSERT INTO evaluations (id, name, dataset_id, split, config, budgets, trained_budget, samples_per_problem, created_at_ms, status, metrics) VALUES (1, 'e', 1, 'train', '{}', '[8]', 8, 2, 1, 'finished', '{}');
      INSERT INTO evaluation_results SELECT 1, id, 2, 0.5, 3, x'0000003f', x'0000003f' FROM problems`)
    db.close()
    return { folder, given: '' }
  },
}

/** What the workspace holds of the work: 0 of it, all of it; anything between is a fault. */
const whole: { readonly [W in Work]: number } = { import: PROBLEMS, merge: 3, export: 1, migration: findMigrations(MIGRATIONS).length - 1 }
const held: { readonly [W in Work]: (place: Place) => number } = {
  import: ({ folder }) => counted(folder, 'SELECT count(*) FROM problems'),
  merge: ({ folder }) => counted(folder, 'SELECT count(*) FROM runs'),
  export: ({ given }) => {
    if (!existsSync(given)) return 0
    const lines = readFileSync(given, 'utf8').trimEnd().split('\n')
    for (const line of lines) JSON.parse(line)
    return lines.length === counted(sample, 'SELECT count(*) FROM rollouts WHERE run_id = 1 AND evaluation_id IS NULL') ||
      lines.length === counted(sample, 'SELECT count(*) FROM rollouts WHERE run_id = 1')
      ? 1
      : 0.5
  },
  migration: ({ folder }) => counted(folder, 'PRAGMA user_version') - 1,
}

function counted(folder: string, sql: string): number {
  const file = join(folder, 'workspace.db')
  if (!existsSync(file)) return 0
  const db = new Database(file, folder === sample ? { readonly: true } : {})
  try {
    return db.prepare<unknown[], number>(sql).pluck().get() ?? 0
  } finally {
    db.close()
  }
}

/** Runs the work; kills it `afterMs` after it has begun. Returns how long it took, or null where it was killed. */
async function run(work: Work, { folder, given }: Place, afterMs: number): Promise<number | null> {
  const child = spawn(process.execPath, [script, work, folder, given], { stdio: ['ignore', 'pipe', 'pipe'] })
  let complaint = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => (complaint += text))
  const ended = once(child, 'exit')
  await Promise.race([once(child.stdout, 'data'), ended])
  const began = performance.now()
  const timer = setTimeout(() => child.kill('SIGKILL'), afterMs)
  const [code, signal] = (await ended) as [number | null, string | null]
  clearTimeout(timer)
  if (signal === null && code !== 0) throw new Error(`${work} ended with ${code}: ${complaint}`)
  return signal === null ? performance.now() - began : null
}

const LEFTOVER = /^\.(?:merging|unfinished)-|\.unfinished$|\.part$|^unfinished\.db$/
const leftovers = (folder: string): string[] =>
  existsSync(folder)
    ? readdirSync(folder, { recursive: true })
        .map(String)
        .filter((path) => LEFTOVER.test(path.split(/[\\/]/).at(-1)!))
    : []

/** Kills `work` so many times, each time on a fresh workspace. Throws what is wrong with what is left. */
export async function killRounds(work: Work, kills: number): Promise<Told> {
  const root = mkdtempSync(join(tmpdir(), `mrt-kills-${work}-`))
  try {
    const first = prepare[work](root)
    const tookMs = (await run(work, first, 600_000))!
    if (held[work](first) !== whole[work]) throw new Error(`undisturbed ${work} leaves ${held[work](first)} of ${whole[work]}`)
    let told: Told = { kills: 0, late: 0, done: 0 }
    for (let round = 0; told.kills < kills && round < 3 * kills; round++) {
      rmSync(join(root, 'workspace'), { recursive: true, force: true })
      const place = prepare[work](root)
      // The moment is drawn fresh each time: the more often this runs, the more moments it has tried.
      const killed = (await run(work, place, Math.random() * tookMs)) === null
      const left = existsSync(join(place.folder, 'workspace.db')) && statSync(join(place.folder, 'workspace.db')).size > 0
      if (work !== 'migration' && left) openStore(place.folder).close()
      const holds = held[work](place)
      if (holds !== 0 && holds !== whole[work] && work !== 'migration') throw new Error(`killed ${work} leaves ${holds} of ${whole[work]}`)
      if (left) {
        const db = new Database(join(place.folder, 'workspace.db'))
        const found = [db.pragma('integrity_check', { simple: true }), (db.pragma('foreign_key_check') as unknown[]).length]
        db.close()
        if (found[0] !== 'ok' || found[1] !== 0) throw new Error(`killed ${work} leaves a damaged database: ${JSON.stringify(found)}`)
      }
      if (holds !== whole[work]) await run(work, place, 600_000)
      else openStore(place.folder, { create: true }).close()
      if (held[work](place) !== whole[work]) throw new Error(`${work} done again leaves ${held[work](place)} of ${whole[work]}`)
      openStore(place.folder).close()
      const scraps = leftovers(place.folder)
      if (scraps.length > 0) throw new Error(`killed ${work} leaves ${scraps.join(', ')}`)
      told = {
        kills: told.kills + Number(killed),
        late: told.late + Number(!killed),
        done: told.done + Number(killed && holds === whole[work]),
      }
    }
    return told
  } finally {
    rmSync(root, { recursive: true, force: true })
  }
}

if (process.argv[1] === import.meta.filename) {
  const [rounds = '100', ...names] = process.argv.slice(2)
  for (const work of works.filter((each) => names.length === 0 || names.includes(each))) {
    const { kills, late, done } = await killRounds(work, Number(rounds))
    console.log(
      `${work}: ${kills} kills, ${done} of them after the work was through; ${late} rounds came too late. Nothing was torn, everything could be done again.`,
    )
  }
}
