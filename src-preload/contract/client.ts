// The caller's side of the method table: a typed client over any channel that carries messages, and the two channels a page can
// have: what the preload exposes in a desktop window, and a WebSocket to the served lab. One message is one call, one
// cancellation, one reply, one event or one word about the lab process itself.

import { z } from 'zod'
import { isCommand, type CommandId } from './commands.ts'
import { LabError, labErrorData, type LabErrorData } from './errors.ts'
import { labEvent, type LabEvent } from './events.ts'
import { labStatus, type LabStatus } from './app.ts'
import { methodNames, type CallOptions, type Client } from './methods.ts'
import { fromWire, toWire } from './wire.ts'

/** From a page to the lab. `id` is the caller's own count. */
export const callMessage = z.union([
  z.strictObject({ id: z.int().nonnegative(), method: z.string().max(80), input: z.unknown().optional() }),
  z.strictObject({ cancel: z.int().nonnegative() }),
])
export type CallMessage = { readonly id: number; readonly method: string; readonly input?: unknown } | { readonly cancel: number }

/** From the lab to a page. */
export type HostMessage =
  | { readonly id: number; readonly ok: true; readonly output: unknown }
  | { readonly id: number; readonly ok: false; readonly error: LabErrorData }
  | { readonly event: LabEvent }
  | { readonly status: LabStatus }
  /** Chosen in the menu of the window. */
  | { readonly command: CommandId }
  /** Files that the system asked the program to open. */
  | { readonly files: readonly string[] }

export interface Transport {
  send(message: CallMessage): void
  /** Called once. `onClosed` says that calls under way will never be answered. */
  listen(onMessage: (message: HostMessage) => void, onClosed: (error: LabErrorData) => void): void
}

export interface Connection {
  readonly client: Client
  /** Each returns how to stop listening. */
  onEvent(listener: (event: LabEvent) => void): () => void
  onStatus(listener: (status: LabStatus) => void): () => void
  onCommand(listener: (command: CommandId) => void): () => void
  onFiles(listener: (paths: readonly string[]) => void): () => void
  /** The channel itself broke, or came back. Null: it is there. */
  onConnection(listener: (error: LabErrorData | null) => void): () => void
}

interface Waiting {
  readonly resolve: (output: unknown) => void
  readonly reject: (error: Error) => void
}

/** A client over `transport`. Calls reject with LabError: the lab's own, `call.cancelled`, or the channel's. */
export function createClient(transport: Transport): Connection {
  const waiting = new Map<number, Waiting>()
  const events = new Set<(event: LabEvent) => void>()
  const statuses = new Set<(status: LabStatus) => void>()
  const commands = new Set<(command: CommandId) => void>()
  const files = new Set<(paths: readonly string[]) => void>()
  const connections = new Set<(error: LabErrorData | null) => void>()
  let broken = false
  let last = 0

  function settle(message: Extract<HostMessage, { id: number }>): void {
    const call = waiting.get(message.id)
    waiting.delete(message.id)
    if (message.ok) call?.resolve(message.output)
    else call?.reject(LabError.from(message.error))
  }

  transport.listen(
    (message) => {
      if (broken) {
        broken = false
        for (const listener of connections) listener(null)
      }
      if ('id' in message) settle(message)
      else if ('event' in message) for (const listener of events) listener(message.event)
      else if ('status' in message) for (const listener of statuses) listener(message.status)
      else if ('files' in message) for (const listener of files) listener(message.files)
      else for (const listener of commands) listener(message.command)
    },
    (error) => {
      broken = true
      const lost = [...waiting.values()]
      waiting.clear()
      for (const call of lost) call.reject(LabError.from(error))
      for (const listener of connections) listener(error)
    },
  )

  function call(method: string, input: unknown, options: CallOptions = {}): Promise<unknown> {
    const { signal } = options
    const id = ++last
    return new Promise((resolve, reject) => {
      const cancelled = (): void => {
        if (!waiting.delete(id)) return
        transport.send({ cancel: id })
        reject(callCancelled())
      }
      if (signal?.aborted === true) return reject(callCancelled())
      signal?.addEventListener('abort', cancelled, { once: true })
      const done = (): void => signal?.removeEventListener('abort', cancelled)
      waiting.set(id, { resolve: (output) => (done(), resolve(output)), reject: (error) => (done(), reject(error)) })
      transport.send(input === undefined ? { id, method } : { id, method, input })
    })
  }

  const client: Record<string, Record<string, unknown>> = {}
  for (const name of methodNames) {
    const [noun, verb] = name.split('.') as [string, string]
    ;(client[noun] ??= {})[verb] = (input: unknown, options?: CallOptions) => call(name, input, options)
  }
  const subscribe =
    <T>(listeners: Set<T>) =>
    (listener: T): (() => void) => {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    }
  return {
    client: client as unknown as Client,
    onEvent: subscribe(events),
    onStatus: subscribe(statuses),
    onCommand: subscribe(commands),
    onFiles: subscribe(files),
    onConnection: subscribe(connections),
  }
}

export const callCancelled = (): LabError =>
  new LabError('call.cancelled', { expected: 'an answer', found: 'a call that was taken back', next: 'Ask again if it is still wanted.' })

// ------------------------------------------------------------------------------------------------------- in a desktop window

/** What the preload puts on `window.mrt`: calls of the contract, what comes back, and where a dropped file lies. */
export interface Exposed {
  send(message: CallMessage): void
  listen(onMessage: (message: HostMessage) => void): void
  pathOf(file: File): string
}

export const exposedTransport = (exposed: Exposed): Transport => ({
  send: (message) => exposed.send(message),
  listen: (onMessage) => exposed.listen(onMessage),
})

// ------------------------------------------------------------------------------------------------------------- in a browser

/** WebSocket subprotocols: ours, answered by the server, and the token, which a browser can send in no other header. */
export const SUBPROTOCOL = 'mrt.v1'
export const tokenProtocol = (token: string): string => `token.${token}`
const KEPT = 'mrt.token'

/** Moves the token from the address (`#token=...`) to this tab's memory, so that it is in no history and no referrer. Null without one. */
export function takeToken(page: Pick<Window, 'location' | 'history' | 'sessionStorage'>): string | null {
  const found = /^#token=([\w-]{16,128})$/.exec(page.location.hash)
  if (found === null) return page.sessionStorage.getItem(KEPT)
  page.sessionStorage.setItem(KEPT, found[1]!)
  page.history.replaceState(null, '', page.location.pathname + page.location.search)
  return found[1]!
}

const hostMessage = z.union([
  z.object({ id: z.int(), ok: z.literal(true), output: z.unknown() }),
  z.object({ id: z.int(), ok: z.literal(false), error: labErrorData }),
  z.object({ event: labEvent }),
  z.object({ status: labStatus }),
  z.object({ command: z.custom<CommandId>(isCommand) }),
])

const RETRY_MS = [250, 500, 1000, 2000, 4000] as const

/** A channel to a served lab that comes back by itself after a break; calls made meanwhile wait for it. */
export function webSocketTransport(url: string, token: string, Socket: typeof WebSocket = WebSocket): Transport {
  const waiting: string[] = []
  let socket: WebSocket | null = null
  let failures = 0

  return {
    send(message) {
      const text = toWire(message)
      if (socket?.readyState === Socket.OPEN) socket.send(text)
      else waiting.push(text)
    },
    listen(onMessage, onClosed) {
      const open = (): void => {
        socket = new Socket(url, [SUBPROTOCOL, tokenProtocol(token)])
        socket.onopen = () => {
          failures = 0
          for (const text of waiting.splice(0)) socket?.send(text)
        }
        socket.onmessage = (event: MessageEvent<string>) => onMessage(hostMessage.parse(fromWire(event.data)) as HostMessage)
        socket.onclose = ({ code }) => {
          onClosed(connectionLost(code))
          waiting.length = 0
          setTimeout(open, RETRY_MS[Math.min(failures++, RETRY_MS.length - 1)])
        }
      }
      open()
    },
  }
}

const connectionLost = (code: number): LabErrorData => ({
  code: 'connection.lost',
  expected: 'a connection to the lab',
  found: `one that closed (${code})`,
  next: 'It is tried again by itself. If the program was stopped, start it again and open the address it prints.',
})
