// The Python that peers run in: a virtual environment in an ignored folder, made when it is missing, and a process that answers requests.
import { spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Readable, Writable } from 'node:stream'
import { createInterface } from 'node:readline'

const FOLDER = join(import.meta.dirname, '..', '..', '.cache', 'peers')
const REQUIREMENTS = readFileSync(join(import.meta.dirname, 'requirements.txt'), 'utf8')

/** The environment's Python; the first call installs what requirements.txt names. Throws where Python or a package cannot be had. */
export function peerPython(): string {
  const python = join(FOLDER, 'venv', process.platform === 'win32' ? 'Scripts/python.exe' : 'bin/python')
  const stamp = join(FOLDER, 'installed.txt')
  if (existsSync(python) && existsSync(stamp) && readFileSync(stamp, 'utf8') === REQUIREMENTS) return python
  mkdirSync(FOLDER, { recursive: true })
  console.error('· making the Python environment for the peers, once')
  call(process.env.PYTHON ?? 'python3.11', ['-m', 'venv', join(FOLDER, 'venv')])
  call(python, ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '-r', join(import.meta.dirname, 'requirements.txt')])
  writeFileSync(stamp, REQUIREMENTS)
  return python
}

function call(program: string, args: readonly string[]): void {
  const { status, error } = spawnSync(program, args, { stdio: ['ignore', 'inherit', 'inherit'] })
  if (status !== 0)
    throw new Error(
      `${program} ${args.join(' ')} ended with ${error?.message ?? status}; the peers need Python 3.11 (or another named by PYTHON) and a package index with PyTorch`,
    )
}

export interface Peer {
  ask(request: Readonly<Record<string, unknown>>): Promise<Record<string, unknown>>
  close(): void
}

/** Starts a script of this folder. A request, a line of JSON, is answered by one; it rejects when the process has ended. */
export function openPeer(script: string, args: readonly string[], threads: number): Peer {
  const child = spawn(peerPython(), [join(import.meta.dirname, script), ...args], {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: { ...process.env, OMP_NUM_THREADS: String(threads), HF_HUB_OFFLINE: '1', TOKENIZERS_PARALLELISM: 'false' },
  })
  return asking(child.stdin, child.stdout)
}

/** What answers lines at the other end of two pipes. */
export function asking(input: Writable, output: Readable): Peer {
  input.on('error', () => {})
  const lines = createInterface({ input: output })[Symbol.asyncIterator]()
  return {
    async ask(request) {
      input.write(`${JSON.stringify(request)}\n`)
      const { value, done } = await lines.next()
      if (done) throw new Error(`the peer ended while it was asked to ${String(request.do)}`)
      const answer = JSON.parse(value) as Record<string, unknown>
      if (answer.error !== undefined) throw new Error(String(answer.error))
      return answer
    },
    close: () => input.end(),
  }
}
