// The application packed with a folder in Electron's place: what is in it, what is not, how large it is, and that its lab runs, native
// module, library, migrations, starter model and all, from the packed files alone. Needs no network.
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { forkLab } from '../../src-main/lab/process/forkLab.ts'
import { superviseLab } from '../../src-main/lab/process/supervise.ts'
import { createClient } from '../../src-preload/contract.ts'

interface Asar {
  listPackage(archive: string, options: object): string[]
  extractAll(archive: string, folder: string): void
  extractFile(archive: string, file: string): Buffer
}

const root = resolve(import.meta.dirname, '../..')
const asar = createRequire(import.meta.url)('@electron/asar') as Asar
const LARGEST_BYTES = 120e6

let work: string
let resources: string
let packed: string[]
const run = (script: string, ...args: string[]): void =>
  void execFileSync(process.execPath, [join(root, script), ...args], { cwd: root, stdio: ['ignore', 'ignore', 'inherit'] })

beforeAll(() => {
  work = mkdtempSync(join(tmpdir(), 'mrt-packed-'))
  run('scripts/build.mjs', 'desktop')
  const electron = join(work, 'electron')
  mkdirSync(join(electron, 'resources'), { recursive: true })
  writeFileSync(join(electron, 'electron'), '')
  writeFileSync(join(electron, 'version'), '45.4.1')
  mkdirSync(join(electron, 'locales'))
  for (const language of ['de', 'en-US', 'ja']) writeFileSync(join(electron, 'locales', `${language}.pak`), '')
  const config = join(work, 'config.json')
  // Fuses are bits inside the real binary; they cannot be flipped in a stand-in.
  writeFileSync(
    config,
    JSON.stringify({
      extends: join(root, 'electron-builder.yml'),
      electronDist: electron,
      electronFuses: null,
      directories: { output: join(work, 'dist') },
    }),
  )
  run('node_modules/electron-builder/cli.js', '--linux', 'dir', '--config', config)
  resources = join(work, 'dist', 'linux-unpacked', 'resources')
  packed = asar.listPackage(join(resources, 'app.asar'), {}).map((path) => path.replaceAll('\\', '/'))
}, 600_000)
afterAll(() => rmSync(work, { recursive: true, force: true }))

const files = (folder: string): string[] =>
  readdirSync(folder, { recursive: true })
    .map((entry) => join(folder, String(entry)))
    .filter((path) => statSync(path).isFile())

describe('the packed application', () => {
  it('holds what it runs on', () => {
    for (const path of [
      '/package.json',
      '/LICENSE',
      '/out/main/index.js',
      '/out/main/lab.js',
      '/out/main/algebraWorker.js',
      '/out/main/cutWorker.js',
      '/out/main/migrations/0001-laboratory.sql',
      '/out/preload/index.cjs',
      '/out/renderer/index.html',
      '/out/report/report.html',
      '/native/build/Release/mrt_native.node',
      '/resources/starter/weights.safetensors',
      '/resources/icon.png',
      '/resources/licences/onnxruntime.txt',
      '/resources/licences/onnxruntime-libraries.txt',
      '/resources/licences/inter.txt',
      '/resources/licences/jetbrains-mono.txt',
      '/resources/sample/workspace.db',
      `/node_modules/better-sqlite3/prebuilds/linux-${process.arch}.node`,
      `/node_modules/onnxruntime-node/bin/napi-v6/linux/${process.arch}/libonnxruntime.so.1`,
      '/node_modules/onnxruntime-node/package.json',
    ])
      expect(packed, path).toContain(path)
  })

  it('holds the pictures of its help', () => {
    for (const name of readdirSync(join(root, 'docs/images')).map((file) => file.replace(/\.png$/, '')))
      expect(
        packed.filter((path) => path.startsWith(`/out/renderer/assets/${name}-`) && path.endsWith('.png')),
        name,
      ).toHaveLength(1)
  })

  it('carries the licences of what is bundled into it', () => {
    const of = (folder: string): string => asar.extractFile(join(resources, 'app.asar'), `out/${folder}/licences.txt`).toString('utf8')
    for (const [name, said] of [
      ['svelte', of('renderer')],
      ['d3-scale', of('renderer')],
      ['zod', of('main')],
      ['@huggingface/jinja', of('main')],
      ['hyparquet', of('main')],
    ] as const)
      expect(said, name).toMatch(new RegExp(`^${name} \\d`, 'm'))
    // Of one library the package names the licence alone; its text stands with another.
    const without = (of('main') + of('renderer')).match(/^.*\n\nIts package holds no text of its licence/gm) ?? []
    expect(without.every((said) => said.includes('Apache-2.0')) && of('main').includes('Apache License')).toBe(true)
  })

  it('leaves out sources, tests, tools, other platforms and anything that could fetch', () => {
    const wrong = packed.filter((path) =>
      /\.(ts|map|md|svelte|cc|h)$|^\/(test|bench|tools|scripts|docs|src-)|(win32|darwin|linuxmusl)[^/]*\.node$|gallery|global-agent|adm-zip|node-gyp|onnxruntime_binding/.test(
        path,
      ),
    )
    expect(wrong).toEqual([])
  })

  it('keeps beside the archive what the system loads or SQLite opens', () => {
    const outside = files(join(resources, 'app.asar.unpacked')).map((path) => path.slice(join(resources, 'app.asar.unpacked').length))
    for (const ending of [
      'mrt_native.node',
      'libonnxruntime.so.1',
      `linux-${process.arch}.node`,
      'sample/workspace.db',
      'starter/weights.safetensors',
    ])
      expect(
        outside.some((path) => path.endsWith(ending)),
        ending,
      ).toBe(true)
  })

  it('keeps one language pack of Chromium, and is described for the packages of a system', () => {
    expect(readdirSync(join(resources, '..', 'locales'))).toEqual(['en-US.pak'])
    const app = JSON.parse(asar.extractFile(join(resources, 'app.asar'), 'package.json').toString('utf8')) as {
      homepage?: string
      author?: { name?: string; email?: string }
    }
    expect(app).toMatchObject({
      homepage: expect.stringMatching(/^https:/),
      author: { name: expect.any(String), email: expect.stringContaining('@') },
    })
  })

  it('stays small beside Electron itself', () => {
    expect(files(resources).reduce((sum, path) => sum + statSync(path).size, 0)).toBeLessThan(LARGEST_BYTES)
  })

  it('has a lab that opens a workspace, migrates it and computes as the sources do', async () => {
    const app = join(work, 'app')
    asar.extractAll(join(resources, 'app.asar'), app)
    const home = join(work, 'home')
    const lab = superviseLab({
      folder: join(home, 'new'),
      create: true,
      start: (start) =>
        forkLab(join(app, 'out', 'main', 'lab.js'), { ...start, home, version: '0.1.0', sample: join(app, 'resources', 'sample') }),
    })
    let session: ReturnType<typeof lab.open>
    const { client } = createClient({ send: (message) => session.send(message), listen: (hear) => (session = lab.open(hear)) })
    lab.launch()
    try {
      expect((await client.workspace.info())!.counts.runs).toBe(0)
      const test = await client.system.selfTest()
      expect(test.checks.filter(({ ok }) => !ok)).toEqual([])
      expect(test.checks.length).toBeGreaterThan(0)
      expect((await client.workspace.openSample()).counts.runs).toBe(3)
      expect((await client.exports.write({ kind: 'report', runIds: [1, 2, 3] })).bytes).toBeGreaterThan(500_000)
    } finally {
      await lab.stop()
    }
  }, 120_000)
})
