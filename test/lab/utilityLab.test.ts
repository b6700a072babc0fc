// The lab under Electron without Electron: what it says of a process that died reaches whoever asks of that process, and no other.
import { EventEmitter } from 'node:events'
import { expect, it } from 'vitest'
import { openObituaries, utilityLab, type ForkUtility } from '../../src-main/lab/process/utilityLab.ts'

it('a reason is given out once, whether it comes before it is asked for or after', async () => {
  const obituaries = openObituaries(10_000)
  obituaries.tell('crashed')
  expect(await obituaries.reason()).toBe('crashed')
  const asked = obituaries.reason()
  obituaries.tell('out of memory')
  expect(await asked).toBe('out of memory')
  obituaries.tell('of the next one')
  expect(await obituaries.reason()).toBe('of the next one')
})

it('a reason that does not come is not waited for, and one of an earlier process is forgotten', async () => {
  const obituaries = openObituaries(1)
  expect(await obituaries.reason()).toBeNull()
  obituaries.tell('late')
  expect(await obituaries.reason()).toBe('late')
  obituaries.tell('of the old one')
  obituaries.forget()
  expect(await obituaries.reason()).toBeNull()
})

function forked() {
  const child = Object.assign(new EventEmitter(), {
    posted: [] as unknown[],
    killed: 0,
    postMessage: (message: unknown) => void child.posted.push(message),
    kill: () => ++child.killed > 0,
  })
  const asked: unknown[] = []
  const fork = ((...given: unknown[]) => {
    asked.push(given)
    return child
  }) as unknown as ForkUtility
  return { child, asked, fork }
}

it('a process is started with its settings, hears and is heard, and tells how it ended', async () => {
  const { child, asked, fork } = forked()
  const obituaries = openObituaries(1)
  obituaries.tell('of the old one')
  const settings = { home: '/h', sample: null, version: '1', folder: null, create: false }
  const lab = utilityLab(fork, obituaries)('/entry.js', settings)
  expect(asked).toEqual([
    [
      '/entry.js',
      [JSON.stringify(settings)],
      expect.objectContaining({
        serviceName: 'MRT Workbench laboratory',
        stdio: 'inherit',
        env: expect.objectContaining({ ORT_DISABLE_TELEMETRY: '1' }) as unknown,
      }),
    ],
  ])
  const heard: unknown[] = []
  lab.onMessage((message) => heard.push(message))
  lab.send({ stop: true })
  child.emit('message', { ready: 1 })
  lab.kill()
  expect([heard, child.posted, child.killed]).toEqual([[{ ready: 1 }], [{ stop: true }], 1])
  const ended = new Promise<string>((resolve) => lab.onExit(resolve))
  child.emit('exit', 7)
  expect(await ended).toBe('exit code 7')
})

it('a process of which Electron says why it died ended by that', async () => {
  const { child, fork } = forked()
  const obituaries = openObituaries(10_000)
  const lab = utilityLab(fork, obituaries)('/entry.js', { home: '/h', sample: null, version: '1', folder: null, create: false })
  const ended = new Promise<string>((resolve) => lab.onExit(resolve))
  child.emit('exit', 0)
  obituaries.tell('out of memory')
  expect(await ended).toBe('out of memory')
})
