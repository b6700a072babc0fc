// The desktop application: one window, one lab process, the bridge between them. Everything scientific is in the lab.
import { app, Notification, powerMonitor, utilityProcess, type BrowserWindow } from 'electron'
import { join } from 'node:path'
import { createClient } from '../src-preload/contract.ts'
import { openBridge, PAGES } from './bridge.ts'
import { openEnding } from './ending.ts'
import { homeFolder, sampleFolder } from './lab/process/home.ts'
import { superviseLab, type LabProcess, type LabStart } from './lab/process/supervise.ts'
import { openObituaries, utilityLab } from './lab/process/utilityLab.ts'
import { openMenu } from './menu.ts'
import { debuggingSwitch, readArguments, SCHEME, type Wanted } from './opening.ts'
import { awakeKeeper, claimScheme, closeEverything, endingParts, openWindow, servePages } from './window.ts'

const here = import.meta.dirname
/** What macOS asks us to open before the window is there. */
const early: string[] = []

async function start(): Promise<void> {
  const obituaries = openObituaries()
  app.on('child-process-gone', (_event, { type, reason }) => type === 'Utility' && obituaries.tell(reason))
  const startLab = utilityLab((...given) => utilityProcess.fork(...given), obituaries)
  const wanted = readArguments([...process.argv.slice(app.isPackaged ? 1 : 2), ...early])
  const lab = superviseLab({
    folder: wanted.folder,
    create: true,
    start: (given: LabStart): LabProcess =>
      startLab(join(here, 'lab.js'), { ...given, home: homeFolder(), version: app.getVersion(), sample: sampleFolder(app.getAppPath()) }),
  })
  await app.whenReady()
  closeEverything()
  servePages(join(here, '..', 'renderer'), () => (lab.status().folder === null ? null : join(lab.status().folder!, 'exports')))
  app.setAboutPanelOptions({
    applicationName: app.getName(),
    applicationVersion: app.getVersion(),
    copyright: 'MIT licence. Makes no network connections.',
    iconPath: join(app.getAppPath(), 'resources', 'icon.png').replace('app.asar', 'app.asar.unpacked'),
  })

  let session: ReturnType<typeof lab.open>
  const { client, onEvent, onStatus } = createClient({
    send: (message) => session.send(message),
    listen: (hear) => (session = lab.open(hear)),
  })
  const bridge = openBridge(lab, (state) => menu.setCommands(state))
  const menu = openMenu({ client, choose: bridge.choose })
  const keepAwake = awakeKeeper(client)
  onStatus(({ state }) => (state === 'ready' ? menu.renewRecents() : keepAwake()))
  lab.launch()

  let window: BrowserWindow
  let mayClose = false
  const ending = openEnding({ client, ...endingParts(() => window) })
  /** Hidden while work goes on: what ends is told by the system, and with the last of it the program ends too. */
  let inBackground = false
  async function end(): Promise<void> {
    const verdict = await ending.mayEnd()
    if (verdict === 'background') {
      inBackground = true
      window.hide()
      await endWhenIdle()
    }
    if (verdict !== 'end' || mayClose) return
    mayClose = true
    await lab.stop()
    app.exit(0)
  }
  async function endWhenIdle(): Promise<void> {
    if (!inBackground || (await client.jobs.list().catch(() => [])).length > 0) return
    inBackground = false
    await end()
  }

  const open = (): BrowserWindow => openWindow(join(here, '..', 'preload', 'index.cjs'), { may: () => mayClose, close: () => void end() })
  window = open()
  const show = (): void => {
    inBackground = false
    if (window.isDestroyed()) window = open()
    if (window.isMinimized()) window.restore()
    window.show()
    window.focus()
  }
  const go = ({ folder, files, route }: Wanted): void => {
    show()
    if (folder !== null) void client.workspace.open({ folder }).catch(() => bridge.choose('workspace.open'))
    if (files.length > 0) bridge.openFiles(files)
    if (route !== null) void window.loadURL(`${PAGES}#${route}`)
  }
  onEvent((event) => {
    if (event.kind === 'changed' && event.noun === 'workspace') menu.renewRecents()
    if (event.kind === 'changed' && event.noun === 'jobs') {
      keepAwake()
      void endWhenIdle()
    }
    if (
      event.kind === 'run' &&
      !window.isVisible() &&
      ['finished', 'failed', 'paused'].includes(event.run.status) &&
      Notification.isSupported()
    ) {
      const notification = new Notification({
        title: `${event.run.name}: ${event.run.status}`,
        body: event.run.error?.found ?? `${event.run.lastStep ?? 0} of ${event.run.plannedSteps} steps are recorded.`,
      })
      notification.on('click', () => go({ folder: null, files: [], route: `/run/${event.run.id}` }))
      notification.show()
    }
  })
  // What was asked for at the start is there once the page listens.
  window.webContents.once('did-finish-load', () => go({ ...wanted, folder: null }))

  app.on('second-instance', (_event, args) => go(readArguments(args.slice(app.isPackaged ? 1 : 2))))
  app.on('open-file', (event, path) => (event.preventDefault(), go(readArguments([path]))))
  app.on('open-url', (event, url) => (event.preventDefault(), go(readArguments([url]))))
  app.on('activate', show)
  // With its last window the program ends; the window asked before it closed.
  app.on('window-all-closed', () => {})
  app.on('before-quit', (event) => {
    if (mayClose) return
    event.preventDefault()
    void end()
  })
  // Log-out and shutdown wait for nobody's answer: the lab ends in order, and the next start offers what ran.
  const leave = (): void => {
    ending.endNow()
    void end()
  }
  // Prevented, the system waits for us to end; on Linux and macOS alone is it asked.
  powerMonitor.on('shutdown', (event?: { preventDefault(): void }) => {
    event?.preventDefault()
    leave()
  })
  window.on('session-end', leave)
  // What a session manager sends; Electron itself would take it for a wish to quit, and ask.
  for (const signal of ['SIGTERM', 'SIGHUP', 'SIGINT'] as const) process.on(signal, leave)
}

app.on('open-file', (_event, path) => void early.push(path))
app.on('open-url', (_event, url) => void early.push(url))
claimScheme()
app.enableSandbox()
const debugging = app.isPackaged ? debuggingSwitch(process.argv) : null
if (debugging !== null) {
  process.stderr.write(`error: the installed application takes no ${debugging}\nnext:  start it without, or use a checkout\n`)
  app.exit(1)
} else if (app.requestSingleInstanceLock()) {
  if (app.isPackaged) app.setAsDefaultProtocolClient(SCHEME)
  void start()
} else app.quit()
