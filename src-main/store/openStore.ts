// Opens a workspace folder: `workspace.db`, `checkpoints/`, `backups/`. One process writes and holds the lock; any other opens
// the same folder for reading and is told so. Opening never destroys: a file that is not ours, too new or damaged is refused
// as it is. After an exit that was not clean the database is checked and what was running is marked interrupted.

import { randomUUID } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import {
  LabError,
  type LabErrorData,
  type Recovery,
  type Workspace,
  type WorkspaceAccess,
  type WorkspaceOwner,
} from '../../src-preload/contract.ts'
import { makeFolder } from '../disk/makeFolder.ts'
import { checkDatabase, type Checked } from './check.ts'
import { checkpointStore } from './checkpoints.ts'
import { atomically, connect, settleFile, type Connection, type Durability } from './database.ts'
import { datasetStore } from './datasets.ts'
import { explain, explained } from './errors.ts'
import { evaluationStore } from './evaluations.ts'
import { eventStore } from './events.ts'
import { halfImportStore } from './halfImports.ts'
import { takeLock, type WriterLock } from './lock.ts'
import { followStore } from './follows.ts'
import { importedSteps } from './importedSteps.ts'
import { leavingOut } from './mapping.ts'
import { mergeStore } from './merge.ts'
import { modelStore } from './models.ts'
import { rolloutQueries } from './rolloutQueries.ts'
import { renumberRuns } from './renumber.ts'
import { rolloutStore } from './rollouts.ts'
import { runStore } from './runs.ts'
import { checkSchema, findMigrations, isBlank, migrate, MIGRATIONS } from './schema.ts'
import { settingStore } from './settings.ts'
import { stepStore } from './steps.ts'
import { storageStore } from './storage.ts'
import { studyStore } from './studies.ts'

const DATABASE = 'workspace.db'
const CHECKPOINTS = 'checkpoints'
const BUSY_MS = 5000
const CACHE_KIB = 32_768
/** Rows that are named one by one; where more cannot be read, the file is damaged. */
const MOST_UNREADABLE = 100

export interface OpenOptions {
  /** Make the workspace when the folder is missing or empty. */
  readonly create?: boolean
  /** Read even though writing would be possible. */
  readonly readOnly?: boolean
  /** What the message to a second process calls us. */
  readonly program?: string
  /** Size the database may grow to; writing beyond it fails like a full disk. */
  readonly maxBytes?: number
  /** How long to wait for another program's lock on the database; 5 s unless given. */
  readonly busyMs?: number
  readonly now?: () => number
  /** Hears once of each row that cannot be read and is left out of what is shown. */
  readonly onUnreadable?: (error: LabErrorData) => void
  /** Folder of numbered SQL files; the program's own unless given. */
  readonly migrations?: string
}

interface Opened {
  readonly db: Connection
  readonly access: WorkspaceAccess
  readonly recovery: Recovery | null
  readonly migratedFrom: number | null
  readonly lock: WriterLock | null
}

function checkFolder(folder: string, create: boolean): void {
  const file = join(folder, DATABASE)
  if (existsSync(file)) return
  if (!existsSync(folder) && !create)
    throw new LabError('workspace.missing', {
      expected: `a workspace folder at ${folder}`,
      found: 'no such folder',
      next: 'Choose another folder, or make a new workspace there.',
    })
  const ours = /^workspace\.(lock|owner\.json|checked)/
  const others = existsSync(folder)
    ? readdirSync(folder).filter((entry) => !entry.startsWith('.') && !ours.test(entry) && entry !== CHECKPOINTS)
    : []
  if (others.length > 0 || !create)
    throw new LabError('workspace.notOne', {
      expected: `a workspace (${DATABASE}) in ${folder}`,
      found: others.length > 0 ? `a folder with other files in it (${others.slice(0, 3).join(', ')})` : 'an empty folder',
      next: 'Nothing was changed. Choose the folder that holds workspace.db, or make a new workspace in an empty one.',
    })
}

const settle = (db: Connection): void => {
  db.pragma(`cache_size = -${CACHE_KIB}`)
  db.pragma('temp_store = MEMORY')
  db.pragma('foreign_keys = ON')
}

/** What saves, merges and exports that were broken off leave, by the folder it lies in. */
const LEFTOVERS: readonly (readonly [folder: string, name: RegExp])[] = [
  [CHECKPOINTS, /^\.unfinished-|\.unfinished$/],
  ['models', /^\.unfinished-|\.unfinished$/],
  ['.', /^\.merging-/],
  ['exports', /^\..*\.part$|\.unfinished$/],
  ['imports', /^\..*\.part$/],
]

/** Whoever holds the lock knows that nobody goes on with what is older. What cannot be removed stays. */
function removeUnfinished(folder: string, lockedAtMs: number): void {
  for (const [within, pattern] of LEFTOVERS)
    for (const name of existsSync(join(folder, within)) ? readdirSync(join(folder, within)) : []) {
      if (!pattern.test(name)) continue
      const path = join(folder, within, name)
      if ((statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? Infinity) >= lockedAtMs) continue
      try {
        rmSync(path, { recursive: true })
      } catch {
        // The next start tries again.
      }
    }
}

/** A folder nobody can write to cannot hold the files that readers of a live database share, so it is read as it lies. */
function openForReading(file: string): Connection {
  let live: Connection | null = null
  try {
    live = connect(file, { readonly: true, timeout: BUSY_MS })
    live.pragma('schema_version')
    return live
  } catch (error) {
    live?.close()
    const walBytes = statSync(`${file}-wal`, { throwIfNoEntry: false })?.size ?? 0
    if (!/^SQLITE_(CANTOPEN|READONLY)/.test(String((error as { readonly code?: unknown }).code)) || walBytes > 0) throw error
    return connect(`${pathToFileURL(file).href}?immutable=1`, { readonly: true, timeout: BUSY_MS })
  }
}

/** Marks what was running as interrupted. Only the writer may know that nobody is running it. */
const LEFT = 'session.left'

/** Runs that an orderly end stopped or never began, by the note that it left; the note is taken away. */
function leftBehind(db: Connection): Recovery['interruptedRuns'] {
  const settings = settingStore(db)
  const left = settings.get(LEFT)
  if (left !== null) settings.set(LEFT, null)
  const find = db.prepare<unknown[], Recovery['interruptedRuns'][number]>(`
    SELECT id AS runId, name, (SELECT max(step) FROM steps WHERE run_id = runs.id) AS lastStep FROM runs WHERE id = ? AND status IN ('interrupted', 'paused', 'queued')`)
  return Array.isArray(left) ? left.flatMap((id) => (typeof id === 'number' ? (find.get(id) ?? []) : [])) : []
}

/** Runs that wait for a process that is gone: they are left as they are and offered. */
const waiting = (db: Connection): Recovery['interruptedRuns'] =>
  db
    .prepare<unknown[], Recovery['interruptedRuns'][number]>(
      `SELECT id AS runId, name, NULL AS lastStep FROM runs WHERE status = 'queued' ORDER BY id`,
    )
    .all()

type Interrupted = Pick<Recovery, 'interruptedRuns' | 'interruptedEvaluations'>

function interrupt(db: Connection, atMs: number): Interrupted {
  const runs = db
    .prepare<unknown[], Recovery['interruptedRuns'][number]>(
      `
    SELECT id AS runId, name, (SELECT max(step) FROM steps WHERE run_id = runs.id) AS lastStep FROM runs WHERE status = 'running' ORDER BY id`,
    )
    .all()
  // One that was due while its run trained is made anew when the run goes on.
  const evaluations = db
    .prepare<unknown[], Recovery['interruptedEvaluations'][number]>(
      `
    SELECT e.id AS evaluationId, r.id AS runId, r.name AS name, e.step AS step, e.checkpoint_id AS checkpointId, e.split AS split
    FROM evaluations e JOIN runs r ON r.id = e.run_id WHERE e.status = 'running' AND e.checkpoint_id IS NOT NULL AND r.status = 'finished' ORDER BY e.id`,
    )
    .all()
  if (runs.length === 0 && db.prepare(`SELECT 1 FROM evaluations WHERE status = 'running' LIMIT 1`).get() === undefined)
    return { interruptedRuns: [], interruptedEvaluations: [] }
  atomically(db, 'durable', () => {
    db.prepare(`UPDATE runs SET status = 'interrupted', finished_at_ms = ? WHERE status = 'running'`).run(atMs)
    db.prepare(`UPDATE evaluations SET status = 'interrupted', finished_at_ms = ? WHERE status = 'running'`).run(atMs)
    const events = eventStore(db)
    for (const run of runs)
      events.add({
        runId: run.runId,
        step: run.lastStep,
        kind: 'lifecycle',
        level: 'warn',
        code: 'run.interrupted',
        data: null,
        atMs,
        message:
          run.lastStep === null
            ? 'Interrupted before its first step was recorded.'
            : `Interrupted; step ${run.lastStep} is the last one recorded.`,
      })
  })
  return { interruptedRuns: runs, interruptedEvaluations: evaluations }
}

/** Lies beside the database and is written when a check has found it whole; its time says when. */
const CHECKED = 'workspace.checked'
const CHECK_EVERY_MS = 7 * 24 * 3_600_000

/** Once a week without a reason. A clock that went back is no reason to check every time. */
function checkIsDue(folder: string, nowMs: number): boolean {
  const checkedAtMs = statSync(join(folder, CHECKED), { throwIfNoEntry: false })?.mtimeMs
  return checkedAtMs === undefined || Math.abs(nowMs - checkedAtMs) > CHECK_EVERY_MS
}

/** What cannot be noted is checked again next time. */
function noteCheck(folder: string, nowMs: number): void {
  try {
    writeFileSync(join(folder, CHECKED), '')
    utimesSync(join(folder, CHECKED), new Date(nowMs), new Date(nowMs))
  } catch {
    // As it says above.
  }
}

/** What a check made again is written down. */
function noted(db: Connection, checked: Checked, atMs: number): Checked {
  const { rebuilt } = checked
  if (rebuilt.length > 0)
    eventStore(db).add({
      runId: null,
      step: null,
      kind: 'log',
      level: 'warn',
      code: 'workspace.rebuilt',
      message: `Made again, because the file was damaged there: ${rebuilt.join(', ')}. Nothing recorded is lost.`,
      data: { rebuilt: [...rebuilt] },
      atMs,
    })
  return checked
}

/** A blank database is the start of a new workspace only where none has been: beside checkpoints it is what was lost. */
function mayCreateIn(folder: string, options: OpenOptions): boolean {
  const checkpoints = join(folder, CHECKPOINTS)
  return options.create === true && (!existsSync(checkpoints) || readdirSync(checkpoints).length === 0)
}

const emptyDatabase = (file: string): LabError =>
  new LabError('workspace.corrupt', {
    expected: `a workspace database at ${file}`,
    found: 'an empty one',
    next: 'Nothing was changed. Restore the newest file of the backups folder, or choose another workspace.',
  })

function openForWriting(folder: string, file: string, lock: WriterLock, options: OpenOptions, nowMs: number): Opened {
  const migrations = findMigrations(options.migrations ?? MIGRATIONS)
  const isNew = !existsSync(file)
  const db = connect(file, { timeout: options.busyMs ?? BUSY_MS })
  try {
    const blank = isBlank(db)
    if (blank && !mayCreateIn(folder, options)) throw emptyDatabase(file)
    const schema = blank ? 0 : checkSchema(db, migrations, file)
    db.pragma('journal_mode = WAL')
    settle(db)
    if (options.maxBytes !== undefined)
      db.pragma(`max_page_count = ${Math.floor(options.maxBytes / (db.pragma('page_size', { simple: true }) as number))}`)
    const due = !blank && (lock.unclean || checkIsDue(folder, nowMs))
    const quickCheckMs = due ? noted(db, checkDatabase(db, file), nowMs).ms : null
    migrate(db, folder, schema, migrations, nowMs)
    if (db.prepare('SELECT 1 FROM workspace').get() === undefined)
      db.prepare('INSERT INTO workspace (one, uid, created_at_ms) VALUES (1, ?, ?)').run(randomUUID(), nowMs)
    if (quickCheckMs !== null || isNew) noteCheck(folder, nowMs)
    mkdirSync(join(folder, CHECKPOINTS), { recursive: true })
    removeUnfinished(folder, nowMs)
    for (const name of halfImportStore(db).drop())
      eventStore(db).add({
        runId: null,
        step: null,
        kind: 'log',
        level: 'warn',
        code: 'import.dropped',
        message: `The import of ${name} was cut short; what had come of it was taken out. Import it again.`,
        data: { name },
        atMs: nowMs,
      })
    const cut = interrupt(db, nowMs)
    const interruptedRuns = [...cut.interruptedRuns, ...leftBehind(db), ...waiting(db)].filter(
      ({ runId }, at, all) => all.findIndex((each) => each.runId === runId) === at,
    )
    const left = { ...cut, interruptedRuns, quickCheckMs: quickCheckMs ?? 0 }
    const recovery =
      lock.unclean && !isNew
        ? { previousOwner: lock.previous, ...left }
        : interruptedRuns.length === 0
          ? null
          : { previousOwner: null, ...left }
    return { db, access: { mode: 'write' }, recovery, migratedFrom: schema > 0 && schema < migrations.length ? schema : null, lock }
  } catch (error) {
    db.close()
    throw error
  }
}

function openReader(file: string, access: WorkspaceAccess, options: OpenOptions): Opened {
  const migrations = findMigrations(options.migrations ?? MIGRATIONS)
  const db = openForReading(file)
  try {
    const schema = checkSchema(db, migrations, file)
    if (schema < migrations.length)
      throw new LabError('workspace.older', {
        expected: `a workspace of schema ${migrations.length}`,
        found: `schema ${schema}, which this version must first bring up to date`,
        next: 'Open it once where it can be written; a backup is made first.',
      })
    settle(db)
    return { db, access, recovery: null, migratedFrom: null, lock: null }
  } catch (error) {
    db.close()
    throw error
  }
}

function open(folder: string, file: string, options: OpenOptions, nowMs: number): Opened {
  checkFolder(folder, options.create === true && options.readOnly !== true)
  if (options.readOnly === true) return openReader(file, { mode: 'read', reason: 'asked', owner: null }, options)
  makeFolder(folder)
  const owner: WorkspaceOwner = { pid: process.pid, host: hostname(), startedAtMs: nowMs, program: options.program ?? 'MRT Workbench' }
  const lock = takeLock(folder, owner)
  if (!lock.held) return openReader(file, { mode: 'read', reason: lock.reason, owner: lock.owner }, options)
  try {
    return openForWriting(folder, file, lock, options, nowMs)
  } catch (error) {
    lock.release({ clean: !lock.unclean })
    throw error
  }
}

/**
 * Opens the workspace in `folder`. Throws LabError `workspace.missing`, `.notOne`, `.newer`, `.older`, `.corrupt`, `.busy`,
 * `.cannotOpen`; when another process writes, or the folder is read-only, the store is open for reading (`access`) and every
 * write throws `workspace.readOnly`. Any call may throw `workspace.full`, `.io` or `.corrupt`.
 */
export function openStore(folder: string, options: OpenOptions = {}) {
  const absolute = resolve(folder)
  const file = join(absolute, DATABASE)
  const now = options.now ?? Date.now
  const explaining = <T>(work: () => T): T => {
    try {
      return work()
    } catch (error) {
      throw explain(error, file)
    }
  }
  const opened = explaining(() => open(absolute, file, options, now()))
  const { db, access, recovery, migratedFrom, lock } = opened

  const events = eventStore(db)
  const rollouts = rolloutStore(db)
  const unreadable = new Map<string, LabErrorData>()
  const told = (error: LabErrorData): void => {
    if (unreadable.has(error.expected) || unreadable.size >= MOST_UNREADABLE) return
    unreadable.set(error.expected, error)
    options.onUnreadable?.(error)
  }
  const counts = (): Workspace['counts'] =>
    Object.fromEntries(
      ['datasets', 'models', 'runs', 'rollouts', 'evaluations', 'checkpoints'].map((table) => [
        table,
        db.prepare(`SELECT count(*) FROM ${table}`).pluck().get(),
      ]),
    ) as Workspace['counts']

  const store = {
    folder: absolute,
    checkpointsFolder: join(absolute, CHECKPOINTS),
    access,
    recovery,
    datasets: explained(datasetStore(db), file),
    models: explained(modelStore(db), file),
    runs: explained(runStore(db), file),
    steps: explained(stepStore(db, rollouts, events), file),
    rollouts: explained({ ...rollouts, ...rolloutQueries(db) }, file),
    checkpoints: explained(checkpointStore(db), file),
    evaluations: explained(evaluationStore(db, rollouts), file),
    events: explained(events, file),
    settings: explained(settingStore(db), file),
    studies: explained(studyStore(db), file),
    follows: explained(followStore(db), file),
    imported: explained(importedSteps(db), file),
    storage: explained(storageStore(db), file),
    /** Imports under way; see halfImports.ts. */
    halfImports: explained(halfImportStore(db), file),
    /** Other workspaces: looked at, and taken over. */
    others: mergeStore(db, absolute, options.migrations ?? MIGRATIONS),

    workspace: (): Workspace =>
      explaining(() => {
        const { uid, created_at_ms } = db
          .prepare<unknown[], { uid: string; created_at_ms: number }>('SELECT uid, created_at_ms FROM workspace')
          .get()!
        return {
          folder: absolute,
          uid,
          schema: db.pragma('user_version', { simple: true }) as number,
          createdAtMs: created_at_ms,
          access,
          recovery,
          migratedFrom,
          databaseBytes: statSync(file).size,
          unreadable: [...unreadable.values()],
          counts: counts(),
        }
      }),
    /** Several writes as one: all of them or none. */
    atomically: <T>(durability: Durability, work: () => T): T => explaining(() => atomically(db, durability, work)),
    /** A consistent copy of the whole database as one file, made while work goes on; `told` hears fractions from 0 to 1, and what it throws ends the copying. */
    async backUpTo(path: string, told: (fraction: number) => void = () => {}): Promise<void> {
      if (db.inTransaction)
        throw new LabError('workspace.busy', {
          expected: 'nothing half written',
          found: 'a merge under way',
          next: 'Copy the workspace when it is done.',
        })
      const unfinished = `${path}.unfinished`
      rmSync(unfinished, { force: true })
      try {
        await db.backup(unfinished, {
          progress({ totalPages, remainingPages }) {
            told(totalPages === 0 ? 0 : 1 - remainingPages / totalPages)
            return 1000
          },
        })
      } catch (error) {
        rmSync(unfinished, { force: true })
        throw explain(error, path)
      }
      settleFile(unfinished, path)
    },
    /** Notes which runs an orderly end leaves unfinished; the next start offers them. */
    leave(runIds: readonly number[]): void {
      if (access.mode === 'write') explaining(() => settingStore(db).set(LEFT, [...runIds]))
    },
    /** Numbers the runs that are left from 1. Only for a workspace that nobody has seen yet: a run's number is its name. */
    renumberRuns: (): void => explaining(() => renumberRuns(db)),
    /** Gives the space of removed records back to the disk. */
    compact: (): void =>
      explaining(
        () => void db.exec("INSERT INTO rollout_text (rollout_text) VALUES ('optimize'); VACUUM; PRAGMA wal_checkpoint(TRUNCATE)"),
      ),
    close(): void {
      if (!db.open) return
      db.close()
      lock?.release({ clean: true })
    },
  }
  let shown: typeof store | null = null
  return {
    ...store,
    /**
     * The same for whoever shows it: a row that cannot be read is left out of lists, or stands there as what it is, and is named in
     * `workspace().unreadable`. Work that counts on every row asks the store itself, which refuses.
     */
    get shown(): typeof store {
      if (shown !== null) return shown
      const listed = leavingOut(told)
      const events = eventStore(db, listed)
      const rollouts = rolloutStore(db, listed)
      shown = {
        ...store,
        datasets: explained(datasetStore(db, listed), file),
        models: explained(modelStore(db, listed), file),
        runs: explained(runStore(db, listed), file),
        steps: explained(stepStore(db, rollouts, events, listed), file),
        rollouts: explained({ ...rollouts, ...rolloutQueries(db, listed) }, file),
        evaluations: explained(evaluationStore(db, rollouts, listed), file),
        events: explained(events, file),
        settings: explained(settingStore(db, listed), file),
        studies: explained(studyStore(db, listed), file),
        follows: explained(followStore(db, listed), file),
      }
      return shown
    },
  }
}

/** An open workspace, whichever way its lists are read. */
export type Store = Omit<ReturnType<typeof openStore>, 'shown'>
