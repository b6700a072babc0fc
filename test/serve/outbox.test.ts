// What waits for a slow page: bounded, the latest of what replaces itself, everything else whole and in order.
import { describe, expect, it } from 'vitest'
import { openOutbox, type OutboxLimits } from '../../src-main/serve/outbox.ts'
import type { HostMessage } from '../../src-preload/contract.ts'

function slowPage(limits: Partial<OutboxLimits> = {}) {
  const read: string[] = []
  let buffered = 0
  let givenUp = false
  const inPipe: { text: string; sent: () => void }[] = []
  const pipe = {
    get bufferedAmount() {
      return buffered
    },
    send(text: string, sent: () => void) {
      buffered += text.length
      inPipe.push({ text, sent })
    },
    giveUp() {
      givenUp = true
    },
  }
  const outbox = openOutbox(pipe, (message) => JSON.stringify(message), { highBytes: 60, mostMessages: 5, mostBytes: 10_000, ...limits })
  /** The page reads one message. */
  const readOne = (): void => {
    const next = inPipe.shift()!
    buffered -= next.text.length
    read.push(next.text)
    next.sent()
  }
  const readAll = (): HostMessage[] => {
    while (inPipe.length > 0) readOne()
    return read.map((text) => JSON.parse(text) as HostMessage)
  }
  return { outbox, readAll, givenUp: () => givenUp }
}

const progress = (job: string, done: number): HostMessage => ({
  event: {
    kind: 'progress',
    runId: 1,
    report: { job, label: 'x', done, total: null, unit: 'steps', etaMs: null, tokensPerSecond: null, memoryBytes: null, atMs: 0 },
  },
})
const reply = (id: number): HostMessage => ({ id, ok: true, output: 'x'.repeat(20) })
const doneOf = (messages: readonly HostMessage[], job: string): number[] =>
  messages.flatMap((message) =>
    'event' in message && message.event.kind === 'progress' && message.event.report.job === job ? [message.event.report.done] : [],
  )

describe('the outbox of a page', () => {
  it('sends at once while the page keeps up', () => {
    const { outbox, readAll } = slowPage()
    outbox.send(reply(1))
    expect(outbox.waiting()).toBe(0)
    expect(readAll()).toEqual([reply(1)])
  })

  it('keeps only the latest progress of each job while the page is slow', () => {
    const { outbox, readAll, givenUp } = slowPage()
    for (let done = 1; done <= 50; done++) {
      outbox.send(progress('a', done))
      outbox.send(progress('b', done))
    }
    expect(outbox.waiting()).toBe(2)
    const messages = readAll()
    expect(doneOf(messages, 'a')).toEqual([1, 50])
    expect(doneOf(messages, 'b').at(-1)).toBe(50)
    expect(givenUp()).toBe(false)
  })

  it('keeps every reply, in order', () => {
    const { outbox, readAll } = slowPage()
    for (let id = 1; id <= 6; id++) outbox.send(reply(id))
    expect(readAll().map((message) => ('id' in message ? message.id : 0))).toEqual([1, 2, 3, 4, 5, 6])
  })

  it('merges what says that records changed, by noun', () => {
    const { outbox, readAll } = slowPage({ highBytes: 1 })
    outbox.send(reply(1))
    for (const noun of ['runs', 'jobs', 'runs', 'runs'] as const) outbox.send({ event: { kind: 'changed', noun, ids: [] } })
    expect(outbox.waiting()).toBe(2)
    expect(readAll()).toHaveLength(3)
  })

  it('gives up on a page that has too many messages waiting, and sends nothing more', () => {
    const { outbox, readAll, givenUp } = slowPage({ highBytes: 1 })
    for (let id = 1; id <= 8; id++) outbox.send(reply(id))
    expect(givenUp()).toBe(true)
    expect(outbox.waiting()).toBe(0)
    expect(readAll()).toHaveLength(1)
  })

  it('gives up on a page that has too many bytes waiting', () => {
    const { outbox, givenUp } = slowPage({ highBytes: 1, mostBytes: 100, mostMessages: 1000 })
    outbox.send(reply(1))
    outbox.send(reply(2))
    expect(givenUp()).toBe(false)
    outbox.send({ id: 3, ok: true, output: 'x'.repeat(200) })
    expect(givenUp()).toBe(true)
  })

  it('says how much it holds, and lets the page go when it is told to', () => {
    const { outbox, givenUp } = slowPage()
    for (let id = 0; id < 4; id++) outbox.send(reply(id))
    expect(outbox.held()).toBeGreaterThan(3 * JSON.stringify(reply(1)).length)
    outbox.giveUp()
    outbox.send(reply(9))
    expect([givenUp(), outbox.waiting()]).toEqual([true, 0])
  })
})
