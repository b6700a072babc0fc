// The lab process under plain Node: a fork with the serialization that carries typed arrays. Used by the served mode and by tests.

import { fork } from 'node:child_process'
import type { LabSettings } from './runLab.ts'
import type { LabProcess } from './supervise.ts'

/** Starts `entry` (src-main/lab/process/process.ts, or its build). */
export function forkLab(entry: string, settings: LabSettings): LabProcess {
  const child = fork(entry, [JSON.stringify(settings)], {
    serialization: 'advanced',
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    env: { ...process.env, ORT_DISABLE_TELEMETRY: '1' },
  })
  return {
    // Sending to a child that has just died fails; its exit tells the story.
    send: (message) => void child.send(message as object, () => {}),
    onMessage: (listener) => child.on('message', listener),
    onExit: (listener) => child.once('exit', (code, signal) => listener(signal === null ? `exit code ${code}` : `signal ${signal}`)),
    kill: () => child.kill('SIGKILL'),
  }
}
