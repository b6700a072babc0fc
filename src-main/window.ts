// Windows and what they may do. Pages come from app://bundle with the same headers as in served mode; they are sandboxed, isolated, and
// can go nowhere else. Also here: where a window was, what closing it means while something trains, and keeping the machine awake.
import { app, BrowserWindow, dialog, powerSaveBlocker, protocol, session } from 'electron'
import { createReadStream, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import type { Client, Job } from '../src-preload/contract.ts'
import { PAGES } from './bridge.ts'
import { findPage, SECURITY_HEADERS } from './serve/pages.ts'

const SMALLEST = { minWidth: 880, minHeight: 600 }
const USUAL = { width: 1360, height: 880 }

/** Before the application is ready: app:// behaves like https://. */
export function claimScheme(): void {
  protocol.registerSchemesAsPrivileged([{ scheme: 'app', privileges: { standard: true, secure: true, supportFetchAPI: true, stream: true } }])
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

/** Nothing a page asks for is granted: no camera, no location, no window, no other page. */
export function closeEverything(): void {
  session.defaultSession.setPermissionRequestHandler((_contents, _permission, answer) => answer(false))
  session.defaultSession.setPermissionCheckHandler(() => false)
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

export function openWindow(preload: string, client: Client): BrowserWindow {
  const file = join(app.getPath('userData'), 'window.json')
  const { maximized = false, ...place } = readPlace(file)
  const window = new BrowserWindow({
    ...USUAL, ...place, ...SMALLEST, show: false, title: app.getName(),
    webPreferences: { preload, contextIsolation: true, sandbox: true, nodeIntegration: false, webviewTag: false, spellcheck: false },
  })
  if (maximized) window.maximize()
  window.once('ready-to-show', () => window.show())
  window.on('page-title-updated', (event) => event.preventDefault())
  guardClose(window, client, () => writeFileSync(file, JSON.stringify({ ...window.getNormalBounds(), maximized: window.isMaximized() })))
  void window.loadURL(PAGES)
  return window
}

const CHOICES = ['Keep training in the background', 'Stop after this step', 'Stop now', 'Cancel'] as const
const HIDE = 0, AFTER_STEP = 1, CANCEL = 3

/** Closing while something trains asks first; a lab that does not answer is no reason to stay. */
function guardClose(window: BrowserWindow, client: Client, remember: () => void): void {
  let mayClose = false
  window.on('close', (event) => {
    remember()
    if (mayClose) return
    event.preventDefault()
    void client.jobs.list().catch((): Job[] => []).then(async (jobs) => {
      const training = jobs.filter(({ runId }) => runId !== null)
      const choice = training.length === 0 ? null : await askAboutTraining(window, training)
      if (choice === CANCEL) return
      if (choice === HIDE) return window.hide()
      if (choice === AFTER_STEP) await Promise.all(training.map(({ runId }) => client.runs.stopAfterStep({ runId: runId! }).catch(() => null))).then(() => ended(client))
      mayClose = true
      window.close()
    })
  })
}

async function askAboutTraining(window: BrowserWindow, training: readonly Job[]): Promise<number> {
  const message = training.length === 1 ? `${training[0]!.label} is still at work.` : `${training.length} jobs are still at work.`
  const { response } = await dialog.showMessageBox(window, { type: 'question', message, detail: 'Everything recorded so far is safe either way. A run that is stopped can be resumed.', buttons: [...CHOICES], defaultId: HIDE, cancelId: CANCEL })
  return response
}

/** Resolves once no run has a job. */
async function ended(client: Client): Promise<void> {
  while ((await client.jobs.list()).some(({ runId }) => runId !== null)) await new Promise((resolve) => setTimeout(resolve, 200))
}

/** Keeps the machine from sleeping while there is work, not its screen. Call it whenever the jobs change. */
export function awakeKeeper(client: Client): () => void {
  let blocker: number | null = null
  return () =>
    void client.jobs.list().catch((): Job[] => []).then((jobs) => {
      if (jobs.length > 0) blocker ??= powerSaveBlocker.start('prevent-app-suspension')
      else if (blocker !== null) {
        powerSaveBlocker.stop(blocker)
        blocker = null
      }
    })
}
