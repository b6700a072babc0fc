// The laboratory of a command, and where the program finds what belongs to it: its own folder, its version, what ships with it, and what it runs on.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { arch, cpus, homedir, platform, tmpdir, totalmem } from 'node:os'
import { join, relative, resolve } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { environment } from '../../src-main/lab/process/environment.ts'
import { homeFolder, sampleFolder } from '../../src-main/lab/process/home.ts'
import { openOwnLab } from '../../src-main/lab/process/ownLab.ts'
import { programFolder, programVersion, resourcesFolder } from '../../src-main/lab/process/resources.ts'
import { openStore } from '../../src-main/store/openStore.ts'
import type { LabEvent } from '../../src-preload/contract.ts'
import { fakeEngine } from './fakeExperiments.ts'

const root = resolve(import.meta.dirname, '../..')
const { MRT_HOME } = process.env
let home: string
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'mrt-own-'))
  process.env.MRT_HOME = home
})
afterEach(() => {
  if (MRT_HOME === undefined) delete process.env.MRT_HOME
  else process.env.MRT_HOME = MRT_HOME
  rmSync(home, { recursive: true, force: true })
})

it('answers a command in the workspace that it names, tells it of changes, and leaves no trace in the list of windows', async () => {
  const events: LabEvent[] = []
  const folder = join(home, 'made')
  const ended = new AbortController()
  const lab = await openOwnLab({
    folder: relative(process.cwd(), folder),
    create: true,
    threads: 1,
    tell: (event) => events.push(event),
    ended: ended.signal,
  })
  try {
    expect(lab.folder).toBe(folder)
    expect(await lab.client.runs.list()).toEqual([])
    await lab.client.settings.set({ key: 'page', value: 1 })
    expect(events).toContainEqual({ kind: 'changed', noun: 'settings', ids: [] })
    // Own methods are there, and whoever else wants to write is told who does.
    expect(await lab.client.studies.status({ name: null })).toEqual([])
    const other = openStore(folder, { program: 'test' })
    expect(other.access).toMatchObject({ mode: 'read', owner: { program: 'mrt' } })
    other.close()
    await lab.client.system.selfTest({ device: 'cpu' })
    expect((await lab.client.system.info()).engine).toMatchObject({ loaded: true, threads: 1 })
    ended.abort()
    await expect(lab.client.runs.list()).rejects.toMatchObject({ code: 'call.cancelled' })
  } finally {
    await lab.close()
  }
  expect(existsSync(join(home, 'recents.json'))).toBe(false)
  const after = openStore(folder, { program: 'test' })
  expect(after.access.mode).toBe('write')
  after.close()
})

it('refuses a workspace that is not there', async () => {
  const asked = { folder: join(home, 'none'), create: false, tell: () => {}, ended: new AbortController().signal }
  await expect(openOwnLab(asked)).rejects.toMatchObject({ code: 'workspace.missing' })
})

it('has a folder of its own that people can see, unless another is named', () => {
  expect(homeFolder()).toBe(home)
  delete process.env.MRT_HOME
  expect(homeFolder()).toBe(join(homedir(), 'MRT Workbench'))
})

it('knows the sample that came with it, beside the archive of a packed application, and none where none came', () => {
  expect(sampleFolder(root)).toBe(join(root, 'resources/sample'))
  expect(sampleFolder(join(home, 'nowhere'))).toBeNull()
  const packed = join(home, 'app.asar.unpacked/resources/sample')
  mkdirSync(packed, { recursive: true })
  expect(sampleFolder(join(home, 'app.asar'))).toBeNull()
  writeFileSync(join(packed, 'workspace.db'), '')
  expect(sampleFolder(join(home, 'app.asar'))).toBe(packed)
})

it('finds what ships with it, and its version', () => {
  expect([resourcesFolder(), programFolder()]).toEqual([join(root, 'resources'), root])
  expect(programVersion()).toBe((JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string }).version)
})

it('keeps with a run what it is made on, the commit where its history is there', () => {
  const history = spawnSync('git', ['-C', root, 'log', '-1', '--format=%h'], { encoding: 'utf8' })
  expect(environment({ ...fakeEngine, version: '9.9', threads: 3 } as never)).toEqual({
    program: programVersion(),
    revision: history.status === 0 ? history.stdout.trim() : null,
    platform: platform(),
    arch: arch(),
    cpu: cpus()[0]!.model.trim(),
    cores: cpus().length,
    threads: 3,
    memoryBytes: totalmem(),
    node: process.version,
    onnxruntime: '9.9',
  })
})
