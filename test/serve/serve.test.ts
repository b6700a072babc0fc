// The served mode as a browser, a curious page and a stranger see it: every check of who may ask, the pages and their headers, the
// contract over a real WebSocket to a lab in a process of its own, and what happens to it when that process dies.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { WebSocket as NodeSocket } from 'ws'
import { forkLab } from '../../src-main/lab/process/forkLab.ts'
import type { LabProcess } from '../../src-main/lab/process/supervise.ts'
import { openServer, type Server } from '../../src-main/serve.ts'
import {
  createClient,
  SUBPROTOCOL,
  tokenProtocol,
  toWire,
  webSocketTransport,
  type Connection,
  type LabStatus,
} from '../../src-preload/contract.ts'
import { makeWorkspace, specOf } from '../lab/records.ts'

const FAKE_LAB = resolve(import.meta.dirname, '../lab/fakeLab.ts')

let home: string
let server: Server
const processes: LabProcess[] = []
beforeAll(async () => {
  home = mkdtempSync(join(tmpdir(), 'mrt-serve-'))
  const renderer = join(home, 'renderer')
  mkdirSync(join(renderer, 'assets'), { recursive: true })
  writeFileSync(join(renderer, 'index.html'), '<!doctype html><title>MRT Workbench</title>')
  writeFileSync(join(renderer, 'assets', 'index-DFgh12_x.js'), 'export {}')
  writeFileSync(join(home, 'secret.txt'), 'not for you')
  const folder = join(home, 'workspace')
  makeWorkspace(folder)
  server = await openServer({
    workspace: folder,
    renderer,
    home,
    version: '0.1.0',
    startLab: (start) => {
      const child = forkLab(FAKE_LAB, { ...start, home, version: '0.1.0', sample: null })
      processes.push(child)
      return child
    },
  })
})
afterAll(async () => {
  await server.close()
  rmSync(home, { recursive: true, force: true })
})

interface Answer {
  readonly status: number
  readonly headers: Record<string, string | string[] | undefined>
  readonly text: string
}

/** A request with any headers whatever, which fetch would not send. */
const ask = (path: string, headers: Record<string, string> = {}, method = 'GET'): Promise<Answer> =>
  new Promise((resolve, reject) => {
    request(
      { host: '127.0.0.1', port: server.port, path, method, headers: { host: `127.0.0.1:${server.port}`, ...headers } },
      (response) => {
        let text = ''
        response
          .setEncoding('utf8')
          .on('data', (part: string) => (text += part))
          .on('end', () => resolve({ status: response.statusCode!, headers: response.headers, text }))
      },
    )
      .on('error', reject)
      .end()
  })

const origin = (): string => `http://127.0.0.1:${server.port}`
const bearer = (token = server.token) => ({ authorization: `Bearer ${token}` })

/** 101, or the status of the refusal. */
const upgrade = (headers: Record<string, string>, protocols: string[]): Promise<number> =>
  new Promise((resolve) => {
    const socket = new NodeSocket(`ws://127.0.0.1:${server.port}/`, protocols, { headers })
    socket.on('open', () => (socket.terminate(), resolve(101)))
    socket.on('unexpected-response', (_request, response) => (socket.terminate(), resolve(response.statusCode!)))
    socket.on('error', () => {})
  })
const protocols = (token = server.token): string[] => [SUBPROTOCOL, tokenProtocol(token)]

/** A browser's WebSocket always says where it comes from; Node's has to be told. */
class OwnSocket extends NodeSocket {
  constructor(url: string, offered: string[]) {
    super(url, offered, { headers: { origin: origin() } })
  }
}
const connect = (): Connection =>
  createClient(webSocketTransport(`ws://127.0.0.1:${server.port}/`, server.token, OwnSocket as unknown as typeof WebSocket))
const becomes = (connection: Connection, state: LabStatus['state']): Promise<LabStatus> =>
  new Promise((resolve) => {
    const stop = connection.onStatus((status) => {
      if (status.state !== state) return
      stop()
      resolve(status)
    })
  })

describe('who may ask', () => {
  it.each([
    ['the page itself', '/', {}, 'GET', 200],
    ['a forwarded port', '/', { host: 'localhost:9999' }, 'GET', 200],
    ['the IPv6 name of this machine', '/', { host: '[::1]:80' }, 'GET', 200],
    ['another name for this address (rebinding)', '/', { host: 'evil.example' }, 'GET', 421],
    ['a name that only begins like ours', '/', { host: '127.0.0.1.evil.example' }, 'GET', 421],
    ['a host with a path in it', '/', { host: '127.0.0.1/@evil.example' }, 'GET', 421],
    ['a page of another site', '/', { origin: 'https://evil.example' }, 'GET', 403],
    ['another program of this machine', '/', { origin: 'http://127.0.0.1:1' }, 'GET', 403],
    ['data without the token', '/exports/a.jsonl', {}, 'GET', 401],
    ['a change from another site', '/exports/a.jsonl', { origin: 'https://evil.example' }, 'POST', 403],
    ['a change at all', '/', {}, 'POST', 405],
    ['a page that is not there', '/nothing.js', {}, 'GET', 404],
    ['a path that climbs out', '/../secret.txt', {}, 'GET', 404],
    ['a path that climbs out, disguised', '/..%2fsecret.txt', {}, 'GET', 404],
    ['a path that climbs out with backslashes', '/..%5csecret.txt', {}, 'GET', 404],
    ['a path with a null character', '/index.html%00', {}, 'GET', 404],
    ['a path that cannot be decoded', '/%zz', {}, 'GET', 404],
    ['a folder', '/assets', {}, 'GET', 404],
  ])('answers %s with the right status', async (_who, path, headers, method, status) => {
    expect((await ask(path, headers as Record<string, string>, method)).status).toBe(status)
  })

  it.each([
    ['our own page with the token', () => ({ origin: origin() }), () => protocols(), 101],
    ['a page that does not say where it comes from', () => ({}), () => protocols(), 403],
    ['a page of another site with the token', () => ({ origin: 'https://evil.example' }), () => protocols(), 403],
    ['another port of this machine', () => ({ origin: 'http://127.0.0.1:1' }), () => protocols(), 403],
    ['a wrong token', () => ({ origin: origin() }), () => protocols('A'.repeat(43)), 401],
    ['no token', () => ({ origin: origin() }), () => [SUBPROTOCOL], 401],
    ['another host', () => ({ origin: 'http://evil.example', host: 'evil.example' }), () => protocols(), 421],
  ])('lets a WebSocket in or not: %s', async (_who, headers, offered, status) => {
    expect(await upgrade(headers(), offered())).toBe(status)
  })

  it('gives every start a new token of 32 random bytes', () => {
    expect(Buffer.from(server.token, 'base64url')).toHaveLength(32)
    expect(server.url).toBe(`http://127.0.0.1:${server.port}/#token=${server.token}`)
  })
})

describe('pages', () => {
  it('come under a policy that lets nothing in but themselves', async () => {
    const { headers } = await ask('/')
    expect(headers['content-security-policy']).toContain("default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'")
    expect(headers['content-security-policy']).not.toContain('unsafe')
    expect(headers).toMatchObject({
      'x-content-type-options': 'nosniff',
      'referrer-policy': 'no-referrer',
      'cross-origin-opener-policy': 'same-origin',
      'cache-control': 'no-store',
    })
  })

  it('with a hash in their name may be kept for good', async () => {
    expect((await ask('/assets/index-DFgh12_x.js')).headers['cache-control']).toContain('immutable')
  })

  it('set no cookie, not even when refused', async () => {
    for (const path of ['/', '/nothing', '/exports/x']) expect((await ask(path)).headers['set-cookie']).toBeUndefined()
  })

  it('answer HEAD without the content', async () => {
    const { status, text, headers } = await ask('/', {}, 'HEAD')
    expect([status, text, headers['content-length']]).toEqual([200, '', '43'])
  })
})

describe('the contract over a WebSocket', () => {
  it('answers with typed arrays, and refuses with coded errors', async () => {
    const { client } = connect()
    const [first] = await client.runs.list()
    const { rollouts } = await client.rollouts.query({
      filter: { runId: first!.run.id },
      sort: 'place',
      descending: false,
      limit: 1,
      after: null,
    })
    expect((await client.rollouts.get({ rolloutId: rollouts[0]!.id })).detail.logps).toBeInstanceOf(Float32Array)
    await expect(client.runs.get({ runId: 12_345 })).rejects.toMatchObject({ code: 'run.unknown' })
  })

  it('answers for the program around the lab, which says what a browser cannot do', async () => {
    const { client } = connect()
    expect(await client.app.info()).toMatchObject({ face: 'served', version: '0.1.0', can: { chooseFolder: false } })
    expect(await client.app.chooseFolder({ title: 'x' })).toBeNull()
    await expect(client.app.reveal({ path: '/' })).rejects.toMatchObject({ code: 'app.cannot' })
  })

  it('hands out a written export to whoever has the token', async () => {
    const { client } = connect()
    const [first] = await client.runs.list()
    const { href, bytes } = await client.exports.write({ kind: 'metrics', runId: first!.run.id })
    const path = href.slice(1)
    expect((await ask(path)).status).toBe(401)
    expect((await ask(path, bearer('wrong'))).status).toBe(401)
    const { status, text } = await ask(path, bearer())
    expect([status, Buffer.byteLength(text)]).toEqual([200, bytes])
    expect((await ask('/exports/..%2fworkspace.db', bearer())).status).toBe(404)
  })

  it('closes on what is not a message, on what is not a call, and on a message that is too large', async () => {
    const closedBy = (data: string): Promise<number> =>
      new Promise((resolve) => {
        const socket = new OwnSocket(`ws://127.0.0.1:${server.port}/`, protocols())
        socket.on('error', () => {})
        socket.on('open', () => socket.send(data))
        socket.on('close', (code) => resolve(code))
      })
    expect(await closedBy('not json')).toBe(1003)
    expect(await closedBy(toWire({ id: 1, method: 'runs.list', more: true }))).toBe(1003)
    expect(await closedBy('x'.repeat((4 << 20) + 1))).toBe(1009)
  })

  it('refuses most of what a page asks that never reads, keeps the rest for it, and goes on serving the others', async () => {
    const socket = new OwnSocket(`ws://127.0.0.1:${server.port}/`, protocols())
    await new Promise((resolve) => socket.on('open', resolve))
    const outcomes: string[] = []
    socket.on('message', (data) => {
      const message = JSON.parse(String(data)) as { id?: number; ok?: boolean; error?: { code: string } }
      if (message.id !== undefined) outcomes.push(message.ok === true ? 'answered' : message.error!.code)
    })
    const closed = new Promise<void>((resolve) => socket.on('close', () => resolve()))
    socket.pause()
    for (let id = 0; id < 12_000; id++) socket.send(toWire({ id, method: 'glossary.metrics' }))
    expect(await connect().client.runs.list()).toHaveLength(4)
    socket.resume()
    // Where it had not asked for too much by then, all its questions are settled; else it was let go, with what it had read.
    await Promise.race([closed, expect.poll(() => outcomes.length, { timeout: 60_000 }).toBe(12_000)])
    const kinds = ['answered', 'lab.tooMany']
    if (outcomes.length === 12_000) expect([...new Set(outcomes)].toSorted()).toEqual(kinds)
    else for (const outcome of new Set(outcomes)) expect(kinds).toContain(outcome)
    expect(outcomes.filter((outcome) => outcome === 'answered').length).toBeLessThan(4000)
    socket.terminate()
  })

  it('tells of the death of the lab, restarts it on demand, and the same page goes on', async () => {
    const connection = connect()
    await becomes(connection, 'ready')
    const { id } = await connection.client.runs.start({ spec: specOf('grpo', 1, { name: 'long', steps: 1000 }) })
    await new Promise<void>((resolve) => connection.onEvent((event) => event.kind === 'step' && event.step.step >= 3 && resolve()))
    const dead = becomes(connection, 'gone')
    processes.at(-1)!.kill()
    expect((await dead).error).toMatchObject({ code: 'lab.gone' })
    expect((await ask('/')).status).toBe(200)
    await expect(connection.client.runs.list()).rejects.toMatchObject({ code: 'lab.gone' })
    expect((await connection.client.app.status()).state).toBe('gone')
    const alive = becomes(connection, 'ready')
    await connection.client.app.restartLab()
    await alive
    expect((await connection.client.workspace.info())!.recovery!.interruptedRuns).toMatchObject([{ runId: id }])
  })
})

describe('starting', () => {
  it('says what is missing when the pages were not built', async () => {
    await expect(openServer({ workspace: null, renderer: join(home, 'nothing'), home })).rejects.toMatchObject({ code: 'serve.noPages' })
  })

  it('says that a port is taken', async () => {
    await expect(openServer({ workspace: null, renderer: join(home, 'renderer'), home, port: server.port })).rejects.toMatchObject({
      code: 'serve.port',
      found: 'EADDRINUSE',
    })
  })
})
