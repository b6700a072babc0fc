// May we end? Asked once for closing the window, quitting, logging out and updating. While something is at work a person chooses: go on in
// the background, stop after this step, stop now, or stay. What waits in the queue is dropped first, so that ending one run starts no other.
// However many ask at once, there is one question and one answer. Electron's dialogs and windows are handed in.

import type { Client, Job } from '../src-preload/contract.ts'

export const CHOICES = ['Keep working in the background', 'Stop after this step', 'Stop now', 'Cancel'] as const
export type Choice = 'background' | 'after-step' | 'now' | 'stay'
const MEANING: readonly Choice[] = ['background', 'after-step', 'now', 'stay']

/** `end`: nothing holds us any more; `background`: go out of sight and end when the work is done; `stay`: as if nobody had asked. */
export type Verdict = 'end' | 'background' | 'stay'

export interface EndingParts {
  readonly client: Pick<Client, 'jobs' | 'runs'>
  /** The number of the button that was pressed. */
  readonly ask: (question: { readonly message: string; readonly detail: string; readonly buttons: readonly string[] }) => Promise<number>
  /** What the person sees while work is being ended; null when there is nothing to see any more. */
  readonly show: (text: string | null) => void
  readonly wait?: (ms: number) => Promise<void>
}

export interface Ending {
  mayEnd(): Promise<Verdict>
  /** Without a question, as when the system shuts down, also where one stands already: everything recorded is safe, and what ran is offered at the next start. */
  readonly endNow: () => void
}

const LOOK_EVERY_MS = 200

export function openEnding({ client, ask, show, wait = (ms) => new Promise((done) => setTimeout(done, ms)) }: EndingParts): Ending {
  let asked: Promise<Verdict> | null = null
  let over = false
  /** Settled when the system shuts down: a question that stands then is answered by it. */
  const { promise: leaving, resolve: leave } = Promise.withResolvers<null>()
  /** A lab that does not answer is no reason to stay. */
  const jobs = (): Promise<readonly Job[]> => client.jobs.list().catch((): Job[] => [])

  async function dropQueued(): Promise<void> {
    for (const { id, state } of await jobs()) if (state === 'queued') await client.jobs.cancel({ jobId: id }).catch(() => null)
  }

  async function stopAfterStep(): Promise<void> {
    for (const { id, runId, kind } of await jobs()) {
      if (kind === 'train' && runId !== null) await client.runs.stopAfterStep({ runId }).catch(() => null)
      else await client.jobs.cancel({ jobId: id }).catch(() => null)
    }
    for (let left = await jobs(); left.length > 0 && !over; left = await jobs()) {
      // A finished run queues its evaluation inside its own job; whatever is new has to go as well.
      show(`Ending: ${left.map(({ label }) => label).join(', ')}`)
      await wait(LOOK_EVERY_MS)
    }
  }

  async function decide(): Promise<Verdict> {
    const working = await jobs()
    if (over || working.length === 0) return 'end'
    const waiting = working.filter(({ state }) => state === 'queued').length
    const [first] = working
    const pressed = await Promise.race([
      leaving,
      ask({
        message:
          working.length === 1
            ? `${first!.label} is still at work.`
            : `${working.length - waiting} at work${waiting > 0 ? ` and ${waiting} waiting` : ''}: ${working
                .slice(0, 3)
                .map(({ label }) => label)
                .join(', ')}${working.length > 3 ? ', ...' : ''}.`,
        detail: 'Everything recorded so far is safe either way. What is stopped can be resumed; the next start offers it.',
        buttons: CHOICES,
      }),
    ])
    if (pressed === null) return 'end'
    const choice = MEANING[pressed] ?? 'stay'
    if (choice === 'stay' || choice === 'background') return choice
    show('Ending')
    await dropQueued()
    if (choice === 'after-step') await stopAfterStep()
    return 'end'
  }

  return {
    mayEnd() {
      asked ??= decide().finally(() => (asked = null))
      return asked
    },
    endNow() {
      over = true
      leave(null)
    },
  }
}
