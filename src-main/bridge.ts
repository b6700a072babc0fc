// Between a window and the lab: every message is checked for who sent it and what it is, then handed on as it is. Questions about the
// program itself (dialogs, files shown, the task bar) are answered here. Errors became plain data where they were thrown.
import { app, BrowserWindow, dialog, ipcMain, Notification, shell, type WebContents, type WebFrameMain } from 'electron'
import { relative, isAbsolute } from 'node:path'
import { callMessage, LabError, type AppAnswers, type CommandId, type CommandState, type HostMessage } from '../src-preload/contract.ts'
import { answering } from './lab/answers/answer.ts'
import type { LabSupervisor, Session } from './lab/process/supervise.ts'

const CHANNEL = 'mrt'
export const PAGES = 'app://bundle/'
/** Where a link in a page may lead; everything else stays closed. */
const SITES = new Set(['arxiv.org', 'github.com', 'huggingface.co'])

/** Only the top frame of our own page may speak; a frame that is already gone is null. */
export const isOwnPage = (frame: Pick<WebFrameMain, 'url' | 'parent'> | null): boolean =>
  frame !== null && frame.parent === null && frame.url.startsWith(PAGES)

/** @param setCommands hears what the page in front can do now */
export function openBridge(lab: LabSupervisor, setCommands: (state: CommandState) => void = () => {}) {
  const pages = new Map<WebContents, { readonly session: Session; readonly answerApp: (message: unknown) => Promise<void> }>()
  const answers = { app: appAnswers(lab, setCommands) }

  function leave(contents: WebContents): void {
    pages.get(contents)?.session.close()
    pages.delete(contents)
  }
  function listen(contents: WebContents): void {
    const hear = (message: HostMessage): void => {
      if (!contents.isDestroyed()) contents.send(CHANNEL, message)
    }
    if (!pages.has(contents)) contents.once('destroyed', () => leave(contents))
    // A page that was loaded again starts over.
    leave(contents)
    pages.set(contents, { session: lab.open(hear), answerApp: answering(answers, hear) })
  }

  ipcMain.on(CHANNEL, ({ sender, senderFrame }, message: unknown) => {
    if (!isOwnPage(senderFrame)) return
    if (message === 'listening') return listen(sender)
    const page = pages.get(sender)
    const call = callMessage.safeParse(message)
    if (page === undefined || !call.success) return
    if ('method' in call.data && call.data.method.startsWith('app.')) void page.answerApp(call.data)
    else page.session.send(call.data)
  })

  return {
    /** A choice in the menu, for the page of the window in front. */
    choose(command: CommandId): void {
      const contents = (BrowserWindow.getFocusedWindow() ?? BrowserWindow.getAllWindows()[0])?.webContents
      contents?.send(CHANNEL, { command } satisfies HostMessage)
    },
    /** Files that the system asks us to open, for the page to import. */
    openFiles(paths: readonly string[]): void {
      front()?.webContents.send(CHANNEL, { files: paths } satisfies HostMessage)
    },
  }
}

const front = (): BrowserWindow | undefined => BrowserWindow.getFocusedWindow() ?? BrowserWindow.getAllWindows()[0]

export function appAnswers(lab: LabSupervisor, setCommands: (state: CommandState) => void): AppAnswers {
  const choose = async (
    title: string,
    properties: ('openDirectory' | 'createDirectory' | 'openFile' | 'multiSelections')[],
    extensions: readonly string[] = [],
  ): Promise<string[]> => {
    const filters = extensions.length === 0 ? [] : [{ name: title, extensions: [...extensions] }]
    const { canceled, filePaths } = await dialog.showOpenDialog(front()!, { title, properties, filters })
    return canceled ? [] : filePaths
  }
  return {
    info: () => ({
      face: 'electron',
      version: app.getVersion(),
      platform: process.platform,
      can: { chooseFolder: true, reveal: true, openExternal: true, notify: Notification.isSupported(), dropPaths: true },
    }),
    status: () => lab.status(),
    restartLab: () => lab.launch(),
    chooseFolder: async ({ title }) => (await choose(title, ['openDirectory', 'createDirectory']))[0] ?? null,
    chooseFiles: ({ title, extensions }) => choose(title, ['openFile', 'multiSelections'], extensions),
    reveal({ path }) {
      const { folder } = lab.status()
      const inside = folder === null ? '..' : relative(folder, path)
      if (inside.startsWith('..') || isAbsolute(inside))
        throw new LabError('app.outside', {
          expected: 'a file of the open workspace',
          found: path,
          next: 'Open the workspace that holds it first.',
        })
      shell.showItemInFolder(path)
      return null
    },
    async openExternal({ url }) {
      const { protocol, hostname } = new URL(url)
      if (protocol !== 'https:' || !SITES.has(hostname))
        throw new LabError('app.link', {
          expected: `a page of ${[...SITES].join(', ')}`,
          found: url,
          next: 'Copy the address into a browser yourself.',
        })
      await shell.openExternal(url)
      return null
    },
    setProgress({ fraction, paused }) {
      front()?.setProgressBar(fraction ?? -1, { mode: paused ? 'paused' : 'normal' })
      return null
    },
    setCommands(state) {
      setCommands(state)
      return null
    },
    notify({ title, body, runId }) {
      const window = front()
      // Out of sight the program tells itself, because a hidden page may be asleep.
      if (window?.isFocused() === true || window?.isVisible() === false || !Notification.isSupported()) return null
      const notification = new Notification({ title, body })
      notification.on('click', () => {
        window?.show()
        // Only what follows the # changes: the page stays as it is and goes there.
        if (runId !== null) void window?.loadURL(`${PAGES}#/run/${runId}`)
      })
      notification.show()
      return null
    },
  }
}
