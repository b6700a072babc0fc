// A driver without Ray: it speaks the frames of cluster/driver.py and starts the workers itself, on this machine. It writes the pid of every worker
// where it was told, and ends a worker in the midst of its n-th share where it was told that too, once for each time that it was told. Or it stops one,
// which then hangs: its pipes stay open, and it never answers.
//   STAND_IN_PIDS=file  STAND_IN_KILLS=worker:task,...  STAND_IN_HANGS=worker:task,...  STAND_IN_SPOILS=1 (weights reach workers with one number changed)
import { spawn, type ChildProcess } from 'node:child_process'
import { appendFileSync } from 'node:fs'
import { readFrames, writeFrame, type Frame, type Header } from '../../src-main/cluster/frames.ts'

interface Worker {
  readonly child: ChildProcess
  readonly frames: AsyncGenerator<Frame>
  tasks: number
}
const [kills, hangs] = [process.env.STAND_IN_KILLS ?? '', process.env.STAND_IN_HANGS ?? ''].map((text) => text.split(',')) as [
  string[],
  string[],
]
const workers = new Map<number, Worker>()
const stored = new Map<string, Buffer>()
let command: readonly string[] = []
const tell = (header: Header, body?: Buffer): void => void writeFrame(process.stdout, header, body)

function start(worker: number): void {
  const child = spawn(command[0]!, command.slice(1), { stdio: ['pipe', 'pipe', 'inherit'] })
  child.stdin!.on('error', () => {})
  if (process.env.STAND_IN_PIDS) appendFileSync(process.env.STAND_IN_PIDS, `${worker} ${child.pid}\n`)
  workers.set(worker, { child, frames: readFrames(child.stdout!), tasks: 0 })
  tell({ kind: 'joined', worker, node: `node${worker}`, host: 'here', pid: child.pid })
}

async function call(header: Header, body: Buffer): Promise<void> {
  const worker = Number(header.worker)
  const asked = header.header as Header
  const at = workers.get(worker)!
  const sent = typeof header.stored === 'string' ? stored.get(header.stored)! : body
  if (asked.kind === 'share') at.tasks++
  const [kill, hang] = [kills, hangs].map((list) => (asked.kind === 'share' ? list.indexOf(`${worker}:${at.tasks}`) : -1)) as [
    number,
    number,
  ]
  if (hang >= 0) {
    hangs.splice(hang, 1)
    at.child.kill('SIGSTOP')
  }
  const answered = writeFrame(at.child.stdin!, asked, sent)
    .then(() => at.frames.next())
    .then(({ value }) => value as Frame | undefined)
    .catch(() => undefined)
  if (kill >= 0) {
    kills.splice(kill, 1)
    at.child.kill('SIGKILL')
  }
  const answer = await answered
  if (answer !== undefined) return tell({ kind: 'answer', call: header.call, header: answer.header }, answer.body)
  if (workers.get(worker) === at) workers.delete(worker)
  tell({ kind: 'lost', worker, call: header.call, why: 'the worker ended' })
}

for await (const { header, body } of readFrames(process.stdin)) {
  if (header.kind === 'join') {
    command = header.command as string[]
    for (let worker = 0; worker < Number(header.workers); worker++) start(worker)
  } else if (header.kind === 'start') start(Number(header.worker))
  else if (header.kind === 'drop') workers.get(Number(header.worker))?.child.kill('SIGKILL')
  else if (header.kind === 'put') {
    if (process.env.STAND_IN_SPOILS) body.writeFloatLE(1, 0)
    stored.set(String(header.name), body)
    tell({ kind: 'stored', name: header.name, ms: 0 })
  } else if (header.kind === 'free') stored.delete(String(header.name))
  else if (header.kind === 'call') void call(header, body)
}
for (const { child } of workers.values()) child.stdin!.end()
