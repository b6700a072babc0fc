// Puts the menu up, and up again whenever the recent workspaces change.
import { app, clipboard, Menu, shell, type MenuItemConstructorOptions } from 'electron'
import type { Client, CommandId, CommandState } from '../src-preload/contract.ts'
import { menuTemplate } from './menuTemplate.ts'

export interface MenuOptions {
  readonly client: Client
  readonly choose: (command: CommandId) => void
}

export interface OpenedMenu {
  /** Brings the list of recent workspaces up to date. */
  renewRecents(): void
  setCommands(state: CommandState): void
}

export function openMenu({ client, choose }: MenuOptions): OpenedMenu {
  let recents: readonly string[] = []
  let commands: CommandState = { available: null, checked: [] }
  const diagnostics = async (): Promise<void> => {
    const [system, lab] = await Promise.all([client.system.info().catch(String), client.app.status().catch(String)])
    clipboard.writeText(JSON.stringify({ versions: process.versions, system, lab }, null, 2))
  }
  const put = (): void =>
    Menu.setApplicationMenu(
      Menu.buildFromTemplate(
        menuTemplate({
          platform: process.platform,
          productName: app.getName(),
          recents,
          choose,
          commands,
          openRecent: (folder) => void client.workspace.open({ folder }).catch(() => choose('workspace.open')),
          openDataFolder: () =>
            void client.workspace.info().then((workspace) => (workspace === null ? '' : shell.openPath(workspace.folder))),
          copyDiagnostics: () => void diagnostics(),
        }) as MenuItemConstructorOptions[],
      ),
    )
  put()
  return {
    renewRecents: () =>
      void client.workspace.recents().then(
        (found) => {
          recents = found.filter(({ exists }) => exists).map(({ folder }) => folder)
          put()
          if (recents[0] !== undefined) app.addRecentDocument(recents[0])
        },
        () => {},
      ),
    setCommands(state) {
      if (JSON.stringify(state) === JSON.stringify(commands)) return
      commands = state
      put()
    },
  }
}
