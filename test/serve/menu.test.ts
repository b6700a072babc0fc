// The menu as data, on the three systems, from the same table as the keyboard of the pages.
import { describe, expect, it } from 'vitest'
import { acceleratorOf, menuTemplate, type MenuItem } from '../../src-main/menuTemplate.ts'
import { commandTable, isCommand, type CommandId, type CommandState, type CommandText } from '../../src-preload/contract.ts'

function menuOn(platform: NodeJS.Platform, recents: string[] = [], commands: CommandState = { available: null, checked: [] }) {
  const chosen: string[] = []
  const template = menuTemplate({
    platform,
    productName: 'MRT Workbench',
    recents,
    choose: (command) => chosen.push(command),
    openRecent: (folder) => chosen.push(folder),
    commands,
    openDataFolder: () => chosen.push('data folder'),
    copyDiagnostics: () => chosen.push('diagnostics'),
  })
  const items = (list: readonly MenuItem[]): MenuItem[] => list.flatMap((item) => [item, ...items(item.submenu ?? [])])
  return { template, all: items(template), chosen }
}

describe.each(['linux', 'win32', 'darwin'] as const)('the menu on %s', (platform) => {
  it('has the menus that people look for, none of them empty', () => {
    const { template } = menuOn(platform)
    const titles = template.flatMap(({ label }) => label ?? [])
    expect(titles).toEqual([...(platform === 'darwin' ? ['MRT Workbench'] : []), 'File', 'Edit', 'View', 'Run', 'Compare', 'Help'])
    for (const menu of template) expect((menu.submenu ?? []).length > 0 || menu.role !== undefined, menu.label).toBe(true)
  })

  it('gives every command with a chord of its own a place, and tells its id when it is chosen', () => {
    const { all, chosen } = menuOn(platform)
    for (const item of all) item.click?.()
    const withChord = (Object.entries(commandTable) as [CommandId, CommandText][])
      .filter(([, { keys }]) => keys?.startsWith('Mod+'))
      .map(([id]) => id)
    expect(withChord.filter((id) => !chosen.includes(id))).toEqual([])
    expect(chosen.filter((id) => !isCommand(id))).toEqual(['data folder', 'diagnostics'])
  })

  it('gives no chord to two items', () => {
    const chords = menuOn(platform).all.flatMap(({ accelerator }) => accelerator ?? [])
    expect(chords.filter((chord, index) => chords.indexOf(chord) !== index)).toEqual([])
  })

  it('can be quit from, and closes its window by the usual chord', () => {
    const { all } = menuOn(platform)
    expect(['quit', 'close'].map((wanted) => all.filter(({ role }) => role === wanted).length)).toEqual([1, 1])
  })
})

describe('the menu', () => {
  it('lists recent workspaces, or says that there are none', () => {
    const { all, chosen } = menuOn('linux', ['/home/me/study'])
    all.find(({ label }) => label === '/home/me/study')!.click!()
    expect(chosen).toEqual(['/home/me/study'])
    expect(menuOn('linux').all.find(({ label }) => label === 'None yet')!.enabled).toBe(false)
  })

  it('offers only what the page can do, and marks the theme that is on', () => {
    const { all } = menuOn('linux', [], { available: ['run.pause', 'theme.dark'], checked: ['theme.dark'] })
    const item = (label: string) => all.find((each) => each.label === label)!
    expect([item('Pause').enabled, item('Resume').enabled]).toEqual([true, false])
    expect([item('Theme: dark'), item('Theme: light')]).toMatchObject([
      { type: 'checkbox', checked: true },
      { type: 'checkbox', checked: false },
    ])
    expect(menuOn('linux').all.find(({ label }) => label === 'Resume')!.enabled).toBeUndefined()
  })

  it('never takes a bare key from whoever types', () => {
    expect([acceleratorOf('n'), acceleratorOf('?'), acceleratorOf(undefined)]).toEqual([undefined, undefined, undefined])
    expect([acceleratorOf('Mod+N'), acceleratorOf('Mod+Shift+E'), acceleratorOf('Mod+Enter')]).toEqual([
      'CmdOrCtrl+N',
      'CmdOrCtrl+Shift+E',
      'CmdOrCtrl+Return',
    ])
  })
})

describe('the table of commands', () => {
  it('gives no two commands the same keys', () => {
    const keys = (Object.values(commandTable) as CommandText[]).flatMap(({ keys: own, also = [] }) => [
      ...(own === undefined ? [] : [own]),
      ...also,
    ])
    expect(keys.filter((each, index) => keys.indexOf(each) !== index)).toEqual([])
  })
})
