// The one door to every npm script. It runs on any Node the machine happens to have (18 or newer), makes sure that the pinned
// Node, the packages and the native addon are there and current, and then re-enters under the pinned Node.
// Nothing here asks a question; each step prints one line and is skipped when its inputs have not changed.
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs'
import { delimiter, dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = resolve(dirname(fileURLToPath(import.meta.url)), '..')
const stamps = join(root, '.setup')
const toolFolder = join(root, 'tools', 'node')
const windows = process.platform === 'win32'
const minimumNode = [24, 0]

// What each command runs, once everything is in place. `{node}` is the pinned Node.
const commands = {
  setup: [],
  mrt: ['src-main/cli.ts'],
  quickstart: ['src-main/cli.ts', 'quickstart'],
  starter: ['src-main/cli.ts', 'starter'],
  start: ['scripts/start.mjs'],
  build: ['scripts/build.mjs'],
  test: ['scripts/test.mjs'],
  bench: ['bench/run.ts'],
  'build:native': [],
  lint: ['node_modules/eslint/bin/eslint.js', '.'],
  format: ['scripts/format.mjs'],
  typecheck: ['scripts/typecheck.mjs'],
  e2e: ['node_modules/@playwright/test/cli.js', 'test'],
  'smoke:electron': ['scripts/smokeElectron.mjs'],
}

const [command = 'setup', ...rest] = process.argv.slice(2)
if (!(command in commands)) fail(`unknown command "${command}"`, `use one of: ${Object.keys(commands).join(', ')}`)

const environment = {
  ...process.env,
  ORT_DISABLE_TELEMETRY: '1',
  ONNXRUNTIME_NODE_INSTALL: 'skip',
  ELECTRON_SKIP_BINARY_DOWNLOAD: '1',
  // Types are taken off and modules compiled once, not at every command: half the time that one takes to begin.
  NODE_COMPILE_CACHE: process.env.NODE_COMPILE_CACHE ?? join(stamps, 'compiled'),
}
const node = pinnedNode()
environment.PATH = [dirname(node), join(root, 'node_modules', '.bin'), process.env.PATH].join(delimiter)
step('packages', [hashOf(['package.json', 'package-lock.json']), node], join(root, 'node_modules'), 'installing packages', () =>
  run(windows ? 'npm.cmd' : 'npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'], 'npm ci'),
)
step(
  'native',
  [hashOf(listFiles('native', (path) => !path.includes('build'))), nodeVersion(node)],
  join(root, 'native', 'build', 'Release', 'mrt_native.node'),
  'building the native module',
  buildNative,
  command === 'build:native',
)

if (commands[command].length > 0) {
  const result = spawnSync(node, [...commands[command], ...rest], { cwd: root, stdio: 'inherit', env: environment })
  process.exit(result.status ?? 1)
}

/** Path of the Node that everything runs on: the pinned one where npm serves it for this platform, else the current one if new enough. */
function pinnedNode() {
  const name = `node-${process.platform}-${process.arch}`
  const wanted = JSON.parse(readFileSync(join(toolFolder, 'package.json'), 'utf8')).optionalDependencies
  const binary = join(toolFolder, 'node_modules', name, 'bin', 'node')
  if (name in wanted) {
    if (nodeVersion(binary) !== `v${wanted[name]}`) {
      say('fetching the pinned Node through npm')
      run(
        windows ? 'npm.cmd' : 'npm',
        ['ci', '--prefix', toolFolder, '--no-audit', '--no-fund', '--loglevel=error'],
        'npm ci (pinned Node)',
        { mayFail: true },
      )
    }
    if (nodeVersion(binary) === `v${wanted[name]}`) return binary
  }
  const [major, minor] = process.versions.node.split('.').map(Number)
  if (major > minimumNode[0] || (major === minimumNode[0] && minor >= minimumNode[1])) return process.execPath
  fail(
    `Node ${minimumNode.join('.')} or newer is needed, found ${process.versions.node}`,
    `install Node 24, or make the npm registry reachable so that ${name} can be fetched`,
  )
}

function buildNative() {
  const headers = join(toolFolder, 'node_modules', `node-${process.platform}-${process.arch}`)
  const nodedir = existsSync(join(headers, 'include', 'node')) ? [`--nodedir=${headers}`] : []
  run(node, [join(root, 'node_modules', 'node-gyp', 'bin', 'node-gyp.js'), 'rebuild', '-C', 'native', '--silent', ...nodedir], 'node-gyp')
}

/** Runs `action` unless the stamp of `name` matches `inputs` and `product` exists. */
function step(name, inputs, product, message, action, force = false) {
  const stamp = join(stamps, name)
  const wanted = inputs.join('\n')
  if (!force && existsSync(product) && existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) return
  say(message)
  action()
  mkdirSync(stamps, { recursive: true })
  writeFileSync(stamp, wanted)
}

function run(program, args, label, { mayFail = false } = {}) {
  const result = spawnSync(program, args, { cwd: root, stdio: ['ignore', 'inherit', 'inherit'], env: environment, shell: windows })
  if (result.status !== 0 && !mayFail)
    fail(
      `${label} failed (${result.error?.message ?? `exit code ${result.status}`})`,
      'read the lines above; a C++ compiler, Python 3 and a reachable npm registry are needed',
    )
}

function nodeVersion(binary) {
  if (!existsSync(binary)) return ''
  return spawnSync(binary, ['--version'], { encoding: 'utf8' }).stdout?.trim() ?? ''
}

function listFiles(folder, keep) {
  const found = []
  for (const entry of readdirSync(join(root, folder), { recursive: true }).map(String).sort()) {
    const path = join(folder, entry)
    if (keep(path) && statSync(join(root, path)).isFile()) found.push(path)
  }
  return found
}

function hashOf(paths) {
  const hash = createHash('sha256')
  for (const path of paths) if (existsSync(join(root, path))) hash.update(path).update(readFileSync(join(root, path)))
  return hash.digest('hex')
}

function say(message) {
  process.stderr.write(`· ${message}\n`)
}

function fail(what, next) {
  process.stderr.write(`error: ${what}\nnext:  ${next}\n`)
  process.exit(1)
}
