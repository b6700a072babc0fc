// Opens the workbench: in its desktop window where Electron and a display are there, else in a browser, printing the address.
//   npm start [-- --workspace FOLDER] [-- --serve] [-- --port N]
import { spawn } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { build } from './build.mjs'

const root = resolve(import.meta.dirname, '..')
const { values } = parseArgs({
  options: { workspace: { type: 'string' }, serve: { type: 'boolean', default: false }, port: { type: 'string', default: '0' } },
})

/** The installed Electron, or null. Asking the package itself would start a download. */
function electron() {
  const folder = join(root, 'node_modules', 'electron')
  const name = join(folder, 'path.txt')
  if (!existsSync(name)) return null
  const binary = join(folder, 'dist', readFileSync(name, 'utf8').trim())
  return existsSync(binary) ? binary : null
}

/** Why there can be no window here, or null. */
function noWindow() {
  if (values.serve) return 'as asked'
  if (electron() === null) return 'Electron is not installed; `node node_modules/electron/install.js` fetches it'
  if (process.platform !== 'linux') return null
  if (!process.env.DISPLAY && !process.env.WAYLAND_DISPLAY) return 'there is no display'
  return process.getuid() === 0 ? 'Electron does not run its sandbox as root' : null
}

// A checkout's own workspace, where the quickstart left one; else the one of last time, or the sample.
const own = join(root, 'workspace')
const workspace = values.workspace ? resolve(values.workspace) : existsSync(join(own, 'workspace.db')) ? own : null

const reason = noWindow()
if (reason === null) {
  build('desktop')
  const child = spawn(electron(), [root, ...(workspace ? ['--workspace', workspace] : [])], { stdio: 'inherit' })
  child.on('exit', (code) => process.exit(code ?? 1))
} else {
  build('renderer')
  process.stderr.write(`· serving to a browser (${reason})\n`)
  const { serve } = await import('../src-main/serve.ts')
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
  await serve({ workspace, port: Number(values.port), version })
}
