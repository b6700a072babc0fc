// Pages that ask one lab: each has its turn, however much another asks, and a page that asks without end is refused with a code.
import { describe, expect, it } from 'vitest'
import { superviseLab, type LabProcess, type LabStart } from '../../src-main/lab/process/supervise.ts'
import type { CallMessage, HostMessage, LabStatus } from '../../src-preload/contract.ts'

/** A lab that is told to answer, one call after the other, in the order in which they came; or to die. */
function slowLab() {
  const asked: { readonly id: number; readonly method: string }[] = []
  const cancelled: number[] = []
  let answer: (message: unknown) => void = () => {}
  let end: (how: string) => void = () => {}
  const start = (): LabProcess => ({
    send: (message) =>
      void ('cancel' in (message as object) ? cancelled.push((message as { cancel: number }).cancel) : asked.push(message as never)),
    onMessage: (listener) => (answer = listener),
    onExit: (listener) => (end = listener),
    kill: () => {},
  })
  const lab = superviseLab({ start })
  lab.launch()
  return {
    lab,
    asked,
    cancelled,
    answerNext: () => answer({ id: asked.shift()!.id, ok: true, output: null }),
    die: () => end('signal SIGKILL'),
  }
}
function page(lab: ReturnType<typeof slowLab>['lab']) {
  const heard: Extract<HostMessage, { id: number }>[] = []
  const session = lab.open((message) => {
    if ('id' in message) heard.push(message)
  })
  const ask = (...ids: number[]): void => ids.forEach((id) => session.send({ id, method: 'runs.list' } as CallMessage))
  return { heard, ask, cancel: (id: number): void => session.send({ cancel: id }), close: () => session.close() }
}
const numbers = (count: number): number[] => Array.from({ length: count }, (_, at) => at + 1)
const answered = (heard: readonly { id: number; ok: boolean }[]): number[] => heard.filter(({ ok }) => ok).map(({ id }) => id)

describe('pages of one lab', () => {
  it('one that asks once waits for a few calls of one that asks without end, not for all of them', () => {
    const { lab, asked, answerNext } = slowLab()
    const [greedy, modest] = [page(lab), page(lab)]
    greedy.ask(...numbers(1000))
    modest.ask(7)
    let before = 0
    for (; answered(modest.heard).length === 0; before++) answerNext()
    expect(before).toBeLessThan(40)
    expect(asked.length).toBeLessThan(40)
    while (asked.length > 0) answerNext()
    expect(answered(greedy.heard)).toEqual(numbers(1000))
  })

  it('of many that ask without end, none keeps another from its turn', () => {
    const { lab, asked, answerNext } = slowLab()
    const crowd = numbers(60).map(() => page(lab))
    for (const each of crowd) each.ask(...numbers(100))
    const late = page(lab)
    late.ask(1)
    let before = 0
    for (; answered(late.heard).length === 0; before++) answerNext()
    expect(before).toBeLessThan(200)
    while (asked.length > 0) answerNext()
    for (const each of crowd) expect(answered(each.heard)).toEqual(numbers(100))
  })

  it('one that has too many questions open is refused the next, by its code, and answered what it asked before', () => {
    const { lab, asked, answerNext } = slowLab()
    const greedy = page(lab)
    greedy.ask(...numbers(3000))
    const refused = greedy.heard.map((message) => (message.ok ? 'answered' : message.error.code))
    expect(new Set(refused)).toEqual(new Set(['lab.tooMany']))
    while (asked.length > 0) answerNext()
    expect(answered(greedy.heard)).toEqual(numbers(3000 - refused.length))
  })

  it('a call that waits and is taken back is never made; what a page had under way when it closed makes room', () => {
    const { lab, asked, cancelled, answerNext } = slowLab()
    const [leaving, staying] = [page(lab), page(lab)]
    leaving.ask(...numbers(100))
    leaving.cancel(100)
    const sent = asked.length
    expect(sent).toBeLessThan(100)
    staying.ask(...numbers(60))
    leaving.close()
    expect(cancelled).toHaveLength(sent)
    while (asked.length > 0) answerNext()
    expect([leaving.heard, answered(staying.heard)]).toEqual([[], numbers(60)])
  })

  it('calls that wait are refused with those under way when the lab dies', () => {
    const { lab, die } = slowLab()
    const asking = page(lab)
    asking.ask(...numbers(100))
    die()
    expect(asking.heard.map((message) => !message.ok && message.error.code)).toEqual(numbers(100).map(() => 'lab.gone'))
  })
})

describe('how many calls the lab has at once', () => {
  it('is thirty-two of one page, forty-eight of all, and two of any page however many there are', () => {
    const { lab, asked, answerNext } = slowLab()
    const pages = numbers(4).map(() => page(lab))
    const under: number[] = []
    for (const each of pages) {
      each.ask(...numbers(100))
      under.push(asked.length)
    }
    expect(under).toEqual([32, 48, 50, 52])
    answerNext()
    // The first page gave one back and may have more only once there is room for all.
    expect(asked).toHaveLength(51)
    for (let n = 0; n < 4; n++) answerNext()
    expect(asked).toHaveLength(48)
  })

  it('leaves two thousand more of a page waiting, and refuses the next', () => {
    const { lab } = slowLab()
    const greedy = page(lab)
    greedy.ask(...numbers(2032))
    expect(greedy.heard).toEqual([])
    greedy.ask(2033)
    const error = {
      code: 'lab.tooMany',
      expected: 'a page to have at most 2032 questions open',
      found: '2000 that wait already',
      next: 'Wait for answers before asking more.',
    }
    expect(greedy.heard).toEqual([{ id: 2033, ok: false, error }])
  })

  it('makes room at once where one under way is taken back, and the lab is told', () => {
    const { lab, asked, cancelled, answerNext } = slowLab()
    const asking = page(lab)
    asking.ask(...numbers(40))
    asking.cancel(1)
    expect([cancelled, asked.length]).toEqual([[asked[0]!.id], 33])
    asking.cancel(99)
    expect(cancelled).toHaveLength(1)
    // An answer that comes all the same is nobody's.
    answerNext()
    expect(asking.heard).toEqual([])
  })

  it('makes room at once for the other pages where one closes', () => {
    const { lab, asked, cancelled } = slowLab()
    const [first, second] = [page(lab), page(lab)]
    first.ask(...numbers(40))
    second.ask(...numbers(40))
    expect(asked).toHaveLength(48)
    first.close()
    expect([cancelled.length, asked.length]).toEqual([32, 48 + 16])
  })
})

describe('the state of the lab', () => {
  function watched(more: { folder?: string | null; create?: boolean } = {}) {
    const processes: { start: LabStart; sent: unknown[]; killed: number; say: (message: unknown) => void; end: (how: string) => void }[] =
      []
    let nowMs = 0
    const lab = superviseLab({
      now: () => ++nowMs,
      ...more,
      start(start) {
        const ends: ((how: string) => void)[] = []
        const made = {
          start,
          sent: [] as unknown[],
          killed: 0,
          say: (_: unknown) => {},
          end: (how: string) => ends.forEach((each) => each(how)),
        }
        processes.push(made)
        return {
          send: (message) => void made.sent.push(message),
          onMessage: (listener) => void (made.say = listener),
          onExit: (listener) => void ends.push(listener),
          kill: () => void made.killed++,
        }
      },
    })
    const states: LabStatus[] = []
    const heard: HostMessage[] = []
    const session = lab.open((message) => ('status' in message ? states.push(message.status) : heard.push(message)))
    return { lab, processes, states, heard, session }
  }
  const call = (id: number, method: string): CallMessage => ({ id, method }) as CallMessage

  it('is told to every page as it changes: gone, starting, ready with its folder, gone with the reason', () => {
    const { lab, processes, states } = watched({ folder: '/a', create: true })
    lab.launch()
    expect(lab.launch()).toMatchObject({ state: 'starting', starts: 1 })
    expect(processes.map(({ start }) => start)).toEqual([{ folder: '/a', create: true }])
    processes[0]!.say({ ready: { folder: '/b', error: null } })
    processes[0]!.end('exit code 1')
    // A process that is gone has nothing more to say.
    processes[0]!.say({ ready: { folder: '/c', error: null } })
    lab.launch()
    expect(states.map(({ state, starts, folder }) => [state, starts, folder])).toEqual([
      ['gone', 0, '/a'],
      ['starting', 1, '/a'],
      ['ready', 1, '/b'],
      ['gone', 1, '/b'],
      ['starting', 2, '/b'],
    ])
    expect(states[3]!.error).toEqual({
      code: 'lab.gone',
      expected: 'the laboratory process to be there',
      found: 'that it ended (exit code 1)',
      next: expect.stringMatching(/^Restart the lab\. Everything recorded is safe/) as unknown,
    })
    expect([states[4]!.error, processes[1]!.start]).toEqual([null, { folder: '/b', create: false }])
    expect(states.map(({ sinceMs }) => sinceMs)).toEqual([...states.map(({ sinceMs }) => sinceMs)].sort((a, b) => a - b))
    // The end of the first one says nothing of the second.
    processes[0]!.end('again')
    expect(lab.status().state).toBe('starting')
  })

  it('has the folder that a page opened or closed, and not one that could not be opened', () => {
    const { lab, processes, heard, session } = watched()
    lab.launch()
    const asked = (method: string, reply: object): string | null => {
      session.send(call(7, method))
      const { id } = processes[0]!.sent.at(-1) as { id: number }
      processes[0]!.say({ id, ...reply })
      return lab.status().folder
    }
    expect(asked('workspace.open', { ok: false, error: {} })).toBeNull()
    expect(asked('workspace.open', { ok: true, output: { folder: '/x' } })).toBe('/x')
    expect(asked('runs.list', { ok: true, output: { folder: '/y' } })).toBe('/x')
    expect(asked('workspace.close', { ok: false, error: {} })).toBe('/x')
    expect(asked('workspace.close', { ok: true, output: null })).toBeNull()
    expect(asked('workspace.openSample', { ok: true, output: { folder: '/s' } })).toBe('/s')
    expect(heard.map((message) => 'id' in message && message.id)).toEqual(new Array(6).fill(7))
    processes[0]!.say({ event: { kind: 'changed', noun: 'runs', ids: [] } })
    expect(heard.at(-1)).toEqual({ event: { kind: 'changed', noun: 'runs', ids: [] } })
  })

  it('refuses calls while there is no process, with the reason why there is none', () => {
    const { lab, processes, heard, session } = watched()
    session.send(call(1, 'runs.list'))
    lab.launch()
    processes[0]!.end('signal SIGKILL')
    session.send(call(2, 'runs.list'))
    expect(heard).toMatchObject([
      { id: 1, ok: false, error: { code: 'lab.gone', found: 'that it ended (it was not started)' } },
      { id: 2, ok: false, error: { code: 'lab.gone', found: 'that it ended (signal SIGKILL)' } },
    ])
  })

  it('ends when it is asked to, without a word of it; a process that does not end is ended', async () => {
    const { lab, processes, states } = watched()
    await lab.stop()
    lab.launch()
    const stopped = lab.stop()
    expect(processes[0]!.sent).toEqual([{ stop: true }])
    processes[0]!.end('exit code 0')
    await stopped
    expect([processes[0]!.killed, states.map(({ state }) => state)]).toEqual([0, ['gone', 'starting']])
    const other = watched()
    other.lab.launch()
    const [stubborn] = other.processes
    const ended = other.lab.stop(1)
    while (stubborn!.killed === 0) await new Promise((resolve) => setImmediate(resolve))
    stubborn!.end('signal SIGTERM')
    await ended
    expect(stubborn!.killed).toBe(1)
  })
})
