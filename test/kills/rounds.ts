// Kills (SIGKILL) work at random moments and looks at what is left: `node test/kills/rounds.ts 100` for a hundred kills of each kind,
// `node test/kills/rounds.ts 25 merge` for some of one. After every kill the database must be whole, hold all of the work or none of it,
// hold nothing that was cut short, and the work must succeed when it is done again. Of a migration, from each older schema in turn, every step is
// whole or not there: the tables and rows are those of an undisturbed workspace of the schema that the file says, also in the copy made before. A study (`node test/kills/rounds.ts 20 study`) is killed
// again and again until it is through, and must then hold every cell with the numbers of one that was left alone.
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import Database from 'better-sqlite3'
import { openContext } from '../../src-main/lab/process/openContext.ts'
import { recordOf } from '../../src-main/lab/study/recording.ts'
import type { StudyRequest } from '../../src-main/lab/study/grid.ts'
import { openStore } from '../../src-main/store/openStore.ts'
import { openBench } from '../lab/micro.ts'
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
    fillOldest(db)
    advance(db, 1, oldSchema())
    db.close()
    return { folder, given: '' }
  },
}

const SCHEMAS = findMigrations(MIGRATIONS)
let migrationsBegun = 0
/** The schema that the next workspace of the rounds of migration has: the oldest, from which every step is made, and between its rounds each later one in turn. */
const oldSchema = (): number => (migrationsBegun++ % 3 < 2 ? 1 : 2 + (Math.floor(migrationsBegun / 3) % (SCHEMAS.length - 2)))

/** What the first schema could hold, in amounts that a migration has to work on. */
function fillOldest(db: Database.Database): void {
  db.pragma('foreign_keys = OFF')
  db.exec(readFileSync(SCHEMAS[0]!.path, 'utf8'))
  db.exec(`PRAGMA application_id = ${0x4d525457}; PRAGMA user_version = 1; INSERT INTO workspace VALUES (1, 'old', 1);
    INSERT INTO datasets VALUES (1, 'd', 'imported', '{}', 'null', 'g', '', 1);
    CREATE TEMP TABLE n AS WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${5 * PROBLEMS}) SELECT i FROM n;
    INSERT INTO problems SELECT i, 1, 'p' || i, 'train', 'prompt ' || i, '"1"', NULL, '{}' FROM n;
    INSERT INTO runs (id, uid, name, method, algorithm, config, seed, group_key, planned_steps, environment, note, created_at_ms, status)
      SELECT i, 'run' || i, 'r' || i, 'outcome', 'outcome', '{"task":{"name":"countdown","numbers":' || (3 + i % 3) || '},"seed":' || i || '}', i,
        '{"name":"countdown","numbers":' || (3 + i % 3) || '}', 9, '{}', '', 1, 'finished' FROM n WHERE i <= 40;
    INSERT INTO steps (run_id, step, metrics, wall_ms, tokens, estimate_tokens, flops, learning_rate, seed_state, created_at_ms)
      SELECT 1 + i % 40, i, '{"reward":' || (i / 7.0) || '}', 1, 2, 3, 4, 5, '', 1 FROM n;
    INSERT INTO evaluations (id, name, dataset_id, split, config, budgets, trained_budget, samples_per_problem, created_at_ms, status, metrics)
      SELECT i, 'e', 1, 'train', '{"task":{"name":"countdown","numbers":3}}', '[8,16,32,64]', 16, 4, 1, 'finished',
        '{"ttc/acc@16":0.5,"ttc/acc@32":0.75,"ttc/regret@64":0.25,"pass@1":0.5,"pass@4":1,"maj@4":0.5}' FROM n WHERE i <= 8;
    INSERT INTO evaluation_points SELECT e.id, c.column1, x.column1, 0.125 * e.id, NULL, NULL, 4, x.column1 > 16
      FROM evaluations e, (VALUES ('accuracy'), ('regret'), ('pass@k')) c, (VALUES (1), (2), (8), (16), (32), (64)) x;
    INSERT INTO evaluation_results SELECT 1 + i % 8, i, 2, 0.5, 3, randomblob(16), randomblob(16) FROM n;
    INSERT INTO provenances VALUES (1, '{}');
    INSERT INTO rollouts (id, run_id, phase, step, group_index, sample_index, problem_id, provenance_id, prompt_token_count, token_count, episode_count, finish_reason, used, reward_parts)
      SELECT i, 1 + i % 40, 'train', i, 0, 0, i, 1, 1, 2, 1, 'stop', 1, '{}' FROM n;
    INSERT INTO rollout_bodies SELECT i, 'Wait, ' || i || ' is not ' || (i + 1), x'01000000', x'0100000002000000', x'00000000', NULL, NULL FROM n;
    INSERT INTO episodes SELECT i, 0, 0, 2, 0, 4, 'Wait', NULL FROM n; DROP TABLE temp.n`)
}

/** Brings a database from a schema to another, one whole step after the other. */
function advance(db: Database.Database, from: number, to: number): void {
  db.pragma('foreign_keys = OFF')
  for (const { number, path } of SCHEMAS.slice(from, to))
    db.transaction(() => {
      db.exec(readFileSync(path, 'utf8'))
      db.pragma(`user_version = ${number}`)
    })()
}

/** A digest of every table's definition and rows; the words of rollouts must be found in their index. */
function contentOf(db: Database.Database): string {
  const hash = createHash('sha256')
  const all = db
    .prepare<unknown[], { name: string; type: string; sql: string | null }>('SELECT name, type, sql FROM sqlite_schema ORDER BY name')
    .all()
  for (const { name, type, sql } of all) {
    if (/^rollout_text_(?!insert|delete)|^sqlite_/.test(name)) continue
    hash.update(`${name} ${sql}`)
    if (type === 'table' && name !== 'rollout_text')
      for (const row of db.prepare<unknown[], unknown[]>(`SELECT * FROM "${name}" ORDER BY 1, 2`).raw().iterate())
        hash.update(JSON.stringify(row))
  }
  db.exec("INSERT INTO rollout_text (rollout_text) VALUES ('integrity-check')")
  return hash.digest('hex')
}

/** What the workspace of a round of migration holds at every schema from its own on, each step made undisturbed. */
function expectedContent(folder: string): ReadonlyMap<number, string> {
  const copy = join(folder, '..', 'undisturbed.db')
  cpSync(join(folder, 'workspace.db'), copy)
  const db = new Database(copy)
  const found = new Map<number, string>()
  for (let schema = db.pragma('user_version', { simple: true }) as number; ; schema++) {
    found.set(schema, contentOf(db))
    if (schema === SCHEMAS.length) break
    advance(db, schema, schema + 1)
  }
  db.close()
  rmSync(copy)
  return found
}

/** Throws where a workspace, or a copy that was made before its migration, holds anything else than what it held, at the schema that it says it has. */
function checkMigrated(folder: string, expected: ReadonlyMap<number, string>): void {
  const backups = join(folder, 'backups')
  const copies = (existsSync(backups) ? readdirSync(backups) : [])
    .filter((name) => /-schema-\d+\.db$/.test(name))
    .map((name) => join(backups, name))
  for (const path of [join(folder, 'workspace.db'), ...copies]) {
    const db = new Database(path)
    const schema = db.pragma('user_version', { simple: true }) as number
    const same = contentOf(db) === expected.get(schema)
    db.close()
    if (!same) throw new Error(`${path} holds something else than an undisturbed workspace of schema ${schema}`)
  }
}

/** What the workspace holds of the work: 0 of it, all of it; anything between is a fault. */
const whole: { readonly [W in Work]: number } = { import: PROBLEMS, merge: 3, export: 1, migration: SCHEMAS.length }
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
  migration: ({ folder }) => counted(folder, 'PRAGMA user_version'),
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
async function run(work: Work | 'study', { folder, given }: Place, afterMs: number): Promise<number | null> {
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
      const expected = work === 'migration' ? expectedContent(place.folder) : null
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
      if (expected) checkMigrated(place.folder, expected)
      if (holds !== whole[work]) await run(work, place, 600_000)
      else openStore(place.folder, { create: true }).close()
      if (held[work](place) !== whole[work]) throw new Error(`${work} done again leaves ${held[work](place)} of ${whole[work]}`)
      openStore(place.folder).close()
      if (expected) checkMigrated(place.folder, expected)
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

export interface ToldOfStudy {
  readonly kills: number
  /** Studies that were brought to their end. */
  readonly studies: number
  /** Of those, how many hold other numbers than one that was left alone. */
  readonly differences: number
}

/** Two arms of a micro model, four steps each. */
const STUDY = (start: string): StudyRequest => ({
  steps: 4,
  problems: 6,
  samples: 2,
  learningRate: 'fixed',
  validation: 3,
  checkpointEvery: 2,
  arms: ['outcome', 'mrt-exact'],
  seeds: 1,
  changes: {
    start,
    promptsPerStep: 2,
    groupSize: 4,
    observeGroups: 1,
    budget: { thinkingTokens: 24, answerTokens: 8 },
    optimizer: { lr: 1e-3 },
    evaluation: { budgets: [8, 24, 48, 72] },
  },
})

/** Everything a study found; when and how long it was worked on is left out. */
function numbersOfStudy(folder: string): string {
  const context = openContext({ folder, create: false, program: 'reading' })
  try {
    const { cells, start, clusters } = recordOf(context, context.store.studies.list()[0]!)
    return JSON.stringify({ start, clusters, cells: cells.map(({ wallMs: _, ...cell }) => cell) })
  } finally {
    context.close()
  }
}

/** Kills a study at random moments until so many kills hit it, each study until it is through. Throws what is wrong with what is left. */
export async function killStudies(kills: number): Promise<ToldOfStudy> {
  const bench = await openBench()
  try {
    const place = (name: string): Place => ({ folder: join(bench.folder, name), given: JSON.stringify(STUDY(bench.start)) })
    const tookMs = (await run('study', place('whole'), 600_000))!
    const expected = numbersOfStudy(place('whole').folder)
    let told: ToldOfStudy = { kills: 0, studies: 0, differences: 0 }
    for (let attempt = 1; told.kills < kills; attempt++) {
      const each = place(`study-${attempt}`)
      for (let round = 0; ; round++) {
        // Later sittings are left alone for longer, so that every study comes to its end.
        const through = (await run('study', each, Math.random() * tookMs * (0.6 + 0.2 * round))) !== null
        const store = openStore(each.folder)
        const scraps = leftovers(each.folder)
        store.close()
        const db = new Database(join(each.folder, 'workspace.db'))
        const found = [db.pragma('quick_check', { simple: true }), (db.pragma('foreign_key_check') as unknown[]).length]
        db.close()
        if (found[0] !== 'ok' || found[1] !== 0) throw new Error(`a killed study leaves a damaged database: ${JSON.stringify(found)}`)
        if (scraps.length > 0) throw new Error(`a killed study leaves ${scraps.join(', ')}`)
        if (through) break
        told = { ...told, kills: told.kills + 1 }
      }
      const differs = numbersOfStudy(each.folder) !== expected
      told = { ...told, studies: told.studies + 1, differences: told.differences + Number(differs) }
      rmSync(each.folder, { recursive: true, force: true })
    }
    return told
  } finally {
    bench.dispose()
  }
}

if (process.argv[1] === import.meta.filename) {
  const [rounds = '100', ...names] = process.argv.slice(2)
  if (names.includes('study') || names.length === 0) {
    const { kills, studies, differences } = await killStudies(Number(rounds))
    console.log(`study: ${kills} kills over ${studies} studies, ${differences} of them with other numbers than one that was left alone.`)
  }
  for (const work of works.filter((each) => names.length === 0 || names.includes(each))) {
    const { kills, late, done } = await killRounds(work, Number(rounds))
    console.log(
      `${work}: ${kills} kills, ${done} of them after the work was through; ${late} rounds came too late. Nothing was torn, everything could be done again.`,
    )
  }
}
