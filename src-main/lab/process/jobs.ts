// The queue of the laboratory. Heavy jobs (training, evaluation) run one at a time in the order they were asked for; light ones
// (answers from a boundary, a self-test, an export) and imports have lanes of their own, so that reading never waits for training.
// A job is steered by wishes it asks for between steps, and by its signal. What it tells becomes events; progress is told at most
// ten times a second per job, the latest report winning. What a job does, and what its end means for a run, is its maker's business.

import type { Job, LabEvent, ProgressReport } from '../../../src-preload/contract.ts'
import { LabError } from '../../../src-preload/contract.ts'
import { toContractError } from '../answers/answer.ts'

export type Wish = 'go' | 'pause' | 'stop-after-step'

export interface JobControl {
  readonly id: string
  /** Aborted by cancel and by closing. */
  readonly signal: AbortSignal
  /** Asked between steps. Work that is asked to pause or stop saves what it needs to go on, and ends. */
  readonly control: () => Wish
  readonly onEvent: (event: LabEvent) => void
  /** Says which run it works on now: one job may work on several, one after another. */
  readonly worksOn: (runId: number | null) => void
}

export interface JobRequest<Result> {
  readonly kind: Job['kind']
  readonly label: string
  readonly runId: number | null
  readonly lane: 'heavy' | 'light' | 'data'
  /** Before whatever else waits, as when a run goes on after its checkpoint was saved. */
  readonly first?: boolean
  readonly work: (control: JobControl) => Promise<Result>
}

export interface Handle<Result> {
  readonly job: Job
  /** What the work gave; rejects with what it threw, or `job.cancelled`. */
  readonly done: Promise<Result>
}

interface Entry {
  job: Job
  readonly lane: JobRequest<unknown>['lane']
  readonly abort: AbortController
  readonly ended: (() => void)[]
  wish: Wish
  start(): Promise<void>
}

const REPORT_EVERY_MS = 100
/** Jobs, the newest, whose outcome can still be asked for. */
const REMEMBERED = 256

export interface JobsOptions {
  readonly tell: (event: LabEvent) => void
  readonly now: () => number
  /** Runs `callback` after so many milliseconds; returns how to prevent it. */
  readonly later?: (callback: () => void, ms: number) => () => void
  /** Hears of bugs that ended a job; they are told on stderr unless given. */
  readonly report?: ((error: unknown) => void) | undefined
}

const afterTimeout = (callback: () => void, ms: number): (() => void) => {
  const timer = setTimeout(callback, ms)
  timer.unref()
  return () => clearTimeout(timer)
}

export const cancelledJob = (label: string): LabError =>
  new LabError('job.cancelled', {
    expected: `${label} to finish`,
    found: 'that it was cancelled',
    next: 'Start it again if it is still wanted.',
  })

export function createJobs({ tell, now, later = afterTimeout, report }: JobsOptions) {
  const entries: Entry[] = []
  const outcomes: { readonly id: string; readonly runId: number | null; readonly done: Promise<unknown> }[] = []
  let count = 0

  const running = (lane: Entry['lane']): boolean => entries.some((entry) => entry.lane === lane && entry.job.startedAtMs !== null)
  const forget = (entry: Entry): void => void entries.splice(entries.indexOf(entry), 1)
  const change = (entry: Entry, changes: Partial<Job>): void => {
    entry.job = { ...entry.job, ...changes }
    tell({ kind: 'changed', noun: 'jobs', ids: [] })
  }

  function startNext(lane: Entry['lane']): void {
    if (running(lane)) return
    const next = entries.find((entry) => entry.lane === lane)
    if (next === undefined) return
    change(next, { state: 'running', startedAtMs: now() })
    void next.start().finally(() => {
      forget(next)
      tell({ kind: 'changed', noun: 'jobs', ids: [] })
      for (const then of next.ended) then()
      startNext(lane)
    })
  }

  /** Passes events on; of progress only the latest report in each tenth of a second. */
  function teller(entry: Entry): { hear: (event: LabEvent) => void; end: () => void } {
    let waiting: (LabEvent & { kind: 'progress' }) | null = null
    let unplan: (() => void) | null = null
    let lastMs = -Infinity
    const flush = (): void => {
      unplan = null
      if (waiting === null) return
      lastMs = now()
      tell(waiting)
      waiting = null
    }
    return {
      hear(event) {
        if (event.kind !== 'progress') return tell(event)
        const report: ProgressReport = { ...event.report, job: entry.job.id }
        entry.job = { ...entry.job, progress: report }
        waiting = { ...event, report }
        if (unplan !== null) return
        // A clock that was set back holds nothing up.
        const waitMs = Math.min(REPORT_EVERY_MS, lastMs + REPORT_EVERY_MS - now())
        if (waitMs <= 0) flush()
        else unplan = later(flush, waitMs)
      },
      end() {
        unplan?.()
        flush()
      },
    }
  }

  function add<Result>({ kind, label, runId, lane, first = false, work }: JobRequest<Result>): Handle<Result> {
    const id = `${kind}-${++count}`
    const { promise: done, resolve, reject } = Promise.withResolvers<Result>()
    const abort = new AbortController()
    const entry: Entry = {
      job: { id, kind, label, state: 'queued', runId, progress: null, queuedAtMs: now(), startedAtMs: null },
      lane,
      abort,
      wish: 'go',
      ended: [],
      async start() {
        const { hear, end } = teller(entry)
        try {
          const worksOn = (at: number | null): void => void (entry.job.runId !== at && change(entry, { runId: at }))
          resolve(await work({ id, signal: abort.signal, control: () => entry.wish, onEvent: hear, worksOn }))
        } catch (error) {
          const thrown = abort.signal.aborted ? cancelledJob(label) : error
          reject(thrown)
          if (!abort.signal.aborted) tell({ kind: 'failed', job: id, error: toContractError(error, report) })
        } finally {
          end()
        }
      },
    }
    // Whoever started it may not be waiting any more; a failure is told as an event in any case.
    done.catch(() => {})
    outcomes.push({ id, runId, done })
    if (outcomes.length > REMEMBERED) outcomes.shift()
    abort.signal.addEventListener('abort', () => {
      if (entry.job.startedAtMs !== null) return
      forget(entry)
      reject(cancelledJob(label))
      tell({ kind: 'changed', noun: 'jobs', ids: [] })
    })
    const place = entries.findIndex((each) => each.lane === lane && each.job.startedAtMs === null)
    if (first && place >= 0) entries.splice(place, 0, entry)
    else entries.push(entry)
    tell({ kind: 'changed', noun: 'jobs', ids: [] })
    startNext(lane)
    return { job: entry.job, done }
  }

  function find(id: string): Entry {
    const entry = entries.find((each) => each.job.id === id)
    if (entry === undefined)
      throw new LabError('job.unknown', {
        expected: 'a job that waits or runs',
        found: `${id}, which has ended`,
        next: 'Look for its result in the records.',
      })
    return entry
  }

  function wish(id: string, wished: Wish, state: Job['state']): void {
    const entry = find(id)
    entry.wish = wished
    if (entry.job.startedAtMs !== null) change(entry, { state })
  }

  return {
    add,
    list: (): Job[] => entries.map((entry) => entry.job),
    ofRun: (runId: number): Job | null => entries.find((entry) => entry.job.runId === runId)?.job ?? null,
    /** What a job gave, or the newest one that was made for a run; rejects with what stopped it, and with `job.unknown` where there is none or it ended long ago. */
    async outcome(of: { readonly jobId: string } | { readonly runId: number }): Promise<unknown> {
      const known = outcomes.findLast(({ id, runId }) => ('jobId' in of ? id === of.jobId : runId === of.runId))
      if (known !== undefined) return known.done
      throw new LabError('job.unknown', {
        expected: 'a job of this session',
        found: 'jobId' in of ? of.jobId : `none for run ${of.runId}`,
        next: 'Look for its result in the records.',
      })
    },
    pause: (id: string): void => wish(id, 'pause', 'pausing'),
    resume: (id: string): void => wish(id, 'go', 'running'),
    stopAfterStep: (id: string): void => wish(id, 'stop-after-step', 'stopping'),
    /** Calls `then` when the job has left the queue and before the next one starts. */
    whenEnded: (id: string, then: () => void): void => void find(id).ended.push(then),
    cancel(id: string): void {
      const entry = find(id)
      if (entry.job.startedAtMs !== null) change(entry, { state: 'cancelling' })
      entry.abort.abort(cancelledJob(entry.job.label))
    },
    /** Cancels everything and waits until the running jobs have let go. */
    async close(): Promise<void> {
      const started = entries.filter((entry) => entry.job.startedAtMs !== null)
      for (const entry of [...entries].reverse()) entry.abort.abort(cancelledJob(entry.job.label))
      while (started.some((entry) => entries.includes(entry))) await new Promise((resolve) => setImmediate(resolve))
    },
  }
}

export type Jobs = ReturnType<typeof createJobs>
