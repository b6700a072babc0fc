// How long a worker may be silent. A process that hangs keeps its pipes open, so only time tells: what does not answer within its limit is taken for
// lost, and its share is done elsewhere. A limit that was too short costs time and no number, and each further try is given twice as long.

/** How many times as long as by the slowest pace seen so far an answer may take. */
const SLACK = 20
/** The longest that a timer of Node can wait, in milliseconds. */
const LONGEST_MS = 2 ** 31 - 1

/** Calls `ring` once so many milliseconds have passed, unless what it gave is called before. */
export type Alarm = (ms: number, ring: () => void) => () => void

export const wallAlarm: Alarm = (ms, ring) => {
  const timer = setTimeout(ring, ms)
  return () => clearTimeout(timer)
}

export interface Patience {
  /** Milliseconds that the answer to `tokens` tokens may take. @param times how often it, or the worker that is asked, was begun, from 1 */
  limit(tokens: number, times: number): number
  /** An answer came. @param trial that of a first look at new weights, which counts until a task was answered */
  saw(tokens: number, ms: number, trial: boolean): void
}

/** @param leastMs the shortest limit, whatever the pace is */
export function openPatience(leastMs: number): Patience {
  const slowest = { trial: 0, task: 0 }
  return {
    limit: (tokens, times) => Math.min(LONGEST_MS, Math.max(leastMs, SLACK * tokens * (slowest.task || slowest.trial)) * 2 ** (times - 1)),
    saw(tokens, ms, trial) {
      const kind = trial ? 'trial' : 'task'
      if (tokens > 0) slowest[kind] = Math.max(slowest[kind], ms / tokens)
    },
  }
}
