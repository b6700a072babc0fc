// Calls and what becomes of them: an input is held to its schema, an answer finds back, and whatever is thrown arrives as a coded error.
import { describe, expect, it } from 'vitest'
import { answering, askDirectly, toContractError } from '../../src-main/lab/answers/answer.ts'
import { LabError, type HostMessage } from '../../src-preload/contract.ts'

describe('what was thrown', () => {
  const told = (thrown: unknown) => {
    const bugs: unknown[] = []
    return { error: toContractError(thrown, (error) => bugs.push(error)), bugs }
  }
  class OwnError extends Error {
    constructor(name: string, code: unknown, more: object = { expected: 'this', found: 'that', next: 'Go on.' }) {
      super('of its own')
      Object.assign(this, { name, code, ...more })
    }
  }

  it('keeps its code and parts where a person was mistaken, and is no bug', () => {
    const parts = { expected: 'a', found: 'b', next: 'C.' }
    expect(told(new LabError('run.idle', parts))).toEqual({ error: { code: 'run.idle', ...parts }, bugs: [] })
  })

  it.each([
    ['RlError', 'rl.option-unknown', 'rl.optionUnknown'],
    ['EngineError', 'bad-argument', 'engine.badArgument'],
    ['EngineError', 'bad--big-argument', 'engine.badBigArgument'],
    ['Error', 'bad', 'lab.bad'],
  ])('by %s with the code %s has the code %s', (name, code, expected) => {
    expect(told(new OwnError(name, code))).toEqual({ error: { code: expected, expected: 'this', found: 'that', next: 'Go on.' }, bugs: [] })
  })

  it('says what to do though nothing was said of it', () => {
    for (const next of [undefined, '', 7])
      expect(told(new OwnError('RlError', 'rl.x', { expected: 'this', found: 'that', next })).error.next).toBe('Correct it and try again.')
  })

  it('is a bug of ours, reported, where any part is missing', () => {
    const whole = { expected: 'this', found: 'that' }
    const odd = [
      new OwnError('RlError', 5, whole),
      new OwnError('RlError', '', whole),
      new OwnError('RlError', 'rl.x', { found: 'that' }),
      new OwnError('RlError', 'rl.x', { expected: 'this', found: '' }),
      new Error('plain'),
      'a text',
    ]
    for (const thrown of odd)
      expect(told(thrown)).toEqual({
        error: {
          code: 'lab.bug',
          expected: 'the laboratory to answer',
          found: String(thrown),
          next: expect.stringContaining('What is recorded is safe') as unknown,
        },
        bugs: [thrown],
      })
    expect([told(odd[4]).error.found, told('a text').error.found]).toEqual(['Error: plain', 'a text'])
  })
})

describe('messages', () => {
  function host(settings: { get?: (input: never, options: { signal: AbortSignal }) => unknown } = {}, checkOutputs?: boolean) {
    const replies: Extract<HostMessage, { id: number }>[] = []
    const answers = { settings: { all: () => ({}), get: settings.get ?? (() => null), set: () => null } } as never
    const answer = answering(answers, (message) => replies.push(message as never), checkOutputs === undefined ? {} : { checkOutputs })
    return { replies, answer }
  }

  it('that are no calls are refused where they name a call, and left where they do not', async () => {
    const { replies, answer } = host()
    for (const message of [null, undefined, 'text', { id: 'x', method: 'settings.all' }, { id: 3, method: 7 }]) await answer(message)
    expect(replies.map((reply) => [reply.id, !reply.ok && reply.error])).toEqual([
      [
        3,
        {
          code: 'call.badInput',
          expected: expect.stringMatching(/^[a-z ]+ as a call takes it$/) as unknown,
          found: expect.stringMatching(/./) as unknown,
          next: 'Correct that field.',
        },
      ],
    ])
  })

  it('of methods that nobody has or nobody answers are refused', async () => {
    const { replies, answer } = host()
    for (const [id, method] of ['settings.none', 'runs.list', 'nonsense', 'toString.call'].entries()) await answer({ id, method })
    expect(replies.map((reply) => !reply.ok && [reply.error.code, reply.error.found])).toEqual(
      ['settings.none', 'runs.list', 'nonsense', 'toString.call'].map((method) => ['call.unknown', method]),
    )
    await answer({ id: 9, method: 'x'.repeat(80) })
    expect(replies.at(-1)).toMatchObject({
      error: { expected: 'a method of the contract', found: 'x'.repeat(80), next: expect.stringContaining('same version') as unknown },
    })
  })

  it('name the field that is wrong, and the whole where it is no field', async () => {
    const { replies, answer } = host()
    await answer({ id: 1, method: 'settings.get', input: { key: 5 } })
    await answer({ id: 2, method: 'settings.get', input: 'key' })
    expect(replies.map((reply) => !reply.ok && reply.error.expected)).toEqual([
      'key as settings.get takes it',
      'its input as settings.get takes it',
    ])
  })

  it('are answered, and an answer is held to its schema only where that is asked for', async () => {
    for (const [checked, ok] of [
      [undefined, true],
      [true, false],
    ] as const) {
      const { replies, answer } = host({ get: () => undefined }, checked)
      await answer({ id: 4, method: 'settings.get', input: { key: 'page' } })
      expect(replies.map((reply) => [reply.id, reply.ok])).toEqual([[4, ok]])
    }
  })

  it('that take a call back end its work, and it gets no reply; others get theirs', async () => {
    let ended = 0
    const { replies, answer } = host({
      get: (_input, { signal }) =>
        new Promise((_resolve, reject) => {
          signal.addEventListener('abort', () => {
            ended++
            reject(signal.reason as Error)
          })
        }),
    })
    const waiting = answer({ id: 5, method: 'settings.get', input: { key: 'page' } })
    await answer({ cancel: 99 })
    expect(ended).toBe(0)
    await answer({ cancel: 5 })
    await waiting
    expect([ended, replies]).toEqual([1, []])
    await answer({ id: 6, method: 'settings.all' })
    expect(replies).toEqual([{ id: 6, ok: true, output: {} }])
  })
})

describe('calls in the process of the answers', () => {
  const clientUntil = (ended: AbortSignal) =>
    askDirectly(
      {
        settings: { all: () => ({ page: 1 }), get: () => new Promise(() => {}) },
        jobs: {
          list() {
            throw new TypeError('as it was')
          },
        },
      } as never,
      { follows: { takeBack: () => null } } as never,
      ended,
    )

  it('arrive as they were answered or thrown, own ones too; what nobody answers is not there', async () => {
    const client = clientUntil(new AbortController().signal)
    expect(await client.settings.all()).toEqual({ page: 1 })
    await expect(client.jobs.list()).rejects.toThrow(TypeError)
    expect(await client.follows.takeBack({ followId: 1 })).toBeNull()
    await expect(client.follows.takeBack({ followId: 'x' } as never)).rejects.toMatchObject({ code: 'call.badInput' })
    expect((client as { runs?: unknown }).runs).toBeUndefined()
  })

  it('reject once nobody waits for them, or all has ended', async () => {
    const ended = new AbortController()
    const client = clientUntil(ended.signal)
    await expect(client.settings.get({ key: 'x' }, { signal: AbortSignal.abort() })).rejects.toMatchObject({ code: 'call.cancelled' })
    const own = new AbortController()
    const asked = client.settings.get({ key: 'x' }, { signal: own.signal })
    own.abort()
    await expect(asked).rejects.toMatchObject({ code: 'call.cancelled' })
    const waiting = client.settings.get({ key: 'x' })
    ended.abort()
    await expect(waiting).rejects.toMatchObject({ code: 'call.cancelled' })
    await expect(client.settings.get({ key: 'x' })).rejects.toMatchObject({ code: 'call.cancelled' })
  })
})
