// Windows and what they may do. Pages come from app://bundle with the same headers as in served mode; they are sandboxed, isolated, and
// can go nowhere else. Also here: where a window was, what closing it means while something trains, and keeping the machine awake.
import { app, BrowserWindow, dialog, powerSaveBlocker, protocol, session } from 'electron'
import { createReadStream, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import type { Client, Job } from '../src-preload/contract.ts'
import type { EndingParts } from './ending.ts'
import { PAGES } from './bridge.ts'
import { findPage, SECURITY_HEADERS } from './serve/pages.ts'

const SMALLEST = { minWidth: 880, minHeight: 600 }
const USUAL = { width: 1360, height: 880 }

/** Before the application is ready: app:// behaves like https://. */
export function claimScheme(): void {
  protocol.registerSchemesAsPrivileged([
    { scheme: 'app', privileges: { standard: true, secure: true, supportFetchAPI: true, stream: true } },
  ])
}

/** @param exportsFolder of the open workspace; null while none is open */
export function servePages(renderer: string, exportsFolder: () => string | null): void {
  protocol.handle('app', ({ url }) => {
    const { host, pathname } = new URL(url)
    const exported = /^\/exports(\/.+)$/.exec(pathname)?.[1]
    const folder = exported === undefined ? renderer : exportsFolder()
    const page = host === 'bundle' && folder !== null ? findPage(folder, exported ?? pathname) : null
    if (page === null) return new Response('no such page\n', { status: 404, headers: SECURITY_HEADERS })
    return new Response(Readable.toWeb(createReadStream(page.path)) as ReadableStream, { headers: page.headers })
  })
}

/** Our own page may put text on the clipboard; nothing else is granted to anybody: no camera, no location, no window, no other page. */
export const isPermitted = (permission: string, origin: string): boolean =>
  permission === 'clipboard-sanitized-write' && `${origin.replace(/\/$/, '')}/` === PAGES

export function closeEverything(): void {
  session.defaultSession.setPermissionRequestHandler((contents, permission, answer, { isMainFrame }) =>
    answer(isMainFrame && isPermitted(permission, new URL('/', contents.getURL()).href)),
  )
  session.defaultSession.setPermissionCheckHandler((_contents, permission, origin) => isPermitted(permission, origin))
  // What the page saves came from memory; its address means nothing to a person.
  session.defaultSession.on('will-download', (_event, item) => item.setSaveDialogOptions({ title: `Save ${item.getFilename()}` }))
  app.on('web-contents-created', (_event, contents) => {
    contents.setWindowOpenHandler(() => ({ action: 'deny' }))
    contents.on('will-navigate', (event) => event.preventDefault())
    contents.on('will-attach-webview', (event) => event.preventDefault())
  })
}

type Place = Partial<Electron.Rectangle> & { readonly maximized?: boolean }

function readPlace(file: string): Place {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as Place
  } catch {
    return {}
  }
}

/** Windows whose title says that work is being ended. */
const ending = new WeakSet<BrowserWindow>()

/** @param may whether the window may close without a question; `close` asks it */
export function openWindow(preload: string, { may, close }: { readonly may: () => boolean; readonly close: () => void }): BrowserWindow {
  const file = join(app.getPath('userData'), 'window.json')
  const { maximized = false, ...place } = readPlace(file)
  const window = new BrowserWindow({
    ...USUAL,
    ...place,
    ...SMALLEST,
    show: false,
    title: app.getName(),
    icon: join(app.getAppPath(), 'resources', 'icon.png').replace('app.asar', 'app.asar.unpacked'),
    webPreferences: { preload, contextIsolation: true, sandbox: true, nodeIntegration: false, webviewTag: false, spellcheck: false },
  })
  if (maximized) window.maximize()
  window.once('ready-to-show', () => window.show())
  // Page, workspace and how far a run is; while work is being ended the window says that instead.
  window.on('page-title-updated', (event) => void (ending.has(window) && event.preventDefault()))
  guardClose(window, may, close, () =>
    writeFileSync(file, JSON.stringify({ ...window.getNormalBounds(), maximized: window.isMaximized() })),
  )
  void window.loadURL(PAGES)
  return window
}

/** Closing is a question to whoever knows what is at work. */
function guardClose(window: BrowserWindow, mayClose: () => boolean, close: () => void, remember: () => void): void {
  window.on('close', (event) => {
    remember()
    if (mayClose()) return
    event.preventDefault()
    close()
  })
}

/** Asks in front of the window, and shows in its title and the task bar that work is being ended. */
export const endingParts = (window: () => BrowserWindow): Pick<EndingParts, 'ask' | 'show'> => ({
  async ask({ message, detail, buttons }) {
    const front = window()
    front.show()
    const { response } = await dialog.showMessageBox(front, {
      type: 'question',
      message,
      detail,
      buttons: [...buttons],
      defaultId: 0,
      cancelId: buttons.length - 1,
    })
    return response
  },
  show(text) {
    const front = window()
    if (front.isDestroyed()) return
    front.setProgressBar(text === null ? -1 : 2)
    if (text === null) ending.delete(front)
    else ending.add(front)
    front.setTitle(text === null ? front.webContents.getTitle() : `${text} – ${app.getName()}`)
  },
})

/** Keeps the machine from sleeping while there is work, not its screen. Call it whenever the jobs change. */
export function awakeKeeper(client: Client): () => void {
  let blocker: number | null = null
  return () =>
    void client.jobs
      .list()
      .catch((): Job[] => [])
      .then((jobs) => {
        if (jobs.length > 0) blocker ??= powerSaveBlocker.start('prevent-app-suspension')
        else if (blocker !== null) {
          powerSaveBlocker.stop(blocker)
          blocker = null
        }
      })
}
