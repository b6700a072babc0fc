// Kills (SIGKILL) work at random moments and looks at what is left: `node test/kills/rounds.ts 100` for a hundred kills of each kind,
// `node test/kills/rounds.ts 25 merge` for some of one. After every kill the database must be whole, hold all of the work or none of it,
// hold nothing that was cut short, and the work must succeed when it is done again. A study (`node test/kills/rounds.ts 20 study`) is killed
// again and again until it is through, and must then hold every cell with the numbers of one that was left alone.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import Database from 'better-sqlite3'
import { openContext } from '../../src-main/lab/process/openContext.ts'
import { recordOf } from '../../src-main/lab/study/record.ts'
import type { StudyRequest } from '../../src-main/lab/study/run.ts'
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
