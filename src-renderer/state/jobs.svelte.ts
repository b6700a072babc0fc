/**
 * Work that waits or goes on, kept current: the list is read when the lab tells that it changed, progress comes with the
 * events. Pausing, going on, stopping and cancelling are wishes; the lab says what became of them.
 */
import type { Job, LabEvent, ProgressReport } from '../../src-preload/contract.ts'
import { app } from './app.svelte.ts'
import { lab } from './client.svelte.ts'
import { reading, type Reading } from './reading.svelte.ts'
import { href, place } from './route.svelte.ts'

/** Longer without a word from a running job than it ever takes to report: something hangs, and the strip says so. */
export const STALL_MS = 60_000

class Jobs {
  #list: Reading<readonly Job[]> | null = $state.raw(null)
  #progress: Readonly<Record<string, ProgressReport>> = $state.raw({})
  /** A clock for "last update 3 s ago", ticking only while something runs. */
  nowMs = $state(Date.now())

  /** Empty while the lab is not there: nothing is at work then. */
  list: readonly Job[] = $derived.by(() =>
    (lab.status?.state === 'gone' ? [] : (this.#list?.data ?? [])).map((job) => ({
      ...job,
      progress: this.#progress[job.id] ?? job.progress,
    })),
  )
  running: Job | null = $derived(
    this.list.find(({ startedAtMs, kind }) => startedAtMs !== null && (kind === 'train' || kind === 'evaluate')) ??
      this.list.find(({ startedAtMs }) => startedAtMs !== null) ??
      null,
  )
  waiting: readonly Job[] = $derived(this.list.filter(({ startedAtMs }) => startedAtMs === null))

  /** Called once by the window while it is set up. */
  follow(): void {
    this.#list = reading((client) => client.jobs.list(), { nouns: ['jobs'] })
    $effect(() => lab.on((events) => this.#hear(events)))
    $effect(() => {
      if (this.running === null) return
      const timer = setInterval(() => (this.nowMs = Date.now()), 1000)
      return () => clearInterval(timer)
    })
  }

  ofRun(runId: number): Job | null {
    return this.list.find((job) => job.runId === runId) ?? null
  }

  /** Share done, 0 to 1; null where the end is not known. */
  share({ progress }: Job): number | null {
    return progress?.total ? Math.min(1, progress.done / progress.total) : null
  }

  /** Milliseconds since a running job last said something. */
  silence({ progress, startedAtMs }: Job): number {
    return startedAtMs === null ? 0 : Math.max(0, this.nowMs - Math.max(progress?.atMs ?? 0, startedAtMs))
  }

  pause = (runId: number) => app.attempt(() => lab.client.runs.pause({ runId }))
  resume = (runId: number) => app.attempt(() => lab.client.runs.resume({ runId }))
  stopAfterStep = (runId: number) => app.attempt(() => lab.client.runs.stopAfterStep({ runId }))
  cancel = (jobId: string) => app.attempt(() => lab.client.jobs.cancel({ jobId }))

  #hear(events: readonly LabEvent[]): void {
    const reports = events.flatMap((event) => (event.kind === 'progress' ? [[event.report.job, event.report] as const] : []))
    if (reports.length > 0) this.#progress = { ...this.#progress, ...Object.fromEntries(reports) }
    for (const event of events) {
      if (event.kind === 'failed') this.#failed(event)
    }
  }

  #failed({ job: id, error }: Extract<LabEvent, { kind: 'failed' }>): void {
    const job = this.list.find((each) => each.id === id)
    const runId = job?.runId
    app.notify(`${job?.label ?? 'A job'} failed`, `Found ${error.found}.`, runId ?? null)
    app.say({
      tone: 'bad',
      title: `${job?.label ?? 'A job'} failed`,
      text: `Expected ${error.expected}; found ${error.found}. ${error.next}`,
      ...(runId && { action: 'Open the run', act: () => place.go(href('run', { runId })) }),
    })
  }
}

export const jobs = new Jobs()
