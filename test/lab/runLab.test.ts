// The channel of the laboratory's process to its parent: Electron's where there is one, else Node's, else none.
import { EventEmitter } from 'node:events'
import { afterEach, expect, it, vi } from 'vitest'
import { openPort } from '../../src-main/lab/process/runLab.ts'

const own = process as { parentPort?: unknown; send?: unknown }
const { send } = own
afterEach(() => {
  delete own.parentPort
  own.send = send
})

it("Electron's channel is used where there is one: messages go out as they are and come in without their envelope", () => {
  const parentPort = Object.assign(new EventEmitter(), { postMessage: vi.fn() })
  own.parentPort = parentPort
  own.send = undefined
  const port = openPort()
  const heard = vi.fn()
  port.onMessage(heard)
  port.onClosed(() => expect.unreachable())
  parentPort.emit('message', { data: { stop: true } })
  port.send({ ready: { folder: 'here', error: null } })
  expect([heard.mock.calls, parentPort.postMessage.mock.calls]).toEqual([
    [[{ stop: true }]],
    [[{ ready: { folder: 'here', error: null } }]],
  ])
})

it("Node's channel is used elsewhere, and a parent that is gone is no failure of sending", () => {
  const sent = vi.fn((_message: unknown, _handle: unknown, _options: unknown, done: (error: Error) => void) => done(new Error('gone')))
  own.send = sent
  const port = openPort()
  const [heard, closed] = [vi.fn(), vi.fn()]
  const before = { message: process.listeners('message'), disconnect: process.listeners('disconnect') }
  port.onMessage(heard)
  port.onClosed(closed)
  port.send({ ready: { folder: 'here', error: null } })
  expect(sent.mock.calls[0]![0]).toEqual({ ready: { folder: 'here', error: null } })
  for (const name of ['message', 'disconnect'] as const)
    for (const listener of process.listeners(name as 'disconnect'))
      if (!before[name].includes(listener as never)) {
        ;(listener as (message: unknown) => void)('told')
        process.removeListener(name, listener)
      }
  expect([heard.mock.calls[0]![0], closed.mock.calls.length]).toEqual(['told', 1])
})

it('a process that nobody gave a channel says so', () => {
  own.send = undefined
  expect(openPort).toThrow('without a channel to its parent')
})
