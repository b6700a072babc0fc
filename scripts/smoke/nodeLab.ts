// Stands in for Electron's utility process in the smoke run: its Electron is too old for the lab's SQLite, so the lab runs beside it on
// the pinned Node, from the sources. Leaves its process id where the run can find it.
import { fork } from 'node:child_process'
import { writeFileSync } from 'node:fs'

const { SMOKE_NODE, SMOKE_LAB, SMOKE_PID } = process.env

/** Node itself says why its child ended. */
export const openObituaries = () => ({ tell: () => {} })

export const utilityLab = () => (_entry: string, settings: unknown) => {
  const child = fork(SMOKE_LAB!, [JSON.stringify(settings)], { execPath: SMOKE_NODE!, execArgv: [], serialization: 'advanced', stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
  writeFileSync(SMOKE_PID!, String(child.pid))
  return {
    send: (message: object) => void child.send(message, () => {}),
    onMessage: (listener: (message: unknown) => void) => child.on('message', listener),
    onExit: (listener: (how: string) => void) => child.once('exit', (code, signal) => listener(signal === null ? `exit code ${code}` : `signal ${signal}`)),
    kill: () => child.kill('SIGKILL'),
  }
}
