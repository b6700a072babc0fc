// Drives the desktop window in a real Electron and prints one line per check. Started by smokeElectron.mjs, never as root.
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { _electron } from 'playwright'

const { SMOKE_RUNTIME: runtime, SMOKE_PID: pidFile, SMOKE_SHOTS: shots } = process.env
let failed = 0
async function check(name, holds) {
  let found
  try {
    found = await holds()
  } catch (error) {
    found = error.message.split('\n')[0]
  }
  const ok = found === true
  if (!ok) failed += 1
  console.log(`${ok ? 'passed' : 'FAILED'}  ${name}${ok ? '' : `: ${JSON.stringify(found)}`}`)
}

await check('the installed application refuses to be driven by another program', () => {
  const { status, stderr } = spawnSync(join(runtime, 'Cypress'), ['--remote-debugging-port=0'], { encoding: 'utf8', timeout: 30_000 })
  return (status === 1 && stderr.includes('takes no --remote-debugging-port')) || { status, stderr: stderr.slice(0, 300) }
})

const launch = () =>
  _electron.launch({ executablePath: join(runtime, 'electron'), args: [], env: process.env, chromiumSandbox: true, timeout: 30_000 })
// The driver now and then misses the first word of so old an Electron.
const app = await launch().catch(launch)
console.log(
  `Electron ${await app.evaluate(() => process.versions.electron)}, Chromium ${await app.evaluate(() => process.versions.chrome)}`,
)
const page = await app.firstWindow()
const problems = []
page.on('pageerror', ({ message }) => problems.push(message))
// What Chromium 114 lacks and the Electron that ships has.
await page.addInitScript(() => {
  Map.groupBy ??= (items, keyOf) => {
    const groups = new Map()
    for (const item of items) groups.set(keyOf(item), [...(groups.get(keyOf(item)) ?? []), item])
    return groups
  }
})
await page.reload()
problems.length = 0

/** Asks the lab as a page does. */
const ask = (method, input) =>
  page.evaluate(
    ([name, given]) =>
      new Promise((resolve) => {
        const id = Math.floor(Math.random() * 1e9)
        window.smoke ??= new Map()
        window.smoke.set(id, resolve)
        window.mrt.send(given === null ? { id, method: name } : { id, method: name, input: given })
      }),
    [method, input ?? null],
  )

await check('the page comes from app://bundle', () => page.url().startsWith('app://bundle/') || page.url())
await page.waitForSelector('text=MRT Workbench')
await page.waitForSelector('text=three methods, one start', { timeout: 60_000 }).catch(() => {})
await page.waitForTimeout(1500)
await page.screenshot({ path: join(shots, 'home.png') })
await check('the pages drew the sample workspace through preload, bridge and lab', () =>
  page.locator('text=three methods, one start').first().isVisible(),
)
await check('the page has neither require nor process', () =>
  page.evaluate(() => typeof require === 'undefined' && typeof process === 'undefined'),
)
await check('the preload exposes three functions and no channel', () =>
  page.evaluate(() => Object.keys(window.mrt).sort().join() === 'listen,pathOf,send'),
)
await check('an unknown method never leaves the window', () =>
  page.evaluate(() => {
    try {
      window.mrt.send({ id: 1, method: 'no.such' })
      return 'sent'
    } catch {
      return true
    }
  }),
)
await check('the page is isolated', () => page.evaluate(() => window.crossOriginIsolated))
// Text for a timer is evaluated later, outside what the driver is allowed.
await check('the content policy refuses to evaluate text', async () => {
  await page.evaluate(() => {
    try {
      setTimeout('window.evaluated = true', 0)
    } catch {
      /* refused at once */
    }
  })
  await page.waitForTimeout(300)
  return page.evaluate(() => window.evaluated === undefined)
})
await check('the content policy refuses other sites', () =>
  page.evaluate(() =>
    fetch('https://example.com').then(
      () => 'fetched',
      () => true,
    ),
  ),
)
await check('a path that climbs out does not exist', () =>
  page.evaluate(() => fetch('/..%2f..%2fpackage.json').then(({ status }) => status === 404 || status)),
)
await check('the page cannot go elsewhere', async () => {
  await page.evaluate(() => {
    location.href = 'https://example.com/'
  })
  await page.waitForTimeout(500)
  return page.url().startsWith('app://bundle/') || page.url()
})
await check('the page cannot open windows', () => page.evaluate(() => window.open('https://example.com/') === null))
await check('nothing is permitted', () =>
  page.evaluate(() => navigator.permissions.query({ name: 'geolocation' }).then(({ state }) => state === 'denied' || state)),
)
await check('the window is sandboxed', () =>
  app.evaluate(({ BrowserWindow }) => {
    const { sandbox, contextIsolation, nodeIntegration } = BrowserWindow.getAllWindows()[0].webContents.getLastWebPreferences()
    return sandbox && contextIsolation && !nodeIntegration
  }),
)
await check('the menu is there, with the recent workspace', () =>
  app.evaluate(({ Menu }) => {
    const menu = Menu.getApplicationMenu()
    return (
      menu.items.map(({ label }) => label).join() === 'File,Edit,View,Run,Compare,Help' &&
      menu.items[0].submenu.items.some(
        ({ label, submenu }) => label === 'Open recent' && submenu.items.some((item) => item.label.includes('sample')),
      )
    )
  }),
)
await check('a command chosen in the menu reaches the page', async () => {
  await app.evaluate(({ Menu }) =>
    Menu.getApplicationMenu()
      .items[2].submenu.items.find(({ label }) => label === 'Go to Runs')
      .click(),
  )
  await page.waitForFunction(() => location.hash.startsWith('#/runs'), undefined, { timeout: 10_000 })
  return true
})
await page.waitForTimeout(1500)
await page.screenshot({ path: join(shots, 'runs.png') })

const inWindow = (what) => app.evaluate(({ BrowserWindow }, name) => BrowserWindow.getAllWindows()[0][name](), what)
const until = async (holds) => {
  for (let tries = 0; tries < 150; tries++) {
    if (await holds()) return true
    await new Promise((resolve) => setTimeout(resolve, 200))
  }
  return holds()
}
await check('a quickstart starts from the page, and the title of the window tells how far it is', async () => {
  await page.evaluate(() => {
    location.hash = '#/'
  })
  await page.getByRole('button', { name: 'Start 3 runs' }).click()
  await page.waitForFunction(() => location.hash.startsWith('#/run/'))
  return until(async () => /^\d+ % outcome RL/.test(await inWindow('getTitle')))
})
await page.waitForTimeout(1500)
await page.screenshot({ path: join(shots, 'training.png') })
await check('copied text is on the clipboard of the system', async () => {
  await page.evaluate(() => navigator.clipboard.writeText('copied by the page'))
  return app.evaluate(({ clipboard }) => clipboard.readText() === 'copied by the page' || clipboard.readText())
})
await check('what can be done now is what the menu offers, and the theme has its mark', () =>
  app.evaluate(({ Menu }) => {
    const items = Object.fromEntries(
      Menu.getApplicationMenu().items.flatMap(({ submenu }) => submenu.items.map((item) => [item.label, item])),
    )
    return (
      (!items['Diff config'].enabled && items['Theme: as the system'].checked && items['New run'].enabled) ||
      Object.values(items).map(({ label, enabled, checked }) => [label, enabled, checked])
    )
  }),
)
await check('two requests to end make one question', async () => {
  await app.evaluate(({ app: program, BrowserWindow, dialog }) => {
    globalThis.questions = 0
    dialog.showMessageBox = () => (globalThis.questions++, new Promise((resolve) => setTimeout(() => resolve({ response: 3 }), 1500)))
    BrowserWindow.getAllWindows()[0].close()
    program.quit()
    program.quit()
  })
  await new Promise((resolve) => setTimeout(resolve, 2500))
  return app.evaluate(
    ({ BrowserWindow }) => (globalThis.questions === 1 && BrowserWindow.getAllWindows()[0].isVisible()) || globalThis.questions,
  )
})
await check('closing the window while something trains asks, and hiding it lets the training go on', async () => {
  await app.evaluate(({ dialog }) => {
    dialog.showMessageBox = (_window, { message, buttons }) => {
      globalThis.asked = `${message} ${buttons.join(', ')}`
      return Promise.resolve({ response: 0 })
    }
  })
  await inWindow('close')
  await until(async () => !(await inWindow('isVisible')))
  const asked = await app.evaluate(() => globalThis.asked)
  const hidden = !(await inWindow('isVisible'))
  await app.evaluate(({ app: program }) => program.emit('activate'))
  return (hidden && /at work.*Keep working in the background/.test(asked) && (await inWindow('isVisible'))) || { asked, hidden }
})

// From here on this script listens instead of the page.
await page.evaluate(() => {
  window.states = []
  window.mrt.listen((message) => {
    if ('status' in message) window.states.push(message.status.state)
    else if ('id' in message) window.smoke?.get(message.id)?.(message)
  })
})
await check('answers carry typed arrays', async () => {
  const { output } = await ask('rollouts.query', { filter: {}, sort: 'place', descending: false, limit: 1, after: null })
  return page.evaluate(
    (id) =>
      new Promise((resolve) => {
        const call = 424242
        window.smoke.set(call, ({ output }) => resolve(output.detail.tokens instanceof Int32Array))
        window.mrt.send({ id: call, method: 'rollouts.get', input: { rolloutId: id } })
      }),
    output.rollouts[0].id,
  )
})
await check('a refused call comes back with its code', async () => (await ask('runs.get', { runId: 999 })).error?.code === 'run.unknown')
await check('the program answers for itself', async () => (await ask('app.info')).output?.face === 'electron')
await check('the training went on meanwhile', async () =>
  (await ask('jobs.list')).output?.some(({ kind, startedAtMs }) => kind === 'train' && startedAtMs !== null),
)
await check('killing the lab leaves the window alive and told', async () => {
  process.kill(Number(readFileSync(pidFile, 'utf8')), 'SIGKILL')
  await page.waitForFunction(() => window.states.at(-1) === 'gone', undefined, { timeout: 10_000 })
  return (await ask('runs.list')).error?.code === 'lab.gone'
})
await check('a restart brings the same workspace back', async () => {
  await ask('app.restartLab')
  await page.waitForFunction(() => window.states.at(-1) === 'ready', undefined, { timeout: 60_000 })
  return (await ask('runs.list')).output?.length === 6
})
await check('the page threw nothing', () => problems.length === 0 || problems)
await check('quitting ends the lab in order', async () => {
  const pid = Number(readFileSync(pidFile, 'utf8'))
  await app.close()
  for (let tries = 0; tries < 50; tries++) {
    try {
      process.kill(pid, 0)
    } catch {
      return true
    }
    await new Promise((resolve) => setTimeout(resolve, 200))
  }
  return 'still there'
})
process.exit(failed === 0 ? 0 : 1)
