// The workbench in a browser: the built pages and the same contract over a WebSocket, on 127.0.0.1 with a token. For a machine without a
// display (reach it through `ssh -L`), and for tests, which drive the very same pages. The lab runs in its own process behind it.

import { createReadStream, existsSync } from 'node:fs'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { platform } from 'node:os'
import { join, resolve } from 'node:path'
import type { Duplex } from 'node:stream'
import { WebSocketServer, type WebSocket } from 'ws'
import { callMessage, fromWire, LabError, SUBPROTOCOL, toWire, type AppAnswers, type HostMessage } from '../src-preload/contract.ts'
import { answering } from './lab/answers/answer.ts'
import { forkLab } from './lab/process/forkLab.ts'
import { homeFolder, sampleFolder } from './lab/process/home.ts'
import { incomingFolder } from './lab/files/keptAside.ts'
import { superviseLab, type LabProcess, type LabStart } from './lab/process/supervise.ts'
import { checkRequest, checkSender, checkToken, checkUpgrade, newToken, type Refusal } from './serve/checks.ts'
import { openOutbox } from './serve/outbox.ts'
import { findPage, SECURITY_HEADERS } from './serve/pages.ts'
import { openUploadDesk, UPLOADS, type NotTaken } from './serve/uploads.ts'

/** A message from a page is a question: a specification or a filter at most. */
const LARGEST_MESSAGE = 4 << 20
const MOST_PAGES = 64
const PING_EVERY_MS = 30_000
/** Bytes that may wait for all pages together; beyond them the page that has most waiting is let go. */
const MOST_HELD = 256 << 20
/** How long a connection may take to say what it wants. */
const HEADERS_WITHIN_MS = 15_000
/** WebSocket close codes: try again later; not what was expected; going away. */
const TOO_SLOW = 1013
const NOT_A_CALL = 1003
const GOING_AWAY = 1001

export interface ServerOptions {
  /** Workspace to open; made when it is not there. Null: the one of last time, the sample, or a new one. */
  readonly workspace: string | null
  /** 0 takes a free one. */
  readonly port?: number
  /** The built pages; out/renderer of this checkout unless given. */
  readonly renderer?: string
  readonly version?: string
  /** How the lab process is made; a fork unless given. */
  readonly startLab?: (start: LabStart) => LabProcess
  /** The program's own folder. */
  readonly home?: string
}

export interface Server {
  /** With the token in its fragment, which browsers do not send. */
  readonly url: string
  readonly port: number
  readonly token: string
  close(): Promise<void>
}

const root = resolve(import.meta.dirname, '..')

const forkHere =
  (home: string, version: string) =>
  (start: LabStart): LabProcess =>
    forkLab(join(root, 'src-main', 'lab', 'process', 'process.ts'), { ...start, home, version, sample: sampleFolder(root) })

function refuse(response: ServerResponse, { status, reason }: Refusal | NotTaken | { status: 404 | 405 | 500; reason: string }): void {
  response
    .writeHead(status, { ...SECURITY_HEADERS, 'content-type': 'text/plain; charset=utf-8', 'cache-control': 'no-store' })
    .end(`${reason}\n`)
}

function refuseUpgrade(socket: Duplex, { status, reason }: { status: number; reason: string }): void {
  // Whoever is refused may hang up first.
  socket.on('error', () => socket.destroy())
  socket.end(
    `HTTP/1.1 ${status} Refused\r\nconnection: close\r\ncontent-type: text/plain\r\ncontent-length: ${reason.length}\r\n\r\n${reason}`,
  )
}

/** One line on the terminal, never a stack: what went wrong belongs to one request or one page. */
const warn = (line: string): void => void process.stderr.write(`! ${line}\n`)

const cannot = (what: string): never => {
  throw new LabError('app.cannot', {
    expected: `a desktop window that can ${what}`,
    found: 'a page in a browser',
    next: 'Type the path instead, or use the desktop application.',
  })
}

/** Starts the lab and listens. Rejects with LabError `serve.noPages` or `serve.port`. */
export async function openServer({
  workspace,
  port = 0,
  renderer = join(root, 'out', 'renderer'),
  version = '',
  startLab,
  home = homeFolder(),
}: ServerOptions): Promise<Server> {
  if (!existsSync(join(renderer, 'index.html')))
    throw new LabError('serve.noPages', {
      expected: `the built pages in ${renderer}`,
      found: 'none',
      next: 'Build them with `npm run build`.',
    })
  const token = newToken()
  const desk = openUploadDesk()
  const lab = superviseLab({ start: startLab ?? forkHere(home, version), folder: workspace, create: true })
  const app: AppAnswers = {
    info: () => ({
      face: 'served',
      version,
      platform: platform(),
      can: { chooseFolder: false, reveal: false, openExternal: false, notify: false, dropPaths: false },
    }),
    status: () => lab.status(),
    restartLab: () => lab.launch(),
    chooseFolder: () => null,
    chooseFiles: () => [],
    reveal: () => cannot('show files'),
    openExternal: () => cannot('open other programs'),
    // A page in a browser shows these itself.
    setProgress: () => null,
    setCommands: () => null,
    notify: () => null,
  }

  /** What went wrong with one request is told to whoever asked, where that is still possible, and to nobody else. */
  function failed(response: ServerResponse, error: unknown): void {
    const { code, message } = error as NodeJS.ErrnoException
    warn(`A request could not be answered: ${code ?? message}`)
    if (response.headersSent) response.destroy()
    else refuse(response, { status: 500, reason: `the disk or the system refused (${code ?? 'unknown'})` })
  }

  function answer(request: IncomingMessage, response: ServerResponse): void {
    try {
      answerRequest(request, response)
    } catch (error) {
      failed(response, error)
    }
  }

  function answerRequest(request: IncomingMessage, response: ServerResponse): void {
    request.on('error', () => {})
    response.on('error', () => {})
    const refused = checkRequest(request.headers)
    if (refused !== null) return refuse(response, refused)
    const { pathname } = URL.parse(request.url ?? '', 'http://localhost') ?? { pathname: '' }
    if (request.method === 'PUT' && pathname.startsWith(UPLOADS))
      return void receive(request, response, pathname).catch((error: unknown) => failed(response, error))
    if (request.method !== 'GET' && request.method !== 'HEAD') return refuse(response, { status: 405, reason: 'pages can only be read' })
    const exported = /^\/exports(\/.+)$/.exec(pathname)?.[1]
    const unknown = exported === undefined ? null : checkToken(request.headers, token)
    if (unknown !== null) return refuse(response, unknown)
    const { folder } = lab.status()
    const page =
      exported === undefined ? findPage(renderer, pathname) : folder === null ? null : findPage(join(folder, 'exports'), exported)
    if (page === null) return refuse(response, { status: 404, reason: 'no such page' })
    response.writeHead(200, page.headers)
    if (request.method === 'HEAD') response.end()
    else
      createReadStream(page.path)
        .on('error', () => response.destroy())
        .pipe(response)
  }

  /** A file sent by a page: whoever sends must say that the page is ours and know the token. */
  async function receive(request: IncomingMessage, response: ServerResponse, pathname: string): Promise<void> {
    const refused = checkSender(request.headers, token)
    if (refused !== null) return refuse(response, refused)
    const { folder } = lab.status()
    const taken = await desk.receive(request, pathname, folder === null ? null : incomingFolder(folder))
    if (response.destroyed) return
    if ('status' in taken) {
      // What is still coming is not wanted; the connection ends with the answer.
      response.setHeader('connection', 'close')
      return refuse(response, taken)
    }
    response
      .writeHead(201, { ...SECURITY_HEADERS, 'content-type': 'application/json', 'cache-control': 'no-store' })
      .end(JSON.stringify(taken))
  }

  const outboxes = new Set<ReturnType<typeof openOutbox>>()
  function attend(socket: WebSocket): void {
    const outbox = openOutbox(
      {
        get bufferedAmount() {
          return socket.bufferedAmount
        },
        send: (text, sent) => socket.send(text, () => sent()),
        giveUp() {
          socket.close(TOO_SLOW, 'reading too slowly')
          socket.terminate()
        },
      },
      toWire,
    )
    outboxes.add(outbox)
    const send = (message: HostMessage): void => {
      outbox.send(message)
      const held = [...outboxes].map((each) => ({ each, bytes: each.held() }))
      if (held.reduce((sum, { bytes }) => sum + bytes, 0) > MOST_HELD)
        held.reduce((most, next) => (next.bytes > most.bytes ? next : most)).each.giveUp()
    }
    const session = lab.open(send)
    const answerApp = answering({ app }, send)
    socket.on('message', (data) => {
      let message: unknown
      try {
        message = fromWire(String(data))
      } catch {
        return socket.close(NOT_A_CALL, 'not a message')
      }
      const call = callMessage.safeParse(message)
      if (!call.success) return socket.close(NOT_A_CALL, 'not a call')
      if ('method' in call.data && call.data.method.startsWith('app.')) void answerApp(call.data)
      else session.send(call.data)
    })
    let alive = true
    const heartbeat = setInterval(() => {
      if (!alive) return socket.terminate()
      alive = false
      socket.ping()
    }, PING_EVERY_MS)
    socket.on('pong', () => (alive = true))
    socket.on('error', () => socket.terminate())
    socket.on('close', () => {
      clearInterval(heartbeat)
      outbox.end()
      outboxes.delete(outbox)
      session.close()
    })
  }

  const sockets = new WebSocketServer({
    noServer: true,
    maxPayload: LARGEST_MESSAGE,
    handleProtocols: () => SUBPROTOCOL,
    perMessageDeflate: false,
  })
  // A large file may come slowly through a tunnel: only its headers have a time limit.
  const server = createServer(
    { requestTimeout: 0, headersTimeout: HEADERS_WITHIN_MS, connectionsCheckingInterval: HEADERS_WITHIN_MS / 3 },
    answer,
  )
  server.on('clientError', (_error, socket) => socket.destroy())
  server.on('upgrade', (request, socket, head) => {
    socket.on('error', () => socket.destroy())
    const refused =
      checkUpgrade(request.headers, token) ??
      (sockets.clients.size >= MOST_PAGES ? { status: 503, reason: 'too many pages are open' } : null)
    if (refused !== null) refuseUpgrade(socket, refused)
    else sockets.handleUpgrade(request, socket, head, attend)
  })
  await new Promise<void>((ready, failed) => {
    server.once('error', (error: NodeJS.ErrnoException) =>
      failed(
        new LabError(
          'serve.port',
          {
            expected: `to listen on port ${port} of 127.0.0.1`,
            found: error.code ?? error.message,
            next: 'Choose another port, or 0 for a free one.',
          },
          { cause: error },
        ),
      ),
    )
    server.listen(port, '127.0.0.1', ready)
  })
  server.on('error', (error) => warn(`The server went on after ${(error as NodeJS.ErrnoException).code ?? error.message}`))
  lab.launch()
  const { port: taken } = server.address() as AddressInfo

  return {
    url: `http://127.0.0.1:${taken}/#token=${token}`,
    port: taken,
    token,
    async close() {
      for (const client of sockets.clients) client.close(GOING_AWAY)
      for (const client of sockets.clients) client.terminate()
      server.closeAllConnections()
      await Promise.all([new Promise((done) => server.close(done)), lab.stop()])
    },
  }
}

/** Serves until the program is told to stop (Ctrl-C), printing the address. */
export async function serve(options: ServerOptions & { readonly say?: (line: string) => void }): Promise<void> {
  // Whoever read what is printed may be gone; the pages go on.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {})
  const { say = (line) => void process.stdout.write(`${line}\n`), ...rest } = options
  const server = await openServer(rest)
  say(`MRT Workbench is at ${server.url}`)
  say(
    'Only this machine can reach it; from elsewhere, forward the port: ssh -L ' +
      `${server.port}:127.0.0.1:${server.port} <this machine>. Ctrl-C stops it.`,
  )
  await new Promise<void>((stop) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stop())
  })
  await server.close()
}
