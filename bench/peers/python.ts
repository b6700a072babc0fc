// The Python that peers run in: a virtual environment in an ignored folder, made when it is missing, and a process that answers requests.
import { spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
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
  ask(request: Readonly<Record<string, string | number>>): Promise<Record<string, unknown>>
  close(): void
}

/** Starts peer.py on a folder of fixtures. A request rejects when the process has ended. */
export function openPeer(folder: string, threads: number): Peer {
  const child = spawn(peerPython(), [join(import.meta.dirname, 'peer.py'), folder], {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: { ...process.env, OMP_NUM_THREADS: String(threads), HF_HUB_OFFLINE: '1' },
  })
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  return {
    async ask(request) {
      child.stdin.write(`${JSON.stringify(request)}\n`)
      const { value, done } = await lines.next()
      if (done) throw new Error(`the peer ended while it was asked to ${request.do}`)
      return JSON.parse(value) as Record<string, unknown>
    },
    close: () => child.stdin.end(),
  }
}
