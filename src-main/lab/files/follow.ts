// A folder that another trainer writes to, read as it grows: one look (`poll`) finds what is new and stores it. It is the import of files
// (data/importFiles.ts) with a memory: what was read of each file is kept in the database in the same transaction as its rows, so that a process
// that is killed at any moment neither loses a row nor doubles one. Files are told by their content, not by their names alone: a synced
// folder replaces a file by a longer one, a log is rotated or cut, a disk goes away and comes back. A row that was read of a file is known
// by a digest of its content and how often it occurred, so that a file that is written anew brings only what it did not have.
// Looking is by stat and by the first and last bytes that were read; nothing is asked of the operating system's notifications, which do not
// cross network disks. Left out: rows that a trainer took back. What was read stays.

import { createHash } from 'node:crypto'
import { appendFileSync, existsSync, mkdirSync, truncateSync } from 'node:fs'
import { stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { FollowLook, ImportRecord } from '../../../src-preload/contract.ts'
import { LabError } from '../../../src-preload/contract.ts'
import type { CanonicalRollout } from '../../data/canonical.ts'
import { createSession } from '../../data/importFiles.ts'
import type { GrowingBatch } from '../../data/importFiles.ts'
import { readEvents, readMetrics } from '../../data/metrics/metricFiles.ts'
import type { StatedStep } from '../../data/metrics/metricFiles.ts'
import { createNumbering } from '../../data/records.ts'
import type { Rejected } from '../../data/rejected.ts'
import type { IdentityEntry } from '../../data/rollouts/identity.ts'
import { splitOfPath } from '../../data/rollouts/mapping.ts'
import type { RolloutSource } from '../../data/rollouts/mapping.ts'
import type { FollowedFile, FollowRecord } from '../../store/follows.ts'
import type { Store } from '../../store/openStore.ts'
import { createGrader } from '../../tasks/graders/grader.ts'
import type { Grader } from '../../tasks/graders/grader.ts'
import { addRollouts, withVerdict } from './importInto.ts'
import { isSame, isStill, marksOf } from './followedMarks.ts'
import type { Found } from './followedMarks.ts'
import { lookAt, SETTLED_MS } from './followLook.ts'
import type { Known, Task } from './followLook.ts'
import { rejectedFile } from './keptAside.ts'

/** Time between two looks at a followed folder, in milliseconds. */
export const FOLLOW_EVERY_MS = 1000
const DIGEST_BYTES = 16

const notFollowed = (found: string): LabError =>
  new LabError('follow.unknown', { expected: 'a folder that is followed', found, next: 'It may have been forgotten; follow it again.' })

export interface Looked extends FollowLook {
  /** Files that end in a line that is not whole yet. */
  readonly unfinished: number
}

export interface Follower {
  /** One look at the folder. Throws what the store throws; whatever a file is about is kept with the file. */
  poll(signal?: AbortSignal): Promise<Looked>
  close(): Promise<void>
}

/** Reads one followed folder; only one reader of it may be at work. */
export function createFollower(store: Store, followId: number, now: () => number): Follower {
  let reader: ReturnType<typeof openReader> | null = null
  let grader: Grader | null = null

  function openReader({ runId, options }: FollowRecord) {
    const met: IdentityEntry[] = []
    const before = store.follows.identity(followId) as IdentityEntry[]
    const { as, map, identity } = options
    const session = createSession({
      ...(as !== undefined && { as }),
      ...(map !== undefined && { map }),
      identity,
      memory: { before, met: (entry) => met.push(entry) },
    })
    return { session, met, numbering: createNumbering(store.follows.placed(runId)) }
  }
  function record(): FollowRecord {
    const found = store.follows.get(followId)
    if (found === null) throw notFollowed(`number ${followId}`)
    return found
  }

  async function poll(signal?: AbortSignal): Promise<Looked> {
    const follow = record()
    const nothing = { rows: 0, rollouts: 0, rejected: 0, steps: 0, unfinished: 0, putOff: 0, read: [] }
    const info = await stat(follow.path).catch(() => null)
    if (info === null) return { state: 'missing', ...nothing }
    const root = info.isDirectory() ? follow.path : dirname(follow.path)
    const look = await lookAt(store, follow, { root, isFolder: info.isDirectory(), atMs: now() }).catch((error: unknown) => {
      // A folder that goes away while it is listed is one that is missing.
      if (error instanceof LabError && /^file\.(missing|unreadable)$/.test(error.code) && !existsSync(follow.path)) return null
      throw error
    })
    if (look === null) return { state: 'missing', ...nothing }
    const total = { ...nothing, read: [] as string[] }
    try {
      for (const file of look) {
        signal?.throwIfAborted()
        const came = await readFile(follow, root, file, signal)
        if (came === 'same') continue
        if (came === 'later') {
          total.putOff++
          continue
        }
        total.read.push(file.found.path)
        for (const key of ['rows', 'rollouts', 'rejected', 'steps', 'unfinished'] as const) total[key] += came[key]
      }
    } catch (error) {
      // What is in memory may be ahead of what was stored.
      reader = null
      if (!(signal?.aborted === true && error === signal.reason)) throw error
    }
    if (total.rows > 0)
      store.datasets.setOrigin(store.runs.get(follow.runId)!.datasetId!, {
        source: recordOf(),
        roles: null,
        grader: follow.options.grader ?? 'math',
      })
    return { state: 'there', ...total }
  }

  type Came = Pick<Looked, 'rows' | 'rollouts' | 'rejected' | 'steps' | 'unfinished'>

  /** What a file has that is new; `same` where it was only touched, `later` where it is gone again or was changed while it was read: the next look sees. */
  async function readFile(
    follow: FollowRecord,
    root: string,
    { found, known, kind, source, prefix }: Task,
    signal?: AbortSignal,
  ): Promise<Came | 'same' | 'later'> {
    const path = join(root, found.path)
    const empty: FollowedFile = {
      path: found.path,
      kind,
      inode: found.inode,
      bytes: found.bytes,
      mtimeMs: found.mtimeMs,
      readTo: 0,
      line: 1,
      head: '',
      tail: '',
      rows: 0,
      rejected: 0,
      source: null,
      reason: null,
    }
    try {
      const goesOn = known !== null && known.readTo > 0 && found.bytes >= known.readTo && (await isSame(path, known))
      // Touched, or replaced by a copy of itself.
      if (known !== null && known.readTo === 0 && known.head !== '' && known.bytes === found.bytes && (await isSame(path, known))) {
        store.follows.setFile(followId, { ...known, inode: found.inode, mtimeMs: found.mtimeMs })
        return 'same'
      }
      const start: FollowedFile =
        known === null ? empty : { ...known, kind, inode: found.inode, ...(!goesOn && { readTo: 0, line: 1, head: '', tail: '' }) }
      return kind === 'rows'
        ? await readRows(follow, path, start, found, known, goesOn, source, signal)
        : await readStated(follow, path, start, found, kind, prefix)
    } catch (error) {
      if (!(error instanceof LabError) || !/^(file|parquet|arrow|sqlite|csv|import|events|follow)\./.test(error.code)) throw error
      if (error.code === 'file.missing' || error.code === 'follow.early') return 'later'
      reader = null
      const before = store.follows.files(followId).find((file) => file.path === found.path)
      // A file that is empty yet is only early.
      store.follows.setFile(followId, {
        ...(before ?? empty),
        inode: found.inode,
        bytes: found.bytes,
        mtimeMs: found.mtimeMs,
        reason: error.code === 'file.empty' ? null : error.toJSON(),
      })
      return { rows: 0, rollouts: 0, rejected: 0, steps: 0, unfinished: 0 }
    }
  }

  async function readRows(
    follow: FollowRecord,
    path: string,
    start: FollowedFile,
    found: Found,
    known: Known | null,
    goesOn: boolean,
    source: RolloutSource | null,
    signal?: AbortSignal,
  ): Promise<Came | 'later'> {
    const { runId, options } = follow
    const { session, met, numbering } = (reader ??= openReader(follow))
    const datasetId = store.runs.get(runId)!.datasetId!
    grader ??= options.grader === undefined || options.grader === 'countdown' ? null : createGrader(options.grader)
    let fileId = known?.id ?? null
    /** The file is read from its start though rows of it are known: they are counted anew. */
    let again = known !== null && !goesOn
    const total = { rows: 0, rollouts: 0, rejected: 0, steps: 0, unfinished: 0 }
    let state = start
    const counts = new Map<string, { seen: number; here: number }>()
    let rowsRead = 0
    const fresh = (content: string): boolean => {
      const digest = createHash('sha256').update(content).digest().subarray(0, DIGEST_BYTES)
      const key = digest.toString('latin1')
      const stored = counts.get(key) ?? (fileId === null ? { seen: 0, here: 0 } : store.follows.row(fileId, digest))
      const here = (again && !counts.has(key) ? 0 : stored.here) + 1
      counts.set(key, { seen: Math.max(stored.seen, here), here })
      if (here > stored.seen) rowsRead++
      return here > stored.seen
    }
    const settled = now() - found.mtimeMs > SETTLED_MS
    const split = splitOfPath(found.path)
    const from = goesOn ? { byte: start.readTo, line: start.line } : null
    for await (const batch of session.growing({ path, source, split }, { from, fresh, settled })) {
      if (batch.kind === 'dataset')
        throw new LabError('follow.notRollouts', {
          expected: 'rollouts: rows with a completion',
          found: `${found.path}, which looks like problems of a dataset`,
          next: 'Say as what it is read, or which column holds what the model wrote; a dataset is imported, not followed.',
        })
      const rollouts = batch.rows as readonly CanonicalRollout[]
      const graded = grader === null ? rollouts : await Promise.all(rollouts.map((row) => withVerdict(row, grader!)))
      const to = batch.readTo
      const marks = to === null ? { head: '', tail: '' } : await marksOf(path, to.byte)
      // Whatever was replaced while it was read is read again, whole, in the next look.
      if (!(await isStill(path, found, to?.byte ?? found.bytes))) return 'later'
      signal?.throwIfAborted()
      state = {
        ...state,
        ...(to !== null && { readTo: to.byte, line: to.line }),
        ...marks,
        bytes: -1,
        rows: state.rows + rowsRead,
        rejected: state.rejected + lostRows(batch),
        source: batch.source,
        reason: null,
      }
      commit(batch, graded, state)
      total.rows += rowsRead
      total.rollouts += graded.length
      total.rejected += lostRows(batch)
      rowsRead = 0
    }
    // The whole of it was read: it is looked at again when it changes.
    const unfinished = state.readTo > 0 && state.readTo < found.bytes ? 1 : 0
    // A table whose last line may be half written is read once more when it was left alone for a while.
    const isWhole = state.readTo > 0 || settled || /\.parquet$/.test(path)
    const marks = state.readTo > 0 || !isWhole ? {} : await marksOf(path, found.bytes)
    if (!(await isStill(path, found, found.bytes))) return 'later'
    store.follows.setFile(followId, {
      ...state,
      ...marks,
      inode: found.inode,
      bytes: isWhole ? found.bytes : -1,
      mtimeMs: found.mtimeMs,
      reason: null,
    })
    return { ...total, unfinished }

    /** One batch with everything that says it was read, or nothing of it. */
    function commit(batch: GrowingBatch, graded: readonly CanonicalRollout[], next: FollowedFile): void {
      const asideBytes = keepAside(batch.rejected, record().asideBytes)
      store.atomically('quick', () => {
        fileId = store.follows.setFile(followId, next)
        if (again) store.follows.readAgain(fileId)
        for (const [digest, { seen, here }] of counts) store.follows.setRow(fileId, Buffer.from(digest, 'latin1'), seen, here)
        for (const entry of met) store.follows.addIdentity(followId, entry)
        if (graded.length > 0) addRollouts(store, runId, datasetId, batch.file, graded, numbering)
        const steps = [...new Set(graded.flatMap(({ step }) => step ?? []))]
        if (steps.length > 0) store.imported.derive(runId, steps, now())
        store.follows.count(followId, rowsRead, lostRows(batch), rowsRead > 0 ? now() : null)
        store.follows.setAside(followId, asideBytes)
      })
      again = false
      counts.clear()
      met.length = 0
    }
  }

  /** Rejected rows beside the database, and how long their file is then. What a killed process wrote and did not count is cut off first. */
  function keepAside(rejected: readonly Rejected[], bytes: number): number {
    if (rejected.length === 0) return bytes
    const path = rejectedFile(store.folder, record().options.importId)
    mkdirSync(dirname(path), { recursive: true })
    if (existsSync(path)) truncateSync(path, bytes)
    const lines = Buffer.from(
      rejected
        .map(
          ({ file, line, rows, code, reason, start, end, text }) =>
            `${JSON.stringify({ file, line, rows, code, reason, start, end, text })}\n`,
        )
        .join(''),
    )
    appendFileSync(path, lines)
    return bytes + lines.length
  }

  /** What a trainer logged of its steps. Said twice it is the same, so that nothing need be told apart. */
  async function readStated(
    { runId }: FollowRecord,
    path: string,
    start: FollowedFile,
    found: Found,
    kind: 'metrics' | 'events',
    prefix: string,
  ): Promise<Came> {
    let state = start
    let steps = 0
    const read =
      kind === 'events' ? readEvents(path, start.readTo, start.line) : readMetrics(path, { byte: start.readTo, line: start.line })
    for await (const { stated, readTo, line, rejected } of read) {
      const marks = await marksOf(path, readTo)
      state = {
        ...state,
        readTo,
        line,
        ...marks,
        bytes: -1,
        rows: state.rows + stated.length,
        rejected: state.rejected + rejected,
        source: kind === 'events' ? 'tensorboard' : 'metrics',
        reason: null,
      }
      const at = state
      store.atomically('quick', () => {
        for (const { step, metrics } of merged(stated))
          store.imported.state(
            runId,
            step,
            Object.fromEntries(Object.entries(metrics).map(([name, value]) => [prefix + name, value])),
            now(),
          )
        store.follows.setFile(followId, at)
      })
      steps += new Set(stated.map(({ step }) => step)).size
    }
    store.follows.setFile(followId, { ...state, bytes: found.bytes, mtimeMs: found.mtimeMs, inode: found.inode, reason: null })
    return { rows: 0, rollouts: 0, rejected: 0, steps, unfinished: 0 }
  }

  /** What is kept of the files with the dataset, as an import keeps it. */
  function recordOf(): ImportRecord {
    const { rows, rejected, options, path } = record()
    const files = store.follows.files(followId).filter(({ kind, source }) => kind === 'rows' && source !== null)
    return {
      importId: options.importId,
      kind: 'rollouts',
      rows,
      imported: rows - rejected,
      rejectedRows: rejected,
      rejectedByCode: {},
      split: null,
      similar: { count: 0, examples: [] },
      why: { roles: '', grader: '' },
      files: files.map((file) => ({
        name: file.path,
        format: 'followed',
        compression: 'none',
        bytes: Math.max(file.bytes, file.readTo),
        sha256: '',
        source: file.source,
        rows: file.rows,
        imported: file.rows - file.rejected,
        rejected: file.rejected,
        notes: [],
      })),
      notes: [`Followed: ${path}`],
      atMs: now(),
    }
  }

  return {
    poll,
    async close() {
      await grader?.close()
      grader = null
    },
  }
}

const lostRows = ({ rejected }: GrowingBatch): number => rejected.reduce((sum, { rows }) => sum + rows, 0)

/** The newest word on each metric, step by step. */
function merged(stated: readonly StatedStep[]): StatedStep[] {
  const byStep = new Map<number, Record<string, number>>()
  for (const { step, metrics } of stated) byStep.set(step, { ...byStep.get(step), ...metrics })
  return [...byStep].map(([step, metrics]) => ({ step, metrics }))
}
