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
export type ForkUtility = (entry: string, args: string[], options: { serviceName: string; stdio: 'inherit'; env: NodeJS.ProcessEnv }) => UtilityProcess

/** @param whyGone what Electron said about the last utility process that died; its exit code alone is not reliable */
export const utilityLab = (forkUtility: ForkUtility, whyGone: () => string | null) => (entry: string, settings: LabSettings): LabProcess => {
  const child = forkUtility(entry, [JSON.stringify(settings)], { serviceName: 'MRT Workbench laboratory', stdio: 'inherit', env: { ...process.env, ORT_DISABLE_TELEMETRY: '1' } })
  return {
    send: (message) => child.postMessage(message),
    onMessage: (listener) => void child.on('message', listener),
    onExit: (listener) => void child.once('exit', (code) => listener(whyGone() ?? `exit code ${code}`)),
    kill: () => void child.kill(),
  }
}
