// Which workspace is open and which were: one at a time, a list of the newest twenty, and the sample as a copy that may be thrown away.
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { openWorkspaces, type WorkspacesOptions } from '../../src-main/lab/process/workspaces.ts'
import { openStore } from '../../src-main/store/openStore.ts'

let home: string
let nowMs: number
let opened: ReturnType<typeof openWorkspaces>[]
beforeEach(() => {
  home = join(mkdtempSync(join(tmpdir(), 'mrt-workspaces-')), 'home')
  nowMs = 100
  opened = []
})
afterEach(() => {
  for (const each of opened) each.close()
  rmSync(join(home, '..'), { recursive: true, force: true })
})
function workspaces(more: Partial<WorkspacesOptions> = {}) {
  const made = openWorkspaces({ home, sample: null, now: () => nowMs++, remembers: true, onUnreadable: () => {}, ...more })
  opened.push(made)
  return made
}
const at = (name: string): string => join(home, '..', name)
const fresh = (name: string) => ({ folder: at(name), create: true, readOnly: false })

describe('the open workspace', () => {
  it('is one: another takes its place, the same stays as it is, and none is there after it was closed', () => {
    const all = workspaces()
    expect(all.current()).toBeNull()
    const none = { code: 'workspace.none', expected: 'an open workspace', found: 'none', next: 'Open one, or make a new one.' }
    expect(() => all.store()).toThrow(expect.objectContaining(none))
    expect(all.open(fresh('a'))).toMatchObject({ folder: at('a'), access: { mode: 'write' } })
    const first = all.store()
    all.open({ ...fresh('a'), create: false })
    expect(all.store()).toBe(first)
    all.open(fresh('b'))
    expect(all.store().folder).toBe(at('b'))
    // The first one was let go, so that another may write to it.
    const other = openStore(at('a'), { program: 'test' })
    expect(other.access.mode).toBe('write')
    other.close()
    all.close()
    expect(all.current()).toBeNull()
    expect(() => all.shown()).toThrow(expect.objectContaining({ code: 'workspace.none' }))
  })

  it('is held under the name of the program that opened it, and opened for reading where that is asked for', () => {
    for (const [program, held] of [
      [undefined, 'MRT Workbench'],
      ['mine', 'mine'],
    ] as const) {
      const all = workspaces({ program })
      all.open(fresh(held))
      const other = openStore(at(held), { program: 'test' })
      expect(other.access).toMatchObject({ mode: 'read', owner: { program: held } })
      other.close()
      all.close()
      expect(all.open({ ...fresh(held), create: false, readOnly: true }).access).toMatchObject({ mode: 'read', reason: 'asked' })
    }
  })

  it('stays the one it was when another cannot be opened', () => {
    const all = workspaces()
    all.open(fresh('a'))
    expect(() => all.open({ ...fresh('none'), create: false })).toThrow(expect.objectContaining({ code: 'workspace.missing' }))
    expect(all.store().folder).toBe(at('a'))
    expect(all.recents()).toHaveLength(1)
  })
})

describe('the list of recent workspaces', () => {
  it('has the newest first, each once, twenty of them, and says which are still there', () => {
    const all = workspaces()
    for (let n = 0; n < 21; n++) all.open(fresh(`w${n}`))
    all.open({ ...fresh('w5'), create: false })
    const names = [5, ...Array.from({ length: 21 }, (_, n) => 20 - n).filter((n) => n !== 5)].map((n) => at(`w${n}`))
    expect(all.recents().map(({ folder }) => folder)).toEqual(names.slice(0, 20))
    expect(all.recents()[0]).toMatchObject({ exists: true, openedAtMs: expect.any(Number) as unknown })
    rmSync(at('w20'), { recursive: true })
    expect(
      all
        .recents()
        .filter(({ exists }) => !exists)
        .map(({ folder }) => folder),
    ).toEqual([at('w20')])
    expect(all.forget(at('w20')).map(({ folder }) => folder)).toEqual(names.slice(0, 20).filter((name) => name !== at('w20')))
  })

  it('is empty where its file cannot be read, and leaves out what is none', () => {
    mkdirSync(home, { recursive: true })
    const all = workspaces()
    const recent = { folder: at('a'), openedAtMs: 5 }
    for (const text of ['{', '{"folder": "x"}', '7']) {
      writeFileSync(join(home, 'recents.json'), text)
      expect(all.recents()).toEqual([])
    }
    writeFileSync(join(home, 'recents.json'), JSON.stringify([null, { folder: 5, openedAtMs: 5 }, { folder: 'x' }, recent]))
    expect(all.recents()).toEqual([{ ...recent, exists: false }])
  })

  it('does not change where nothing is to be remembered', () => {
    workspaces({ remembers: false }).open(fresh('a'))
    expect(existsSync(join(home, 'recents.json'))).toBe(false)
  })
})

describe('a person without a wish', () => {
  it('gets a new workspace the first time, that of last time then, and not one that is gone', () => {
    const all = workspaces()
    expect(all.openUsual().folder).toBe(join(home, 'workspace'))
    all.open(fresh('a'))
    all.close()
    expect(workspaces().openUsual().folder).toBe(at('a'))
    opened.at(-1)!.close()
    rmSync(at('a'), { recursive: true })
    expect(workspaces().openUsual().folder).toBe(join(home, 'workspace'))
  })

  it('gets the sample where there is one, as a copy that is made once', () => {
    openStore(at('sample'), { create: true, program: 'test' }).close()
    writeFileSync(at('sample/notes'), 'of the sample')
    const all = workspaces({ sample: at('sample') })
    const { folder } = all.openUsual()
    expect([folder, readFileSync(join(folder, 'notes'), 'utf8')]).toEqual([join(home, 'sample'), 'of the sample'])
    writeFileSync(join(folder, 'notes'), 'mine')
    all.openSample()
    expect(readFileSync(join(folder, 'notes'), 'utf8')).toBe('mine')
  })

  it('gets the sample to write to, and no new workspace in the place of a copy that was emptied', () => {
    openStore(at('sample'), { create: true, program: 'test' }).close()
    const all = workspaces({ sample: at('sample') })
    const { folder, access } = all.openSample()
    expect(access).toMatchObject({ mode: 'write' })
    all.close()
    writeFileSync(join(folder, 'workspace.db'), '')
    expect(() => all.openSample()).toThrow(expect.objectContaining({ code: 'workspace.corrupt', found: 'an empty one' }))
  })

  it('is told that there is no sample where none came, or none is in its folder', () => {
    for (const sample of [null, at('nowhere')]) {
      expect(() => workspaces({ sample }).openSample()).toThrow(
        expect.objectContaining({
          code: 'workspace.noSample',
          expected: 'the sample workspace that comes with the program',
          found: 'none',
          next: expect.stringContaining('start the quickstart') as unknown,
        }),
      )
      expect(workspaces({ sample }).openUsual().folder).toBe(join(home, 'workspace'))
      opened.at(-1)!.close()
    }
  })
})
