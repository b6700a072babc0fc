// The served mode under attack by somebody who has the key: frames of a hundred megabytes, crowds, floods and clients that never read. Whatever
// comes, other pages are answered, and the lab process is the same one afterwards.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { WebSocket as NodeSocket } from 'ws'
import { forkLab } from '../../src-main/lab/process/forkLab.ts'
import { openServer, type Server } from '../../src-main/serve.ts'
import { createClient, SUBPROTOCOL, tokenProtocol, toWire, webSocketTransport, type Connection } from '../../src-preload/contract.ts'
import { makeWorkspace } from '../lab/records.ts'

let home: string
let server: Server
let own: Connection
const opened: NodeSocket[] = []
beforeAll(async () => {
  home = mkdtempSync(join(tmpdir(), 'mrt-hostile-'))
  const renderer = join(home, 'renderer')
  mkdirSync(renderer)
  writeFileSync(join(renderer, 'index.html'), '<!doctype html><title>MRT Workbench</title>')
  makeWorkspace(join(home, 'workspace'))
  server = await openServer({
    workspace: join(home, 'workspace'),
    renderer,
    home,
    startLab: (start) => forkLab(resolve(import.meta.dirname, '../lab/fakeLab.ts'), { ...start, home, version: '0.1.0', sample: null }),
  })
  class OwnSocket extends NodeSocket {
    constructor(url: string, offered: string[]) {
      super(url, offered, { headers: { origin: `http://127.0.0.1:${server.port}` } })
      this.on('error', () => {})
    }
  }
  own = createClient(webSocketTransport(`ws://127.0.0.1:${server.port}/`, server.token, OwnSocket as unknown as typeof WebSocket))
  while ((await own.client.app.status()).state !== 'ready') await new Promise((soon) => setTimeout(soon, 100))
})
afterAll(async () => {
  for (const socket of opened) socket.terminate()
  await server.close()
  rmSync(home, { recursive: true, force: true })
})

const socket = (): NodeSocket => {
  const made = new NodeSocket(`ws://127.0.0.1:${server.port}/`, [SUBPROTOCOL, tokenProtocol(server.token)], {
    headers: { origin: `http://127.0.0.1:${server.port}` },
  })
  made.on('error', () => {})
  opened.push(made)
  return made
}
const ready = (each: NodeSocket): Promise<boolean> =>
  new Promise((done) =>
    each
      .once('open', () => done(true))
      .once('close', () => done(false))
      .once('unexpected-response', () => done(false)),
  )
/** Another page is answered soon, by the lab that was there before. */
async function goesOn(): Promise<void> {
  const began = performance.now()
  expect((await own.client.runs.list()).length).toBeGreaterThan(0)
  expect(performance.now() - began).toBeLessThan(20_000)
  expect((await own.client.app.status()).starts).toBe(1)
}

it('a frame of a hundred megabytes ends its own connection, and nothing else', { timeout: 120_000 }, async () => {
  const large = socket()
  await ready(large)
  const closed = new Promise<number>((done) => large.once('close', done))
  large.send(Buffer.alloc(100 << 20, 0x20))
  expect([1006, 1009]).toContain(await closed)
  await goesOn()
})

it('a frame that claims to be larger than it is, and never comes, holds nobody up', async () => {
  const raw = connect(server.port, '127.0.0.1')
  raw.on('error', () => {})
  raw.write(
    `GET / HTTP/1.1\r\nHost: 127.0.0.1:${server.port}\r\nOrigin: http://127.0.0.1:${server.port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: ${SUBPROTOCOL}, ${tokenProtocol(server.token)}\r\n\r\n`,
  )
  await new Promise((done) => raw.once('data', done))
  // A masked text frame that announces 2^62 bytes.
  raw.write(Buffer.from([0x81, 0xff, 0x40, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4]))
  await goesOn()
  raw.destroy()
})

it(
  'of 200 pages as many are let in as there is room for, the rest is refused, and once they are gone there is room again',
  { timeout: 120_000 },
  async () => {
    const crowd = Array.from({ length: 200 }, socket)
    const admitted = (await Promise.all(crowd.map(ready))).filter(Boolean).length
    expect(admitted).toBeGreaterThan(30)
    expect(admitted).toBeLessThan(100)
    await goesOn()
    for (const each of crowd) each.terminate()
    await expect
      .poll(
        async () => {
          const again = socket()
          const room = await ready(again)
          again.terminate()
          return room
        },
        { timeout: 10_000 },
      )
      .toBe(true)
  },
)

it('ten thousand calls at once by a page that never reads cost that page alone', { timeout: 120_000 }, async () => {
  const deaf = socket()
  await ready(deaf)
  ;(deaf as unknown as { _socket: { pause(): void } })._socket.pause()
  for (let id = 1; id <= 10_000 && deaf.readyState === NodeSocket.OPEN; id++)
    deaf.send(toWire({ id, method: 'glossary.list', input: null }))
  await expect
    .poll(
      async () => {
        await goesOn()
        return true
      },
      { timeout: 60_000 },
    )
    .toBe(true)
  const before = process.memoryUsage().rss
  expect(before).toBeLessThan(1.5e9)
  deaf.terminate()
  await goesOn()
})
