// Floods of the served mode by somebody who has the key, in figures: `node test/serve/floods.ts [scale]` serves a copy of the sample, attacks it, and
// prints for each attack how long another page waited for its answers meanwhile, what was refused and how, and how much memory the server and
// the lab held at most. Ends with 1 where a page was starved, the server or the lab ended, or memory was not bounded. Linux only. A short version
// is hostile.test.ts.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { request } from 'node:http'
import { connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { WebSocket as NodeSocket } from 'ws'
import { createClient, SUBPROTOCOL, tokenProtocol, toWire, webSocketTransport } from '../../src-preload/contract.ts'

const scale = Number(process.argv[2] ?? 1)
/** Longest that another page may wait for one answer, and the most memory of both processes together. */
const STARVED_MS = 10_000
const MOST_BYTES = 1.5e9
const root = resolve(import.meta.dirname, '../..')
const folder = mkdtempSync(join(tmpdir(), 'mrt-floods-'))
cpSync(join(root, 'resources/sample'), join(folder, 'workspace'), { recursive: true })
const server = spawn(process.execPath, ['src-main/cli.ts', 'serve', '--workspace', join(folder, 'workspace')], {
  cwd: root,
  stdio: ['ignore', 'pipe', 'inherit'],
  env: { ...process.env, MRT_HOME: join(folder, 'home') },
})
const address = await new Promise<string>((found, gone) => {
  let said = ''
  server.stdout.setEncoding('utf8').on('data', (text: string) => {
    said += text
    if (/#token=\S+/.test(said)) found(said)
  })
  server.once('exit', (code) => gone(new Error(`the server ended with ${code}`)))
})
const [, port, token] = /:(\d+)\/#token=(\S+)/.exec(address)! as unknown as [string, string, string]
const origin = `http://127.0.0.1:${port}`

/** The server and the lab process behind it. */
const processes = (): number[] => [
  server.pid!,
  ...readdirSync('/proc').flatMap((name) => {
    try {
      return /^\d+$/.test(name) &&
        / (\d+)/.exec(readFileSync(`/proc/${name}/stat`, 'utf8').replace(/^.*\)/s, '').slice(2))?.[1] === String(server.pid)
        ? [Number(name)]
        : []
    } catch {
      return []
    }
  }),
]
const held = (field: 'VmHWM' | 'VmRSS'): number =>
  processes().reduce(
    (sum, pid) => sum + 1024 * Number(new RegExp(`${field}:\\s+(\\d+)`).exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0),
    0,
  )
const forgetPeak = (): void => processes().forEach((pid) => writeFileSync(`/proc/${pid}/clear_refs`, '5'))

class OwnSocket extends NodeSocket {
  constructor(url: string, offered: string[]) {
    super(url, offered, { headers: { origin } })
    this.on('error', () => {})
  }
}
const own = createClient(webSocketTransport(`ws://127.0.0.1:${port}/`, token, OwnSocket as unknown as typeof WebSocket))
while ((await own.client.app.status()).state !== 'ready') await new Promise((soon) => setTimeout(soon, 100))

const attacker = (): NodeSocket => new OwnSocket(`ws://127.0.0.1:${port}/`, [SUBPROTOCOL, tokenProtocol(token)])
const settled = (socket: NodeSocket): Promise<'open' | string> =>
  new Promise((done) =>
    socket
      .once('open', () => done('open'))
      .once('unexpected-response', (_request, { statusCode }) => done(String(statusCode)))
      .once('error', (error) => done((error as NodeJS.ErrnoException).code ?? error.message))
      .once('close', (code) => done(`closed ${code}`)),
  )
const closed = (socket: NodeSocket): Promise<string> => new Promise((done) => socket.once('close', (code) => done(`closed ${code}`)))
const deafen = (socket: NodeSocket): void => void (socket as unknown as { _socket: Socket })._socket.pause()
const tally = (outcomes: readonly string[]): string =>
  [...Map.groupBy(outcomes, (each) => each)].map(([outcome, { length }]) => `${length} x ${outcome}`).join(', ')

let failures = 0
/** Makes an attack while another page asks on and on; it is over when the attack is and that page was answered again. */
async function attack(name: string, body: () => Promise<string>): Promise<void> {
  forgetPeak()
  const waits: number[] = []
  let over = false
  const asking = (async () => {
    while (!over) {
      const began = performance.now()
      await own.client.runs.list()
      waits.push(performance.now() - began)
      await new Promise((soon) => setTimeout(soon, 20))
    }
  })()
  const outcome = await body()
  await new Promise((soon) => setTimeout(soon, 500))
  over = true
  await asking
  const [longest, most] = [Math.max(...waits), held('VmHWM')]
  const median = waits.sort((a, b) => a - b)[waits.length >> 1]!
  const { starts } = await own.client.app.status()
  const fine = longest < STARVED_MS && most < MOST_BYTES && starts === 1 && server.exitCode === null
  failures += Number(!fine)
  console.log(
    `${fine ? 'held  ' : 'FAILED'} ${name}: ${outcome}. Another page waited ${median.toFixed(0)} ms (median of ${waits.length} answers), ${longest.toFixed(0)} at most; server and lab held ${(most / 2 ** 20).toFixed(0)} MiB at most, ${(held('VmRSS') / 2 ** 20).toFixed(0)} afterwards`,
  )
}

const times = <T>(count: number, make: (at: number) => T): T[] =>
  Array.from({ length: Math.max(1, Math.round(count * scale)) }, (_, at) => make(at))

await attack('nothing', async () => {
  await new Promise((soon) => setTimeout(soon, 3000))
  return 'for comparison'
})
await attack('frames of 100 MB', async () => {
  const outcomes: string[] = []
  for (const _ of times(10, () => 0)) {
    const socket = attacker()
    await settled(socket)
    const end = closed(socket)
    socket.send(Buffer.alloc(100 << 20, 0x20))
    outcomes.push(await end)
  }
  return tally(outcomes)
})
await attack('100 MB in pieces of 64 KiB that never end', async () => {
  const outcomes: string[] = []
  for (const _ of times(5, () => 0)) {
    const socket = attacker()
    await settled(socket)
    const end = closed(socket)
    for (let sent = 0; sent < 1600 && socket.readyState === NodeSocket.OPEN; sent++)
      await new Promise((done) => socket.send(Buffer.alloc(64 << 10, 0x20), { fin: false }, done))
    outcomes.push(await end)
  }
  return tally(outcomes)
})
await attack('200 pages that ask on and on', async () => {
  const crowd = times(200, attacker)
  const outcomes = await Promise.all(crowd.map(settled))
  let answers = 0
  for (const socket of crowd.filter(({ readyState }) => readyState === NodeSocket.OPEN)) {
    let id = 0
    const ask = (): void => socket.send(toWire({ id: ++id, method: 'runs.list' }))
    socket.on('message', (data) => {
      if (!/"id"/.test(String(data).slice(0, 40))) return
      answers++
      ask()
    })
    ask()
  }
  await new Promise((soon) => setTimeout(soon, 5000))
  for (const socket of crowd) socket.terminate()
  return `${tally(outcomes)}; ${answers} answers in 5 s`
})
await attack('60 pages that ask for much and never read', async () => {
  const crowd = times(60, attacker)
  await Promise.all(crowd.map(settled))
  const outcomes = crowd.map((socket) => closed(socket))
  for (const socket of crowd) {
    deafen(socket)
    for (let id = 1; id <= 400; id++) socket.send(toWire({ id, method: 'rollouts.get', input: { rolloutId: 1 + (id % 50) } }))
  }
  await new Promise((soon) => setTimeout(soon, 15_000))
  for (const socket of crowd) socket.terminate()
  return tally(await Promise.all(outcomes))
})
await attack('a page that asks 30,000 things at once', async () => {
  const socket = attacker()
  await settled(socket)
  const outcomes: string[] = []
  const all = times(30_000, (at) => at + 1)
  const done = new Promise<void>((resolve) => {
    socket.on('message', (data) => {
      const message = JSON.parse(String(data)) as { id?: number; ok?: boolean; error?: { code: string } }
      if (message.id === undefined) return
      outcomes.push(message.ok === true ? 'answered' : message.error!.code)
      if (outcomes.length === all.length) resolve()
    })
    socket.on('close', () => resolve())
  })
  for (const id of all) socket.send(toWire({ id, method: 'runs.list' }))
  await done
  socket.terminate()
  return tally(outcomes)
})
await attack('20,000 requests over 200 connections, with and without the key, host and origin', async () => {
  const kinds = [
    { path: '/' },
    { path: '/exports/x.html' },
    { path: '/..%2f..%2fpackage.json' },
    { path: '/', headers: { host: 'evil.example' } },
    { path: '/uploads/aaaaaaaaaaaa/x', method: 'PUT', headers: { origin: 'https://evil.example' } },
    { path: '/', method: 'DELETE' },
  ]
  const outcomes: string[] = []
  const every = times(20_000, (at) => kinds[at % kinds.length]!)
  await Promise.all(
    Array.from({ length: 200 }, async () => {
      for (let next = every.pop(); next !== undefined; next = every.pop()) {
        const { path, method = 'GET', headers = {} } = next
        outcomes.push(
          await new Promise((done) =>
            request({ host: '127.0.0.1', port, path, method, headers, agent: false }, (response) => {
              response.resume().once('end', () => done(String(response.statusCode)))
            })
              .once('error', (error) => done((error as NodeJS.ErrnoException).code ?? 'error'))
              .end(),
          ),
        )
      }
    }),
  )
  return tally(outcomes)
})
await attack('500 connections that never say what they want', async () => {
  const crowd = times(500, () => connect(Number(port), '127.0.0.1'))
  const ends = crowd.map(async (socket) => {
    socket.on('error', () => {})
    socket.write('GET / HTTP/1.1\r\nHost: 127.0')
    socket.resume()
    await once(socket, 'close')
    return 'let go'
  })
  const outcomes = await Promise.all(
    ends.map((end) => Promise.race([end, new Promise<string>((still) => setTimeout(() => still('still there'), 25_000))])),
  )
  for (const socket of crowd) socket.destroy()
  return tally(outcomes)
})
await attack('40 uploads at once, each a byte a second', async () => {
  const outcomes = await Promise.all(
    times(40, async (at) => {
      const put = request({
        host: '127.0.0.1',
        port,
        method: 'PUT',
        path: `/uploads/flood-${String(at).padStart(8, '0')}/x.jsonl`,
        headers: { origin, authorization: `Bearer ${token}`, 'content-length': 1_000_000 },
      })
      const answered = new Promise<string>((done) => {
        put.once('response', ({ statusCode }) => done(String(statusCode)))
        put.once('error', (error) => done((error as NodeJS.ErrnoException).code ?? 'error'))
      })
      for (let sent = 0; sent < 5; sent++) {
        put.write('x')
        await new Promise((soon) => setTimeout(soon, 1000))
      }
      const outcome = await Promise.race([answered, new Promise<string>((still) => setTimeout(() => still('taken in'), 100))])
      put.destroy()
      return outcome
    }),
  )
  return tally(outcomes)
})

const ended = once(server, 'exit')
server.kill('SIGTERM')
const [code] = (await ended) as [number | null]
console.log(`The server ended with ${code ?? 'a signal'} when it was told to. ${failures} attacks were not held off.`)
rmSync(folder, { recursive: true, force: true })
process.exit(failures + Number(code !== 0) === 0 ? 0 : 1)
