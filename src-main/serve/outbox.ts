// What waits to be sent to one page. Nothing in a socket pushes back by itself, so the queue is bounded here: while a page reads slowly,
// of progress, states and "changed" only the latest waits, and a page that falls too far behind is let go; it connects again and reads
// what it missed from the records.

import type { HostMessage } from '../../src-preload/contract.ts'

export interface Pipe {
  /** Bytes handed over and not yet on their way. */
  readonly bufferedAmount: number
  send(text: string, sent: () => void): void
  /** Ends the connection because its reader is too slow. */
  giveUp(): void
}

export interface OutboxLimits {
  /** Above so many bytes in the pipe, messages wait. */
  readonly highBytes: number
  /** So many waiting messages or bytes are too many. */
  readonly mostMessages: number
  readonly mostBytes: number
}

export const OUTBOX_LIMITS: OutboxLimits = { highBytes: 1 << 20, mostMessages: 2000, mostBytes: 64 << 20 }

/** Messages with the same key replace each other while they wait; null: each one counts. */
export function latestKey(message: HostMessage): string | null {
  if ('status' in message) return 'status'
  if (!('event' in message)) return null
  const { event } = message
  if (event.kind === 'progress') return `progress ${event.report.job}`
  if (event.kind === 'playground') return `playground ${event.key}`
  return event.kind === 'changed' ? `changed ${event.noun}` : null
}

export function openOutbox(pipe: Pipe, encode: (message: HostMessage) => string, limits: OutboxLimits = OUTBOX_LIMITS) {
  // Insertion order is sending order; a replaced message moves to the end, where its newer facts belong.
  const waiting = new Map<string | symbol, string>()
  let bytes = 0
  let ended = false

  function giveUp(): void {
    ended = true
    waiting.clear()
    bytes = 0
    pipe.giveUp()
  }

  function drain(): void {
    for (const [key, text] of waiting) {
      if (ended || pipe.bufferedAmount >= limits.highBytes) return
      waiting.delete(key)
      bytes -= text.length
      pipe.send(text, drain)
    }
  }

  return {
    send(message: HostMessage): void {
      if (ended) return
      const key = latestKey(message) ?? Symbol('message')
      const text = encode(message)
      bytes += text.length - (waiting.get(key)?.length ?? 0)
      waiting.delete(key)
      waiting.set(key, text)
      drain()
      if (waiting.size > limits.mostMessages || bytes > limits.mostBytes) giveUp()
    },
    /** Bytes that wait here or in the pipe. */
    held: (): number => bytes + pipe.bufferedAmount,
    /** Lets the page go, as when it falls too far behind. */
    giveUp,
    end(): void {
      ended = true
      waiting.clear()
    },
    waiting: (): number => waiting.size,
  }
}
