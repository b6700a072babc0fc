// The laboratory as a process: messages in, answers and events out, over whichever channel its parent gave it (Electron's utility process
// or a forked Node). It opens a workspace when it starts, says how that went, and ends when told to or when its parent is gone. A bug
// that nobody awaited ends the process with its stack on stderr: the program around it lives and says so.

import { dirname } from 'node:path'
import { writeSync } from 'node:fs'
import type { HostMessage } from '../../../src-preload/contract.ts'
import { answering, toContractError } from '../answers/answer.ts'
import { createLab, type LabParts } from './createLab.ts'
import type { LabReady, LabStart } from './supervise.ts'
import { makeFolder } from '../../disk/makeFolder.ts'

/** What the parent hands over as the process's one argument, as JSON. */
export interface LabSettings extends LabStart {
  readonly home: string
  readonly sample: string | null
  readonly version: string
}

export interface Port {
  send(message: HostMessage | LabReady): void
  onMessage(listener: (message: unknown) => void): void
  /** The parent has gone away. */
  onClosed(listener: () => void): void
}

interface ParentPort {
  postMessage(message: unknown): void
  on(event: 'message', listener: (event: { readonly data: unknown }) => void): void
}

/** The channel to the parent: Electron's parent port where there is one, else Node's. */
export function openPort(): Port {
  const parentPort = (process as { parentPort?: ParentPort }).parentPort
  if (parentPort !== undefined)
    return {
      send: (message) => parentPort.postMessage(message),
      onMessage: (listener) => parentPort.on('message', ({ data }) => listener(data)),
      // Electron ends its utility processes itself.
      onClosed: () => {},
    }
  if (process.send === undefined) throw new Error('the lab process was started without a channel to its parent')
  return {
    // A parent that has just gone away makes sending fail; the process is about to end then.
    send: (message) => void process.send!(message, undefined, undefined, () => {}),
    onMessage: (listener) => process.on('message', listener),
    onClosed: (listener) => process.on('disconnect', listener),
  }
}

const isStop = (message: unknown): boolean => typeof message === 'object' && message !== null && 'stop' in message

/** Answers until told to stop. `parts` replaces experiments and the clock in tests. */
export function runLab(port: Port, settings: LabSettings, parts: Pick<LabParts, 'experiments' | 'now'> = {}): void {
  const lab = createLab({
    home: settings.home,
    sample: settings.sample,
    version: settings.version,
    tell: (event) => port.send({ event }),
    ...parts,
  })
  const answer = answering(lab.answers, port.send)
  let stopping = false

  async function stop(): Promise<void> {
    if (stopping) return
    stopping = true
    await lab.close()
    process.exit(0)
  }
  const fail = (error: unknown): void => {
    writeSync(2, `${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`)
    process.exit(1)
  }
  // Ctrl-C in a terminal reaches every process of the group; this one ends when its parent says so.
  process.on('SIGINT', () => {})
  process.on('uncaughtException', fail)
  process.on('unhandledRejection', fail)
  port.onClosed(() => void stop())
  port.onMessage((message) => void (isStop(message) ? stop() : answer(message)))

  try {
    if (settings.folder === null) lab.workspaces.openUsual()
    else {
      if (settings.create) makeFolder(dirname(settings.folder))
      lab.workspaces.open({ folder: settings.folder, create: settings.create, readOnly: false })
    }
    port.send({ ready: { folder: lab.workspaces.store().folder, error: null } })
  } catch (error) {
    port.send({ ready: { folder: settings.folder, error: toContractError(error) } })
  }
}
