// A job whose result somebody waits for; it ends when they no longer do.
import type { JobRequest, Jobs } from './jobs.ts'

/** @param signal aborted when nobody waits any more; what nobody waits for from the start is not begun */
export function awaited<Result>(jobs: Jobs, signal: AbortSignal, request: JobRequest<Result>): Promise<Result> {
  if (signal.aborted) return Promise.reject(signal.reason as Error)
  const { job, done } = jobs.add(request)
  signal.addEventListener('abort', () => jobs.list().some(({ id }) => id === job.id) && jobs.cancel(job.id), { once: true })
  return done
}
