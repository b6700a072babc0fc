// The menu of the desktop window as plain data, one template for Linux, Windows and macOS. Commands and their shortcuts come from the
// contract's table, which the pages read too; what the system itself knows (copy, zoom of the whole screen, quit) is a role.

import { commandTable, commandText, type CommandId, type CommandSection, type CommandState } from '../src-preload/contract.ts'

export interface MenuItem {
  readonly label?: string
  readonly role?:
    | 'about'
    | 'services'
    | 'hide'
    | 'hideOthers'
    | 'unhide'
    | 'quit'
    | 'close'
    | 'undo'
    | 'redo'
    | 'cut'
    | 'copy'
    | 'paste'
    | 'selectAll'
    | 'togglefullscreen'
    | 'minimize'
    | 'zoom'
    | 'windowMenu'
  readonly type?: 'separator' | 'checkbox'
  readonly checked?: boolean
  readonly accelerator?: string
  readonly enabled?: boolean
  readonly click?: () => void
  readonly submenu?: readonly MenuItem[]
}

export interface MenuParts {
  readonly platform: NodeJS.Platform
  readonly productName: string
  /** Workspaces opened before, newest first. */
  readonly recents: readonly string[]
  readonly choose: (command: CommandId) => void
  readonly openRecent: (folder: string) => void
  /** What the page in front can do now, and what is switched on there. */
  readonly commands: CommandState
  readonly openDataFolder: () => void
  readonly copyDiagnostics: () => void
}

const SEPARATOR: MenuItem = { type: 'separator' }

/** Electron's spelling of a shortcut; a bare key is the page's alone, because a menu would take it from whoever types. */
export function acceleratorOf(keys: string | undefined): string | undefined {
  return keys?.startsWith('Mod+') === true ? keys.replace('Mod', 'CmdOrCtrl').replace('Enter', 'Return') : undefined
}

export function menuTemplate({
  platform,
  productName,
  recents,
  choose,
  openRecent,
  commands,
  openDataFolder,
  copyDiagnostics,
}: MenuParts): readonly MenuItem[] {
  const mac = platform === 'darwin'
  const command = (id: CommandId): MenuItem => {
    const { title, keys } = commandText(id)
    const accelerator = acceleratorOf(keys)
    const checkable = commands.checked.includes(id) || id.startsWith('theme.')
    return {
      label: title.charAt(0).toUpperCase() + title.slice(1),
      click: () => choose(id),
      ...(accelerator !== undefined && { accelerator }),
      ...(checkable && { type: 'checkbox' as const, checked: commands.checked.includes(id) }),
      ...(commands.available !== null && { enabled: commands.available.includes(id) }),
    }
  }
  const section = (name: CommandSection): MenuItem[] =>
    (Object.keys(commandTable) as CommandId[]).filter((id) => commandText(id).section === name).map(command)
  const recent: MenuItem = {
    label: 'Open recent',
    submenu:
      recents.length === 0
        ? [{ label: 'None yet', enabled: false }]
        : recents.map((folder) => ({ label: folder, click: () => openRecent(folder) })),
  }
  const [newRun, open, sample, ...files] = section('File') as [MenuItem, MenuItem, MenuItem, ...MenuItem[]]

  return [
    ...(mac
      ? [
          {
            label: productName,
            submenu: [
              { role: 'about' as const },
              SEPARATOR,
              { role: 'services' as const },
              SEPARATOR,
              { role: 'hide' as const },
              { role: 'hideOthers' as const },
              { role: 'unhide' as const },
              SEPARATOR,
              { role: 'quit' as const },
            ],
          },
        ]
      : []),
    {
      label: 'File',
      submenu: [
        newRun,
        SEPARATOR,
        open,
        recent,
        sample,
        SEPARATOR,
        ...files,
        SEPARATOR,
        { role: 'close' },
        ...(mac ? [] : [{ role: 'quit' as const }]),
      ],
    },
    {
      label: 'Edit',
      submenu: [
        { role: 'undo' },
        { role: 'redo' },
        SEPARATOR,
        { role: 'cut' },
        { role: 'copy' },
        { role: 'paste' },
        { role: 'selectAll' },
        SEPARATOR,
        command('reading.copy'),
        SEPARATOR,
        command('find'),
        command('find.all'),
      ],
    },
    { label: 'View', submenu: [...section('View'), SEPARATOR, command('palette'), { role: 'togglefullscreen' }] },
    { label: 'Run', submenu: section('Run') },
    { label: 'Compare', submenu: section('Compare') },
    ...(mac ? [{ role: 'windowMenu' as const }] : []),
    {
      label: 'Help',
      submenu: [
        command('shortcuts'),
        command('glossary'),
        SEPARATOR,
        { label: 'Open data folder', click: openDataFolder },
        { label: 'Copy diagnostics', click: copyDiagnostics },
        ...(mac ? [] : [SEPARATOR, { role: 'about' as const }]),
      ],
    },
  ]
}
