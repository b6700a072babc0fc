// The caller's side, over a channel made of two functions: what is sent, what a reply does, and what a broken channel does.
import { describe, expect, it } from 'vitest'
import {
  createClient,
  methodNamed,
  methodNames,
  takeToken,
  type CallMessage,
  type HostMessage,
  type LabErrorData,
  type LabStatus,
  type Run,
} from '../../src-preload/contract.ts'

function channel() {
  const sent: CallMessage[] = []
  let hear: (message: HostMessage) => void = () => {}
  let broke: (error: LabErrorData) => void = () => {}
  const connection = createClient({
    send: (message) => void sent.push(message),
    listen: (onMessage, onClosed) => {
      hear = onMessage
      broke = onClosed
    },
  })
  return { ...connection, sent, hear: (message: HostMessage) => hear(message), break: (error: LabErrorData) => broke(error) }
}

const lost = { code: 'connection.lost', expected: 'a connection', found: 'none', next: 'Wait.' }

describe('a client of the method table', () => {
  it('has a function for every method, and asks by noun and verb', async () => {
    const { client, sent, hear } = channel()
    const answer = client.steps.get({ runId: 3, step: 4 })
    expect(sent).toEqual([{ id: 1, method: 'steps.get', input: { runId: 3, step: 4 } }])
    hear({ id: 1, ok: true, output: null })
    expect(await answer).toBeNull()
    for (const name of methodNames) {
      const [noun, verb] = name.split('.') as [keyof typeof client, string]
      expect(typeof (client[noun] as Record<string, unknown>)[verb], name).toBe('function')
    }
  })

  it('leaves out the input of a method that takes none', () => {
    const { client, sent } = channel()
    void client.runs.list()
    expect(sent).toEqual([{ id: 1, method: 'runs.list' }])
  })

  it('rebuilds the coded error of a refused call', async () => {
    const { client, hear } = channel()
    const answer = client.workspace.open({ folder: '/nowhere' })
    hear({ id: 1, ok: false, error: { code: 'workspace.missing', expected: 'a folder', found: 'none', next: 'Choose another.' } })
    await expect(answer).rejects.toMatchObject({ name: 'LabError', code: 'workspace.missing', next: 'Choose another.' })
  })

  it('takes a call back when its signal aborts, and says so once', async () => {
    const { client, sent, hear } = channel()
    const abort = new AbortController()
    const answer = client.runs.list(undefined, { signal: abort.signal })
    abort.abort()
    await expect(answer).rejects.toMatchObject({ code: 'call.cancelled' })
    expect(sent.at(-1)).toEqual({ cancel: 1 })
    hear({ id: 1, ok: true, output: [] })
  })

  it('sends nothing for a call that was cancelled before it was made', async () => {
    const { client, sent } = channel()
    await expect(client.runs.list(undefined, { signal: AbortSignal.abort() })).rejects.toMatchObject({ code: 'call.cancelled' })
    expect(sent).toEqual([])
  })

  it('rejects what was under way when the channel breaks, and tells when it is back', async () => {
    const lab = channel()
    const told: (string | null)[] = []
    lab.onConnection((error) => told.push(error?.code ?? null))
    const answer = lab.client.runs.list()
    lab.break(lost)
    await expect(answer).rejects.toMatchObject({ code: 'connection.lost' })
    lab.hear({ event: { kind: 'changed', noun: 'runs', ids: [1] } })
    expect(told).toEqual(['connection.lost', null])
  })

  it('hands events and the state of the lab to those who listen, until they stop', () => {
    const lab = channel()
    const heard: string[] = []
    const stop = lab.onEvent((event) => heard.push(event.kind))
    lab.onStatus((status) => heard.push(status.state))
    const status: LabStatus = { state: 'ready', error: null, starts: 1, sinceMs: 0, folder: null }
    lab.hear({ event: { kind: 'changed', noun: 'runs', ids: [] } })
    lab.hear({ status })
    stop()
    lab.hear({ event: { kind: 'changed', noun: 'runs', ids: [] } })
    expect(heard).toEqual(['changed', 'ready'])
  })
})

describe('the method table', () => {
  it('knows its own names and nothing that only looks like one', () => {
    expect(methodNamed('runs.list')).not.toBeNull()
    for (const name of ['', 'runs', 'runs.', 'runs.list.x', 'runs.constructor', '__proto__.list', 'toString.call', 'constructor.name'])
      expect(methodNamed(name), name).toBeNull()
  })

  it('fills in the defaults of what a person may leave out', () => {
    expect(methodNamed('workspace.open')!.input.parse({ folder: 'a' })).toEqual({ folder: 'a', create: false, readOnly: false })
  })

  it('types a client call from the schemas', () => {
    const { client } = channel()
    const renamed: Promise<Run> = client.runs.rename({ runId: 1, name: 'a', note: '' })
    expect(renamed).toBeInstanceOf(Promise)
  })
})

describe('the token in the address', () => {
  const page = (hash: string) => {
    const kept = new Map<string, string>()
    const addresses: string[] = []
    return {
      addresses,
      kept,
      location: { hash, pathname: '/', search: '' } as Location,
      history: { replaceState: (_state: unknown, _title: string, url: string) => addresses.push(url) } as unknown as History,
      sessionStorage: {
        getItem: (key: string) => kept.get(key) ?? null,
        setItem: (key: string, value: string) => void kept.set(key, value),
      } as unknown as Storage,
    }
  }

  it('moves into the memory of the tab and out of the address', () => {
    const first = page('#token=abcdefghijklmnop')
    expect(takeToken(first)).toBe('abcdefghijklmnop')
    expect(first.addresses).toEqual(['/'])
    expect([...first.kept.values()]).toEqual(['abcdefghijklmnop'])
  })

  it('is remembered when the page is loaded again without it', () => {
    const later = page('')
    later.sessionStorage.setItem('mrt.token', 'abcdefghijklmnop')
    expect(takeToken(later)).toBe('abcdefghijklmnop')
    expect(takeToken(page('#runs'))).toBeNull()
  })
})
