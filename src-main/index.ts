// The desktop application: one window, one lab process, the bridge between them. Everything scientific is in the lab.
import { app, utilityProcess } from 'electron'
import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { createClient } from '../src-preload/contract.ts'
import { openBridge } from './bridge.ts'
import { homeFolder, sampleFolder } from './lab/home.ts'
import { superviseLab, type LabProcess, type LabStart } from './lab/supervise.ts'
import { utilityLab } from './lab/utilityLab.ts'
import { openMenu } from './menu.ts'
import { awakeKeeper, claimScheme, closeEverything, openWindow, servePages } from './window.ts'

const here = import.meta.dirname

/** `MRT Workbench --workspace FOLDER`, or a folder dropped on the icon. */
function folderOf(args: readonly string[]): string | null {
  const at = args.indexOf('--workspace')
  const given = at >= 0 ? args[at + 1] : args.slice(1).find((each) => existsSync(join(each, 'workspace.db')))
  return given === undefined ? null : resolve(given)
}

async function start(): Promise<void> {
  let whyGone: string | null = null
  app.on('child-process-gone', (_event, { type, reason }) => (whyGone = type === 'Utility' ? reason : whyGone))
  const startLab = utilityLab((...given) => utilityProcess.fork(...given), () => whyGone)
  const lab = superviseLab({
    folder: folderOf(process.argv),
    create: true,
    start: (given: LabStart): LabProcess => startLab(join(here, 'lab.js'), { ...given, home: homeFolder(), version: app.getVersion(), sample: sampleFolder(app.getAppPath()) }),
  })
  await app.whenReady()
  closeEverything()
  servePages(join(here, '..', 'renderer'), () => (lab.status().folder === null ? null : join(lab.status().folder!, 'exports')))

  let session: ReturnType<typeof lab.open>
  const { client, onEvent, onStatus } = createClient({ send: (message) => session.send(message), listen: (hear) => (session = lab.open(hear)) })
  const bridge = openBridge(lab)
  const renewRecents = openMenu({ client, choose: bridge.choose })
  const keepAwake = awakeKeeper(client)
  onStatus(({ state }) => (state === 'ready' ? renewRecents() : keepAwake()))
  onEvent((event) => event.kind === 'changed' && (event.noun === 'workspace' ? renewRecents() : event.noun === 'jobs' && keepAwake()))
  lab.launch()

  let window = openWindow(join(here, '..', 'preload', 'index.cjs'), client)
  const show = (): void => {
    if (window.isDestroyed()) window = openWindow(join(here, '..', 'preload', 'index.cjs'), client)
    window.show()
  }
  app.on('second-instance', (_event, args) => {
    show()
    const folder = folderOf(args)
    if (folder !== null) void client.workspace.open({ folder }).catch(() => bridge.choose('workspace.open'))
  })
  app.on('activate', show)
  app.on('window-all-closed', () => process.platform !== 'darwin' && app.quit())
  let stopped = false
  app.on('before-quit', (event) => {
    if (stopped) return
    event.preventDefault()
    void lab.stop().finally(() => {
      stopped = true
      app.quit()
    })
  })
}

claimScheme()
app.enableSandbox()
if (app.requestSingleInstanceLock()) void start()
else app.quit()
