// Builds what is out of date: `renderer` (the pages, enough for the served mode), `report` (the page that
// comparisons are written into), or `desktop` (pages, preload, main and lab process).
// What a build was made from is kept as a hash beside it, so that starting twice builds once. --force builds in any case.
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'

const root = resolve(import.meta.dirname, '..')
const configs = [
  'package.json',
  'package-lock.json',
  'vite.renderer.config.ts',
  'vite.report.config.ts',
  'electron.vite.config.ts',
  'tsconfig.json',
]

const builds = {
  renderer: {
    inputs: ['src-renderer', 'src-preload', 'docs'],
    products: ['out/renderer/index.html', 'out/report/report.html'],
    program: ['node_modules/vite/bin/vite.js', 'build', '-c', 'vite.renderer.config.ts', '--logLevel', 'warn'],
  },
  report: {
    inputs: ['src-renderer', 'src-preload'],
    products: ['out/report/report.html'],
    program: ['node_modules/vite/bin/vite.js', 'build', '-c', 'vite.report.config.ts', '--logLevel', 'warn'],
  },
  desktop: {
    inputs: ['src-renderer', 'src-preload', 'src-main', 'docs'],
    products: ['out/renderer/index.html', 'out/report/report.html', 'out/preload/index.cjs', 'out/main/index.js', 'out/main/lab.js'],
    program: ['node_modules/electron-vite/bin/electron-vite.js', 'build', '--logLevel', 'warn'],
  },
}

const titles = { renderer: 'pages', report: 'page of reports', desktop: 'application' }

function hashOf(folders) {
  const hash = createHash('sha256')
  const files = folders.flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true }).map((entry) => join(folder, String(entry))),
  )
  for (const path of [...configs, ...files.sort()]) {
    const full = join(root, path)
    if (existsSync(full) && statSync(full).isFile()) hash.update(path).update(readFileSync(full))
  }
  return hash.digest('hex')
}

/** Builds `name` unless it is current; returns whether it did. Ends the program when the build fails. */
export function build(name, { force = false } = {}) {
  const { inputs, products, program } = builds[name]
  const stamp = join(root, 'out', `.built-${name}`)
  const wanted = hashOf(inputs)
  const current =
    !force && products.every((product) => existsSync(join(root, product))) && existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted
  if (current) return false
  process.stderr.write(`· building the ${titles[name]}\n`)
  rmSync(stamp, { force: true })
  const [script, ...args] = program
  const { status } = spawnSync(process.execPath, [join(root, script), ...args], { cwd: root, stdio: ['ignore', 'inherit', 'inherit'] })
  if (status !== 0) process.exit(status ?? 1)
  mkdirSync(join(root, 'out'), { recursive: true })
  // What is made along with it is current too: made anew, it would be taken from under those who are being served it.
  for (const [part, { inputs: of, products: made }] of Object.entries(builds))
    if (made.every((product) => products.includes(product)))
      writeFileSync(join(root, 'out', `.built-${part}`), part === name ? wanted : hashOf(of))
  return true
}

if (process.argv[1] === import.meta.filename) {
  const [name = 'desktop', ...flags] = process.argv.slice(2).sort((a, b) => Number(a.startsWith('-')) - Number(b.startsWith('-')))
  const chosen = name.startsWith('-') ? 'desktop' : name
  if (!(chosen in builds)) {
    process.stderr.write(`error: nothing called "${chosen}" to build\nnext:  use one of: ${Object.keys(builds).join(', ')}\n`)
    process.exit(1)
  }
  if (!build(chosen, { force: [name, ...flags].includes('--force') })) process.stderr.write('· everything is built\n')
}
