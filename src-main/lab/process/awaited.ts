// A job whose result somebody waits for; it ends when they no longer do.
import type { JobRequest, Jobs } from './jobs.ts'

/** @param signal aborted when nobody waits any more */
export function awaited<Result>(jobs: Jobs, signal: AbortSignal, request: JobRequest<Result>): Promise<Result> {
  const { job, done } = jobs.add(request)
  signal.addEventListener('abort', () => jobs.list().some(({ id }) => id === job.id) && jobs.cancel(job.id), { once: true })
  return done
}
