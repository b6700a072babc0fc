// The desktop bridge with Electron's own parts replaced: who is listened to, what is handed on, what a file or link of elsewhere gets.
import { EventEmitter } from 'node:events'
import { beforeEach, describe, expect, it, vi } from 'vitest'
import type { CallMessage, HostMessage } from '../../src-preload/contract.ts'
import type { LabSupervisor } from '../../src-main/lab/process/supervise.ts'

const electron = vi.hoisted(() => ({
  ipc: null as EventEmitter | null,
  shown: [] as string[],
  opened: [] as string[],
  windows: [] as unknown[],
  notices: [] as { title: string; click: () => void }[],
}))
vi.mock('electron', async () => {
  const { EventEmitter: Emitter } = await import('node:events')
  electron.ipc = new Emitter()
  return {
    app: { getVersion: () => '0.1.0', getName: () => 'MRT Workbench' },
    BrowserWindow: { getFocusedWindow: () => null, getAllWindows: () => electron.windows },
    dialog: {},
    ipcMain: electron.ipc,
    Notification: class {
      static isSupported = (): boolean => true
      readonly #notice: { title: string; click: () => void }
      constructor({ title }: { title: string }) {
        electron.notices.push((this.#notice = { title, click: () => {} }))
      }
      on(_event: string, listener: () => void): void {
        this.#notice.click = listener
      }
      show(): void {}
    },
    shell: {
      showItemInFolder: (path: string) => electron.shown.push(path),
      openExternal: (url: string) => Promise.resolve(electron.opened.push(url)),
    },
  }
})
const { isOwnPage, openBridge } = await import('../../src-main/bridge.ts')

const OWN = { url: 'app://bundle/', parent: null }

/** A page's side of the channel. */
class Contents extends EventEmitter {
  readonly heard: HostMessage[] = []
  isDestroyed(): boolean {
    return false
  }
  send(_channel: string, message: HostMessage): void {
    this.heard.push(message)
  }
}

const sent: CallMessage[] = []
let closed = 0
const lab = {
  open(hear: (message: HostMessage) => void) {
    hear({ status: lab.status() })
    return { send: (message: CallMessage) => sent.push(message), close: () => closed++ }
  },
  status: () => ({ state: 'ready' as const, error: null, starts: 1, sinceMs: 0, folder: '/data/study' }),
  launch: () => lab.status(),
} as unknown as LabSupervisor

openBridge(lab)
let contents: Contents
const say = (message: unknown, senderFrame: unknown = OWN): boolean => electron.ipc!.emit('mrt', { sender: contents, senderFrame }, message)
beforeEach(() => {
  contents = new Contents()
  sent.length = 0
  closed = 0
})

describe('the bridge', () => {
  it('knows its own page from every other frame', () => {
    expect(isOwnPage(OWN)).toBe(true)
    for (const url of ['https://evil.example/', 'app://other/', 'app://bundle.evil.example/', 'file:///app://bundle/', 'about:blank'])
      expect(isOwnPage({ url, parent: null }), url).toBe(false)
    expect(isOwnPage({ ...OWN, parent: OWN as never })).toBe(false)
    expect(isOwnPage(null)).toBe(false)
  })

  it('tells a page that listens how things are, and hands its calls on', () => {
    say('listening')
    expect(contents.heard).toMatchObject([{ status: { state: 'ready' } }])
    say({ id: 1, method: 'runs.list' })
    say({ cancel: 1 })
    expect(sent).toEqual([{ id: 1, method: 'runs.list' }, { cancel: 1 }])
  })

  it('does not listen to a foreign or vanished frame, before or after the page was there', () => {
    say('listening', { url: 'https://evil.example/', parent: null })
    expect(contents.heard).toEqual([])
    say('listening')
    say({ id: 1, method: 'runs.list' }, { url: 'https://evil.example/', parent: null })
    say({ id: 1, method: 'runs.list' }, null)
    expect(sent).toEqual([])
  })

  it('drops what is not a call', () => {
    say('listening')
    for (const message of [null, 7, 'runs.list', {}, { id: -1, method: 'runs.list' }, { id: 1, method: 'runs.list', channel: 'other' }])
      say(message)
    expect(sent).toEqual([])
  })

  it('starts over when the page is loaded again, and forgets it when it is gone', () => {
    say('listening')
    say('listening')
    expect(closed).toBe(1)
    contents.emit('destroyed')
    expect(closed).toBe(2)
    say({ id: 1, method: 'runs.list' })
    expect(sent).toEqual([])
  })

  it('answers for the program, and shows only files of the open workspace', async () => {
    say('listening')
    say({ id: 1, method: 'app.info' })
    say({ id: 2, method: 'app.reveal', input: { path: '/data/study/exports/a.jsonl' } })
    say({ id: 3, method: 'app.reveal', input: { path: '/etc/passwd' } })
    say({ id: 4, method: 'app.reveal', input: { path: '/data/study/../other' } })
    await vi.waitFor(() => expect(contents.heard).toHaveLength(5))
    expect(contents.heard.find((message) => 'id' in message && message.id === 1)).toMatchObject({
      ok: true,
      output: { face: 'electron', version: '0.1.0' },
    })
    expect(electron.shown).toEqual(['/data/study/exports/a.jsonl'])
    for (const id of [3, 4])
      expect(contents.heard.find((message) => 'id' in message && message.id === id)).toMatchObject({
        ok: false,
        error: { code: 'app.outside' },
      })
  })

  it('opens links of a few sites only, and never anything but https', async () => {
    say('listening')
    say({ id: 1, method: 'app.openExternal', input: { url: 'https://arxiv.org/abs/2503.07572' } })
    for (const [index, url] of [
      'http://arxiv.org/',
      'https://arxiv.org.evil.example/',
      'file:///etc/passwd',
      'https://evil.example/?https://arxiv.org/',
    ].entries())
      say({ id: 10 + index, method: 'app.openExternal', input: { url } })
    await vi.waitFor(() => expect(contents.heard).toHaveLength(6))
    expect(electron.opened).toEqual(['https://arxiv.org/abs/2503.07572'])
    expect(contents.heard.filter((message) => 'ok' in message && !message.ok)).toHaveLength(4)
  })

  it('tells of a run while its window is not in front, and leads to it', async () => {
    say('listening')
    const went: string[] = []
    let focused = true
    electron.windows = [
      {
        isFocused: () => focused,
        isVisible: () => true,
        show: () => went.push('shown'),
        loadURL: (url: string) => Promise.resolve(went.push(url)),
        webContents: contents,
      },
    ]
    const notify = (id: number) =>
      say({ id, method: 'app.notify', input: { title: 'MRT-exact has finished', body: '30 steps.', runId: 3 } })
    notify(1)
    await vi.waitFor(() => expect(contents.heard).toContainEqual({ id: 1, ok: true, output: null }))
    expect(electron.notices).toEqual([])
    focused = false
    notify(2)
    await vi.waitFor(() => expect(electron.notices).toHaveLength(1))
    electron.notices[0]!.click()
    expect(went).toEqual(['shown', 'app://bundle/#/run/3'])
    electron.windows = []
  })
})
