// The channel of the laboratory's process to its parent: Electron's where there is one, else Node's, else none.
import { EventEmitter } from 'node:events'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, expect, it, vi } from 'vitest'
import { openPort, runLab, type Port } from '../../src-main/lab/process/runLab.ts'
import { fakeExperiments } from './fakeExperiments.ts'

/** What is written past every stream, to the file behind the errors. */
const errors = vi.hoisted((): string[] => [])
vi.mock('node:fs', async (original) => {
  const fs = await original<typeof import('node:fs')>()
  const writeSync = (file: number, ...rest: [string]): number => (file === 2 ? errors.push(rest[0]) : fs.writeSync(file, ...rest))
  return { ...fs, writeSync }
})

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

/** The laboratory's process within this one, with a parent that the test speaks for; its end is told and does not come. */
function running(folder: string | null, create = true) {
  const home = mkdtempSync(join(tmpdir(), 'mrt-run-'))
  const kinds = ['SIGINT', 'uncaughtException', 'unhandledRejection'] as const
  const before = kinds.map((kind) => process.listeners(kind as 'SIGINT'))
  const exits: unknown[] = []
  const ended = Promise.withResolvers<undefined>()
  const exit = vi.spyOn(process, 'exit').mockImplementation(((code: number) => {
    exits.push(code)
    ended.resolve(undefined)
  }) as never)
  const told: unknown[] = []
  const waiting: ((message: unknown) => void)[] = []
  let hear: (message: unknown) => void = () => {}
  let close: () => void = () => {}
  const port: Port = {
    send(message) {
      told.push(message)
      for (const each of waiting.splice(0)) each(message)
    },
    onMessage: (listener) => (hear = listener),
    onClosed: (listener) => (close = listener),
  }
  runLab(
    port,
    { home, sample: null, version: '1', folder: folder === null ? null : join(home, folder), create },
    { experiments: fakeExperiments },
  )
  const added = kinds.flatMap((kind, at) =>
    process.listeners(kind as 'SIGINT').flatMap((listener) => (before[at]!.includes(listener) ? [] : [{ kind, listener }])),
  )
  return {
    home,
    told,
    exits,
    ended: ended.promise,
    said: (message: unknown) => hear(message),
    close: () => close(),
    /** The next message to the parent. */
    next: () => new Promise<unknown>((resolve) => waiting.push(resolve)),
    /** What it does at a signal, or at a failure that nobody awaited. */
    at: (kind: (typeof kinds)[number], error?: Error) =>
      (added.find((each) => each.kind === kind)!.listener as unknown as (error?: Error) => void)(error),
    over() {
      for (const { kind, listener } of added) process.removeListener(kind as 'SIGINT', listener)
      exit.mockRestore()
      rmSync(home, { recursive: true, force: true })
    },
  }
}

it('opens the workspace that it is told of, with the folders above it, says so, answers, and ends once when it is told to', async () => {
  const lab = running('deep/er/workspace')
  try {
    const folder = join(lab.home, 'deep/er/workspace')
    expect(lab.told).toEqual([{ ready: { folder, error: null } }])
    expect(existsSync(join(folder, 'workspace.db'))).toBe(true)
    const answered = lab.next()
    lab.said({ id: 1, method: 'runs.list' })
    expect(await answered).toEqual({ id: 1, ok: true, output: [] })
    const changed = lab.next()
    lab.said({ id: 2, method: 'settings.set', input: { key: 'page', value: 1 } })
    expect(await changed).toEqual({ event: { kind: 'changed', noun: 'settings', ids: [] } })
    // Ctrl-C reaches the whole group of processes: this one waits for its parent.
    lab.at('SIGINT')
    expect(lab.exits).toEqual([])
    lab.said({ stop: true })
    lab.said({ stop: true })
    lab.close()
    await lab.ended
    await new Promise((resolve) => setImmediate(resolve))
    expect(lab.exits).toEqual([0])
    expect(existsSync(join(folder, 'workspace.owner.json'))).toBe(false)
  } finally {
    lab.over()
  }
})

it('opens the usual workspace where it is told of none, and ends when its parent is gone', async () => {
  const lab = running(null)
  try {
    expect(lab.told).toContainEqual({ ready: { folder: join(lab.home, 'workspace'), error: null } })
    lab.close()
    await lab.ended
    expect(lab.exits).toEqual([0])
  } finally {
    lab.over()
  }
})

it('says why a workspace could not be opened, by its folder, and lives on', async () => {
  const lab = running('none/within', false)
  try {
    const folder = join(lab.home, 'none/within')
    expect(lab.told).toEqual([{ ready: { folder, error: expect.objectContaining({ code: 'workspace.missing' }) as unknown } }])
    expect(existsSync(join(lab.home, 'none'))).toBe(false)
    lab.said({ stop: true })
    await lab.ended
  } finally {
    lab.over()
  }
})

it.each([
  ['uncaughtException', new Error('of the test'), /^Error: of the test\n +at [^]*runLab\.test\.ts[^]*\n$/],
  ['unhandledRejection', Object.assign(new Error('without a place'), { stack: undefined }), /^without a place\n$/],
  ['unhandledRejection', 'no error at all', /^no error at all\n$/],
] as const)('ends as a failure at an %s, and writes where it came from: %s', async (kind, error, written) => {
  const lab = running('failing')
  try {
    lab.at(kind, error as Error)
    expect(lab.exits).toEqual([1])
    expect(errors.splice(0)).toEqual([expect.stringMatching(written)])
    lab.said({ stop: true })
    while (lab.exits.length < 2) await new Promise((resolve) => setImmediate(resolve))
  } finally {
    lab.over()
  }
})
