// The lab process under Electron: a utility process, which needs no fuse that lets the program run as plain Node. Electron's own function
// is handed in, so that this file can be read, and tested, without Electron.

import type { LabSettings } from './runLab.ts'
import type { LabProcess } from './supervise.ts'

interface UtilityProcess {
  postMessage(message: unknown): void
  on(event: 'message', listener: (message: unknown) => void): unknown
  once(event: 'exit', listener: (code: number) => void): unknown
  kill(): boolean
}
export type ForkUtility = (
  entry: string,
  args: string[],
  options: { serviceName: string; stdio: 'inherit'; env: NodeJS.ProcessEnv },
) => UtilityProcess

/** How long Electron may take to say why, after a process has ended. */
const REASON_WITHIN_MS = 500

/**
 * What Electron says about dead utility processes (`child-process-gone`), for the process that just ended. It comes before the exit or
 * after it, so whoever asks waits a moment; a reason is given out once, never to the next process that dies.
 */
export function openObituaries(within = REASON_WITHIN_MS) {
  let untold: string | null = null
  let waiting: ((reason: string | null) => void) | null = null
  return {
    tell(reason: string): void {
      if (waiting === null) untold = reason
      else waiting(reason)
    },
    /** A new process lives: what was said before is about another. */
    forget: (): void => void (untold = null),
    reason: (): Promise<string | null> =>
      new Promise((resolve) => {
        const found = untold
        untold = null
        if (found !== null) return resolve(found)
        const timer = setTimeout(() => waiting?.(null), within)
        waiting = (reason) => {
          clearTimeout(timer)
          waiting = null
          resolve(reason)
        }
      }),
  }
}
export type Obituaries = ReturnType<typeof openObituaries>

/** @param obituaries what Electron said about the process that died; its exit code alone is not reliable */
export const utilityLab =
  (forkUtility: ForkUtility, obituaries: Obituaries) =>
  (entry: string, settings: LabSettings): LabProcess => {
    obituaries.forget()
    const child = forkUtility(entry, [JSON.stringify(settings)], {
      serviceName: 'MRT Workbench laboratory',
      stdio: 'inherit',
      env: { ...process.env, ORT_DISABLE_TELEMETRY: '1' },
    })
    return {
      send: (message) => child.postMessage(message),
      onMessage: (listener) => void child.on('message', listener),
      onExit: (listener) =>
        void child.once('exit', (code) => void obituaries.reason().then((reason) => listener(reason ?? `exit code ${code}`))),
      kill: () => void child.kill(),
    }
  }
