/** A place where nothing leaves the machine: what tries is refused and written down. Linux with a C compiler, which the setup needs as well. */
import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export interface Offline {
  /** Environment of a process that is to be watched, with all its children. */
  readonly env: NodeJS.ProcessEnv
  readonly folder: string
  /** What was refused so far: `program[pid] call address`. */
  attempts(): readonly string[]
  dispose(): void
}

export function openOffline(): Offline {
  const folder = mkdtempSync(join(tmpdir(), 'mrt-offline-'))
  const library = join(folder, 'refuse.so')
  const { status, stderr } = spawnSync('cc', ['-shared', '-fPIC', '-O1', '-o', library, join(import.meta.dirname, 'refuse.c'), '-ldl'], {
    encoding: 'utf8',
  })
  if (status !== 0) throw new Error(`cc could not build refuse.c: ${stderr}`)
  const log = join(folder, 'attempts.txt')
  return {
    folder,
    env: { ...process.env, LD_PRELOAD: library, REFUSE_LOG: log },
    attempts: () => (existsSync(log) ? readFileSync(log, 'utf8').split('\n').filter(Boolean) : []),
    dispose: () => rmSync(folder, { recursive: true, force: true }),
  }
}
