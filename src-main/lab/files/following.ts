// The folders that the laboratory follows while it runs: one loop that looks at each of them every second, and what windows ask of them. Looks never
// overlap, and none happens while a merge holds the workspace. A folder that goes away is waited for; one that cannot be read says why
// and is looked at again; a failure of ours is told, and the others are followed on.

import { isAbsolute } from 'node:path'
import { startFollow } from './startFollow.ts'
import type { Answers, Follow, LabErrorData, LabEvent, RunListItem } from '../../../src-preload/contract.ts'
import { LabError } from '../../../src-preload/contract.ts'
import type { FollowRecord } from '../../store/follows.ts'
import type { Store } from '../../store/openStore.ts'
import { toContractError } from '../answers/answer.ts'
import { createFollower, FOLLOW_EVERY_MS } from './follow.ts'
import type { Follower, Looked } from './follow.ts'
import { binOf } from '../process/bin.ts'
import { found } from '../process/found.ts'

const FILES_SHOWN = 50
/** A look that took long is followed by a rest that is this much longer: a slow network disk is not kept busy. */
const REST = 4

interface Entry {
  readonly store: Store
  readonly follower: Follower
  /** Ends the look that is under way. */
  abort: AbortController
  state: Looked['state'] | null
  error: LabErrorData | null
  checkedAtMs: number | null
}

export interface FollowingParts {
  /** The open workspace; null while there is none. */
  readonly current: () => Store | null
  readonly open: () => Store
  /** The same as it is shown: lists go on without rows that cannot be read. */
  readonly shown: () => Store
  readonly tell: (event: LabEvent) => void
  readonly now: () => number
  readonly everyMs?: number
  /** Whether folders are looked at by themselves; so unless told otherwise. */
  readonly looks?: boolean
}

export function createFollowing({ current, open, shown, tell, now, everyMs = FOLLOW_EVERY_MS, looks = true }: FollowingParts) {
  const entries = new Map<number, Entry>()
  const end = new AbortController()
  let timer: NodeJS.Timeout | null = null
  let looking: Promise<void> | null = null
  let held = 0

  function entryOf(store: Store, id: number): Entry {
    const known = entries.get(id)
    if (known?.store === store) return known
    const entry: Entry = {
      store,
      follower: createFollower(store, id, now),
      abort: new AbortController(),
      state: null,
      error: null,
      checkedAtMs: null,
    }
    entries.set(id, entry)
    return entry
  }

  const isLookedAt = (store: Store, bin: ReadonlySet<number>, { active, runId }: FollowRecord): boolean =>
    active && !bin.has(runId) && store.workspace().access.mode === 'write'

  async function lookAtAll(store: Store): Promise<void> {
    const bin = new Set(binOf(store))
    for (const follow of shown().follows.list()) {
      if (end.signal.aborted || held > 0 || current() !== store) return
      if (!isLookedAt(store, bin, follow)) continue
      const entry = entryOf(store, follow.id)
      const before = JSON.stringify([entry.state, entry.error])
      let came: Looked | null = null
      entry.abort = new AbortController()
      try {
        came = await entry.follower.poll(AbortSignal.any([end.signal, entry.abort.signal]))
        entry.state = came.state
        entry.error = null
      } catch (error) {
        // The workspace was closed, or the folder forgotten, while it was looked at.
        if (current() !== store) return
        if (store.follows.get(follow.id) === null) continue
        entry.error = toContractError(error)
      }
      entry.checkedAtMs = now()
      const isNew = came !== null && came.rows + came.steps > 0
      if (isNew) for (const noun of ['runs', 'rollouts', 'datasets'] as const) tell({ kind: 'changed', noun, ids: [] })
      if (isNew || (came !== null && came.read.length > 0) || before !== JSON.stringify([entry.state, entry.error]))
        tell({ kind: 'changed', noun: 'follows', ids: [follow.id] })
    }
  }

  function plan(ms: number): void {
    if (timer !== null || end.signal.aborted) return
    timer = setTimeout(() => {
      timer = null
      const store = current()
      const began = performance.now()
      looking = (store === null || held > 0 ? Promise.resolve() : lookAtAll(store))
        .catch((error: unknown) => {
          if (current() === store) process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`)
        })
        .then(() => {
          looking = null
          plan(Math.max(everyMs, REST * (performance.now() - began)))
        })
    }, ms)
    timer.unref()
  }

  /** @param all whether every file is in it, in the order in which they were met */
  function viewOf(store: Store, items: readonly RunListItem[], bin: ReadonlySet<number>, follow: FollowRecord, all = false): Follow {
    const entry = entries.get(follow.id)
    const known = entry?.store === open() ? entry : null
    const files = store.follows.files(follow.id)
    const item = items.find(({ run }) => run.id === follow.runId)!
    const reason = known?.error ?? files.find((file) => file.reason !== null)?.reason ?? null
    const came = follow.rows > follow.rejected || files.some(({ kind, rows }) => kind !== 'rows' && rows > 0)
    const state = !isLookedAt(store, bin, follow)
      ? 'stopped'
      : known?.error
        ? 'failed'
        : known?.state === 'missing'
          ? 'missing'
          : came
            ? 'following'
            : reason !== null
              ? 'failed'
              : 'waiting'
    const first = [...files]
      .sort((a, b) => Number(b.reason !== null) - Number(a.reason !== null) || b.path.localeCompare(a.path, 'en', { numeric: true }))
      .slice(0, FILES_SHOWN)
    return {
      id: follow.id,
      runId: follow.runId,
      runName: item.run.name,
      path: follow.path,
      state,
      reason,
      rows: follow.rows,
      rejected: follow.rejected,
      rollouts: item.rolloutCount,
      lastStep: item.run.lastStep,
      lastRowAtMs: follow.lastRowAtMs,
      checkedAtMs: known?.checkedAtMs ?? null,
      createdAtMs: follow.createdAtMs,
      importId: follow.options.importId,
      fileCount: files.length,
      files: (all ? files : first).map(({ path, kind, source, rows, rejected, readTo, bytes, reason: why }) => ({
        path,
        kind,
        source,
        rows,
        rejected,
        waitingBytes: readTo > 0 ? Math.max(0, bytes - readTo) : 0,
        reason: why,
      })),
    }
  }

  const one = (id: number): FollowRecord => found('follow', id, open().follows.get(id))
  function view(id: number, all = false): Follow {
    const store = open()
    return viewOf(store, store.runs.list(), new Set(binOf(store)), one(id), all)
  }
  function changed(id: number): void {
    tell({ kind: 'changed', noun: 'follows', ids: [id] })
  }
  function setActive(id: number, active: boolean): Follow {
    one(id)
    open().follows.setActive(id, active)
    if (!active) entries.get(id)?.abort.abort()
    changed(id)
    return view(id)
  }

  /** Of a folder that is followed no more. */
  async function letGo(id: number): Promise<void> {
    await entries.get(id)?.follower.close()
    entries.delete(id)
    changed(id)
  }

  const answers: Answers<'follows'>['follows'] = {
    list() {
      const store = shown()
      const bin = new Set(binOf(store))
      const follows = store.follows.list()
      const items = follows.length === 0 ? [] : store.runs.list()
      return follows.map((follow) => viewOf(store, items, bin, follow))
    },
    async start({ path, as, map, identity, grader, name }) {
      if (!isAbsolute(path))
        throw new LabError('import.relative', {
          expected: 'the whole path of a folder',
          found: path,
          next: 'Write it from the root, such as /home/me/runs/rollouts.',
        })
      const { id } = await startFollow(
        open(),
        path,
        {
          identity,
          ...(as !== null && { as }),
          ...(Object.keys(map).length > 0 && { map }),
          ...(grader !== null && { grader }),
          ...(name !== null && { name }),
        },
        now,
      )
      for (const noun of ['runs', 'datasets'] as const) tell({ kind: 'changed', noun, ids: [] })
      changed(id)
      return view(id)
    },
    stop: ({ followId }) => setActive(followId, false),
    resume: ({ followId }) => setActive(followId, true),
    async forget({ followId }) {
      one(followId)
      entries.get(followId)?.abort.abort()
      open().follows.remove(followId)
      await letGo(followId)
      return null
    },
  }

  if (looks) plan(everyMs)
  return {
    answers,
    /** How a folder stands, with all of its files. Throws LabError `follow.unknown`. */
    whole: (id: number): Follow => view(id, true),
    /** One look for somebody who waits for it. Throws LabError `follow.unknown`, and what looking throws. */
    async look(id: number, signal: AbortSignal): Promise<Looked> {
      one(id)
      const entry = entryOf(open(), id)
      const came = await entry.follower.poll(signal)
      entry.state = came.state
      entry.checkedAtMs = now()
      return came
    },
    /** As if the folder had never been followed: its run and dataset go too. Throws LabError `follow.unknown`. */
    async takeBack(id: number): Promise<void> {
      const { runId } = one(id)
      const store = open()
      const { datasetId } = store.runs.get(runId)!
      store.runs.remove(runId)
      store.datasets.remove(datasetId!)
      await letGo(id)
    },
    /** Nothing is looked at while `work` has the workspace to itself. */
    async apart<T>(work: () => Promise<T>): Promise<T> {
      held++
      try {
        await looking
        return await work()
      } finally {
        held--
      }
    },
    async close(): Promise<void> {
      end.abort(
        new LabError('job.cancelled', {
          expected: 'to go on following',
          found: 'that the program ends',
          next: 'It goes on when the workspace is opened again.',
        }),
      )
      if (timer !== null) clearTimeout(timer)
      await looking
      for (const { follower } of entries.values()) await follower.close()
    },
  }
}

export type Following = ReturnType<typeof createFollowing>
