// The lab process seen from the program around it, the same in Electron and in served mode: one process, any number of pages.
// Calls of each page are renumbered so that their replies find back; events and the state of the lab go to all. When the process
// dies, calls under way are refused with a coded error, the pages are told, and a restart (asked for by a person) opens the same
// workspace again, where the store says what was interrupted. How a process is made is handed in: fork, or Electron's utility process.

import type { CallMessage, HostMessage, LabErrorData, LabStatus } from '../../../src-preload/contract.ts'

/** A process that runs src-main/lab/process/process.ts. */
export interface LabProcess {
  send(message: unknown): void
  onMessage(listener: (message: unknown) => void): void
  /** Called once; `how` in a few words, such as "signal SIGKILL" or "exit code 1". */
  onExit(listener: (how: string) => void): void
  kill(): void
}

/** What the process is told when it starts. */
export interface LabStart {
  /** Workspace to open at once; null for none. */
  readonly folder: string | null
  readonly create: boolean
}

/** What the process says besides replies and events, once it listens. `error`: the workspace could not be opened. */
export type LabReady = { readonly ready: { readonly folder: string | null; readonly error: LabErrorData | null } }

export interface Session {
  send(message: CallMessage): void
  close(): void
}

type Question = Extract<CallMessage, { method: string }>

/** Calls of one page that the lab has at once: others of that page wait, so that a page that asks without end delays itself and nobody else. */
const MOST_UNDER_WAY = 32
/** Calls of all pages that the lab has at once, but for so many of each page that it always may have. */
const MOST_AT_ONCE = 48
const ASSURED = 2
/** Further calls of one page that may wait; beyond them a call is refused. */
const MOST_WAITING = 2000

const OPENING = new Set(['workspace.open', 'workspace.openSample'])

export interface SuperviseOptions {
  readonly start: (start: LabStart) => LabProcess
  readonly now?: () => number
  readonly folder?: string | null
  readonly create?: boolean
}

export function superviseLab({ start, now = Date.now, folder: firstFolder = null, create = false }: SuperviseOptions) {
  interface Call {
    readonly session: (message: HostMessage) => void
    readonly id: number
    readonly method: string
  }
  interface Page {
    /** Number in the lab of each call under way, by the page's own. */
    readonly numbers: Map<number, number>
    readonly waiting: Map<number, Question>
  }
  const sessions = new Map<(message: HostMessage) => void, Page>()
  const calls = new Map<number, Call>()
  let status: LabStatus = { state: 'gone', error: null, starts: 0, sinceMs: now(), folder: firstFolder }
  let lab: LabProcess | null = null
  let last = 0
  let stopping = false

  const broadcast = (message: HostMessage): void => {
    for (const session of [...sessions.keys()]) session(message)
  }
  const become = (changes: Partial<LabStatus>): void => {
    status = { ...status, ...changes, sinceMs: now() }
    broadcast({ status })
  }

  function settle(message: Extract<HostMessage, { id: number }>): void {
    const call = calls.get(message.id)
    if (call === undefined) return
    calls.delete(message.id)
    const page = sessions.get(call.session)
    page?.numbers.delete(call.id)
    if (message.ok && OPENING.has(call.method)) become({ folder: (message.output as { folder: string }).folder })
    if (message.ok && call.method === 'workspace.close') become({ folder: null })
    call.session({ ...message, id: call.id })
    sendOn()
  }

  const maySend = ({ numbers, waiting }: Page): boolean =>
    waiting.size > 0 && (numbers.size < ASSURED || (numbers.size < MOST_UNDER_WAY && calls.size < MOST_AT_ONCE))

  /** Hands on what waits, one question of each page in turn. */
  function sendOn(): void {
    for (let sent = true; sent;) {
      sent = false
      for (const [session, page] of [...sessions]) {
        if (lab === null || !maySend(page)) continue
        const [[id, message]] = page.waiting as unknown as [[number, Question]]
        page.waiting.delete(id)
        const number = ++last
        page.numbers.set(id, number)
        calls.set(number, { session, id, method: message.method })
        // Whoever has just had a turn is the last to have the next.
        sessions.delete(session)
        sessions.set(session, page)
        lab.send({ ...message, id: number })
        sent = true
      }
    }
  }

  function exited(how: string): void {
    lab = null
    if (stopping) return
    const error = labGone(how)
    for (const call of calls.values()) call.session({ id: call.id, ok: false, error })
    calls.clear()
    for (const [session, { numbers, waiting }] of sessions) {
      numbers.clear()
      for (const id of waiting.keys()) session({ id, ok: false, error })
      waiting.clear()
    }
    become({ state: 'gone', error })
  }

  function launch(): LabStatus {
    if (lab !== null) return status
    const process = start({ folder: status.folder, create: create && status.starts === 0 })
    lab = process
    process.onExit((how) => {
      if (lab === process) exited(how)
    })
    process.onMessage((received) => {
      const message = received as HostMessage | LabReady
      if (lab !== process) return
      if ('ready' in message) become({ state: 'ready', ...message.ready })
      else if ('id' in message) settle(message)
      else broadcast(message)
    })
    become({ state: 'starting', error: null, starts: status.starts + 1 })
    return status
  }

  /** A page: `hear` gets its replies, and everything that is told to all, the present state first. */
  function open(hear: (message: HostMessage) => void): Session {
    const page: Page = { numbers: new Map(), waiting: new Map() }
    const { numbers, waiting } = page
    sessions.set(hear, page)
    hear({ status })
    return {
      send(message) {
        if ('cancel' in message) {
          waiting.delete(message.cancel)
          const number = numbers.get(message.cancel)
          if (number === undefined) return
          numbers.delete(message.cancel)
          calls.delete(number)
          lab?.send({ cancel: number })
          sendOn()
        } else if (lab === null) hear({ id: message.id, ok: false, error: status.error ?? labGone('it was not started') })
        else if (waiting.size >= MOST_WAITING) hear({ id: message.id, ok: false, error: tooMany(waiting.size) })
        else {
          waiting.set(message.id, message)
          sendOn()
        }
      },
      close() {
        sessions.delete(hear)
        waiting.clear()
        for (const number of numbers.values()) {
          calls.delete(number)
          lab?.send({ cancel: number })
        }
        sendOn()
      },
    }
  }

  return {
    open,
    status: (): LabStatus => status,
    /** Starts the process if it is not there; asked again, it says how things are. */
    launch,
    /** Asks the process to end in order, and ends it after `graceMs` whatever it does. */
    async stop(graceMs = 10_000): Promise<void> {
      const process = lab
      if (process === null) return
      stopping = true
      const timer = setTimeout(() => process.kill(), graceMs)
      await new Promise<void>((resolve) => {
        process.onExit(() => resolve())
        process.send({ stop: true })
      })
      clearTimeout(timer)
      lab = null
    },
  }
}

export type LabSupervisor = ReturnType<typeof superviseLab>

const labGone = (how: string): LabErrorData => ({
  code: 'lab.gone',
  expected: 'the laboratory process to be there',
  found: `that it ended (${how})`,
  next: 'Restart the lab. Everything recorded is safe, and an interrupted run can go on from its last checkpoint.',
})

const tooMany = (waiting: number): LabErrorData => ({
  code: 'lab.tooMany',
  expected: `a page to have at most ${MOST_UNDER_WAY + MOST_WAITING} questions open`,
  found: `${waiting} that wait already`,
  next: 'Wait for answers before asking more.',
})
