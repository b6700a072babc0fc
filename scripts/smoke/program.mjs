// One start of the packed application in the smoke run: asking its main process and its page over the socket of patches.js, and pressing keys,
// dragging and looking at the screen as a person would.
import { execFileSync, spawn } from 'node:child_process'
import { existsSync, mkdirSync, rmSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { createInterface } from 'node:readline'

const { SMOKE_PROGRAM, SMOKE_WORK } = process.env
let starts = 0
/** On a machine that does much else at the same time. */
const STARTS_MS = 90_000

/** Waits until `holds` is true, and says whether it became so. */
export async function until(holds, withinMs = 30_000) {
  const end = Date.now() + withinMs
  for (;;) {
    if (await holds().catch(() => false)) return true
    if (Date.now() > end) return false
    await new Promise((resolve) => setTimeout(resolve, 150))
  }
}

export const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms))

export class Program {
  #socket
  #waiting = new Map()
  #last = 0

  /** @param args as after the program's name; `home` where it keeps its own files */
  static async start(args = [], { home = 'home' } = {}) {
    const program = new Program()
    const address = join(SMOKE_WORK, `smoke-${++starts}.sock`)
    rmSync(address, { force: true })
    mkdirSync(join(SMOKE_WORK, home), { recursive: true })
    program.home = join(SMOKE_WORK, home)
    program.process = spawn(SMOKE_PROGRAM, args, { env: program.environment(address), stdio: ['ignore', 'pipe', 'pipe'] })
    program.said = ''
    for (const stream of [program.process.stdout, program.process.stderr]) stream.on('data', (chunk) => (program.said += chunk))
    program.exited = new Promise((resolve) => program.process.once('exit', (code, signal) => resolve(signal ?? code)))
    if (!(await until(async () => existsSync(address), STARTS_MS)))
      throw new Error(`the program did not come up: ${program.said.slice(-2000)}`)
    program.#socket = connect(address)
    program.#socket.on('error', () => {})
    program.#socket.on('close', () => {
      for (const { reject } of program.#waiting.values()) reject(new Error('the program has ended'))
      program.#waiting.clear()
    })
    createInterface({ input: program.#socket }).on('line', (line) => {
      const { id, value, error } = JSON.parse(line)
      const { resolve, reject } = program.#waiting.get(id)
      program.#waiting.delete(id)
      if (error === undefined) resolve(value)
      else reject(new Error(error))
    })
    if (!(await until(() => program.main(({ BrowserWindow }) => BrowserWindow.getAllWindows()[0]?.isVisible() === true), STARTS_MS)))
      throw new Error(`no window came: ${program.said.slice(-2000)}`)
    return program
  }

  environment(address) {
    return { ...process.env, MRT_HOME: this.home, XDG_CONFIG_HOME: join(this.home, 'config'), SMOKE_SOCKET: address }
  }

  /** A second start beside this one, with its exit code. */
  again(args) {
    return new Promise((resolve) => spawn(SMOKE_PROGRAM, args, { env: this.environment(undefined), stdio: 'ignore' }).once('exit', resolve))
  }

  /** Evaluates `what(electron, given)` in the main process. */
  main(what, given = null) {
    return new Promise((resolve, reject) => {
      const id = ++this.#last
      this.#waiting.set(id, { resolve, reject })
      this.#socket.write(`${JSON.stringify({ id, code: String(what), given })}\n`, (error) => error && reject(error))
    })
  }

  /** Evaluates `what(given)` in the page, as if a person had just clicked. */
  page(what, given = null) {
    return this.main(
      ({ BrowserWindow }, code) => BrowserWindow.getAllWindows()[0].webContents.executeJavaScript(code, true),
      `(${what})(${JSON.stringify(given)})`,
    )
  }

  window(name, ...given) {
    return this.main(({ BrowserWindow }, [method, args]) => BrowserWindow.getAllWindows()[0][method](...args) ?? null, [name, given])
  }

  /** Asks the lab as a page does; the page's own listener knows nothing of it. */
  async ask(method, input) {
    const id = 900_000_000 + ++this.#last
    await this.page(([call]) => window.mrt.send(call), [input === undefined ? { id, method } : { id, method, input }])
    let found
    if (
      !(await until(async () => (found = await this.main((_electron, given) => globalThis.smokeReplies.take(given), id)) !== null, 60_000))
    )
      throw new Error(`no answer to ${method}`)
    return found
  }

  text = () => this.page(() => document.body.innerText)
  says = (text, withinMs) => until(async () => (await this.text()).includes(text), withinMs)
  go = (hash) => this.page((to) => void (location.hash = to), hash)

  /** Presses the button with this text, in the page. */
  async press(text) {
    const there = () =>
      this.page(
        (wanted) =>
          [...document.querySelectorAll('button, a[href], [role=button], [role=tab], [role^=menuitem]')].some(
            (each) => each.textContent.trim().startsWith(wanted) && !each.disabled && each.getAttribute('aria-disabled') !== 'true',
          ),
        text,
      )
    if (!(await until(there, 20_000))) throw new Error(`no button "${text}" that can be pressed`)
    await this.page(
      (wanted) =>
        [...document.querySelectorAll('button, a[href], [role=button], [role=tab], [role^=menuitem]')]
          .find((each) => each.textContent.trim().startsWith(wanted))
          .click(),
      text,
    )
  }

  /** Process id of the lab. */
  labPid = () =>
    this.main(
      ({ app }) => app.getAppMetrics().find(({ name, serviceName }) => `${name} ${serviceName}`.includes('laboratory'))?.pid ?? null,
    )

  /** The whole screen, where ImageMagick is there. */
  shot(name) {
    try {
      execFileSync('import', ['-window', 'root', join(SMOKE_WORK, `${name}.png`)], { stdio: 'ignore' })
    } catch {
      /* a picture less */
    }
  }

  quit = () => this.main(({ app }) => void setTimeout(() => app.quit(), 0)).catch(() => {})
  ends = (withinMs = 30_000) => Promise.race([this.exited, sleep(withinMs).then(() => 'still there')])
  async kill() {
    this.process.kill('SIGKILL')
    await this.exited
  }
}
