// Puts the menu up, and up again whenever the recent workspaces change.
import { app, clipboard, Menu, shell, type MenuItemConstructorOptions } from 'electron'
import type { Client, CommandId } from '../src-preload/contract.ts'
import { menuTemplate } from './menuTemplate.ts'

export interface MenuOptions {
  readonly client: Client
  readonly choose: (command: CommandId) => void
}

/** Returns how to bring the list of recent workspaces up to date. */
export function openMenu({ client, choose }: MenuOptions): () => void {
  const diagnostics = async (): Promise<void> => {
    const [system, lab] = await Promise.all([client.system.info().catch(String), client.app.status().catch(String)])
    clipboard.writeText(JSON.stringify({ versions: process.versions, system, lab }, null, 2))
  }
  const put = (recents: readonly string[]): void =>
    Menu.setApplicationMenu(Menu.buildFromTemplate(menuTemplate({
      platform: process.platform, productName: app.getName(), recents, choose,
      openRecent: (folder) => void client.workspace.open({ folder }).catch(() => choose('workspace.open')),
      openDataFolder: () => void client.workspace.info().then((workspace) => (workspace === null ? '' : shell.openPath(workspace.folder))),
      copyDiagnostics: () => void diagnostics(),
    }) as MenuItemConstructorOptions[]))
  put([])
  return () =>
    void client.workspace.recents().then((recents) => {
      const folders = recents.filter(({ exists }) => exists).map(({ folder }) => folder)
      put(folders)
      if (folders[0] !== undefined) app.addRecentDocument(folders[0])
    }, () => {})
}
