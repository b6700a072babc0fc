// Drives the packed application in a real Electron and prints one line per check. Started by smokeElectron.mjs, never as root.
import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { appendFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Program, sleep, until } from './program.mjs'

const { SMOKE_PROGRAM, SMOKE_WORK } = process.env
/** That of the system: it has GTK. */
const PYTHON = '/usr/bin/python3'
const here = import.meta.dirname
const counted = { passed: 0, failed: 0 }
async function check(name, holds) {
  let found
  try {
    found = await holds()
  } catch (error) {
    found = error.message.split('\n').slice(0, 2).join(' ')
  }
  const ok = found === true
  counted[ok ? 'passed' : 'failed'] += 1
  console.log(`${ok ? 'passed' : 'FAILED'}  ${name}${ok ? '' : `: ${JSON.stringify(found)}`}`)
}
const only = process.argv.findLast((each) => each.startsWith('--only='))?.slice(7)
/** One part of the run, with a program of its own; what it left running goes with it. */
async function part(name, body) {
  if (only === undefined ? name === 'installed' : only !== name) return
  console.log(`· ${name}`)
  const begun = []
  try {
    await body((...given) => Program.start(...given).then((program) => (begun.push(program), program)))
  } catch (error) {
    counted.failed += 1
    console.log(`FAILED  ${name} went no further: ${error.message}`)
  }
  for (const helper of helpers.splice(2)) helper.kill()
  for (const program of begun) {
    await program.kill()
    appendFileSync(join(SMOKE_WORK, 'said.txt'), `${name}\n${program.said}\n`)
  }
}

const notices = join(SMOKE_WORK, 'notices.jsonl')
const helpers = [spawn(PYTHON, [join(here, 'notifications.py'), notices], { stdio: 'inherit' })]
helpers.push(spawn('openbox', [], { stdio: 'ignore' }))
const rows = join(SMOKE_WORK, 'sums.jsonl')
writeFileSync(
  rows,
  Array.from({ length: 20 }, (_, at) => JSON.stringify({ question: `What is ${at} + ${at}?`, answer: String(2 * at) })).join('\n'),
)
/** What other programs told the desktop. */
const noticed = () =>
  existsSync(notices)
    ? readFileSync(notices, 'utf8')
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line))
    : []
/** Buttons of the question before ending, by number; every question is written down. */
const answerWith = (program, response) =>
  program.main(({ dialog }, number) => {
    globalThis.questions ??= []
    globalThis.ownQuestion ??= dialog.showMessageBox
    dialog.showMessageBox = (_window, { message, buttons }) => {
      globalThis.questions.push(`${message} ${buttons.join(', ')}`)
      return new Promise((resolve) => setTimeout(() => resolve({ response: number }), 300))
    }
  }, response)
const questions = (program) => program.main(() => globalThis.questions)
/** A run of its own settings, small enough to be over soon. */
async function startRun(program, name, steps) {
  const { output: spec } = await program.ask('runs.duplicate', { runId: 1 })
  const { output, error } = await program.ask('runs.start', {
    spec: {
      ...spec,
      name,
      steps,
      promptsPerStep: 8,
      checkpointEvery: 1,
      evaluation: { ...spec.evaluation, problems: 4, samples: 2, kept: 2, budgets: [24, 120], longest: 120 },
    },
  })
  if (error !== undefined) throw new Error(JSON.stringify(error))
  return output.id
}
const stepOf = async (program, runId) => (await program.ask('runs.get', { runId })).output.item.run.lastStep ?? 0
const statusOf = async (program, runId) => (await program.ask('runs.get', { runId })).output.item.run.status

await part('window', async (start) => {
  await check('refuses to be driven by another program', () => {
    const { status, stderr } = spawnSync(SMOKE_PROGRAM, ['--remote-debugging-port=0'], { encoding: 'utf8', timeout: 30_000 })
    return (status === 1 && stderr.includes('takes no --remote-debugging-port')) || { status, stderr: stderr.slice(0, 300) }
  })
  const program = await start()
  console.log(
    `  Electron ${await program.main(() => process.versions.electron)}, Chromium ${await program.main(() => process.versions.chrome)}`,
  )
  await check('is packed', () => program.main(({ app }) => app.isPackaged))
  await check(
    'draws the sample workspace through preload, bridge and a lab in a utility process',
    async () => (await program.says('three methods, one start', 60_000)) || (await program.text()).slice(0, 500),
  )
  await check('the lab is a process of Electron', async () => Number.isInteger(await program.labPid()))
  await sleep(1500)
  program.shot('home')
  await check('the page comes from app://bundle, with neither require nor process, isolated', () =>
    program.page(
      () =>
        location.href.startsWith('app://bundle/') &&
        typeof require === 'undefined' &&
        typeof process === 'undefined' &&
        crossOriginIsolated,
    ),
  )
  await check('the preload exposes three functions and no channel', () =>
    program.page(() => Object.keys(window.mrt).sort().join() === 'listen,pathOf,send'),
  )
  await check('an unknown method never leaves the window', () =>
    program.page(() => {
      try {
        window.mrt.send({ id: 1, method: 'no.such' })
        return 'sent'
      } catch {
        return true
      }
    }),
  )
  await check('the content policy refuses to evaluate text, and other sites', async () => {
    await program.page(() => {
      try {
        setTimeout('window.evaluated = true', 0)
      } catch {
        /* refused at once */
      }
    })
    await sleep(300)
    return program.page(
      () =>
        window.evaluated === undefined &&
        fetch('https://example.com').then(
          () => 'fetched',
          () => true,
        ),
    )
  })
  await check('a path that climbs out does not exist', () =>
    program.page(() => fetch('/..%2f..%2fpackage.json').then(({ status }) => status === 404 || status)),
  )
  await check('the page can neither go elsewhere nor open windows, and nothing is permitted to it', async () => {
    await program.page(() => void (location.href = 'https://example.com/'))
    await sleep(500)
    return program.page(() =>
      navigator.permissions
        .query({ name: 'geolocation' })
        .then(
          ({ state }) =>
            (location.href.startsWith('app://bundle/') && window.open('https://example.com/') === null && state === 'denied') || [
              location.href,
              state,
            ],
        ),
    )
  })
  await check('the window is sandboxed', () =>
    program.main(({ BrowserWindow }) => {
      const { sandbox, contextIsolation, nodeIntegration } = BrowserWindow.getAllWindows()[0].webContents.getLastWebPreferences()
      return sandbox && contextIsolation && !nodeIntegration
    }),
  )
  await check(
    'the title names page and workspace',
    async () => /Home.*sample.*MRT Workbench/.test(await program.window('getTitle')) || program.window('getTitle'),
  )
  await check('the menu is there, with the recent workspace, and offers what can be done now', () =>
    program.main(({ Menu }) => {
      const menu = Menu.getApplicationMenu()
      const items = Object.fromEntries(menu.items.flatMap(({ submenu }) => submenu.items.map((item) => [item.label, item])))
      return (
        (menu.items.map(({ label }) => label).join() === 'File,Edit,View,Run,Compare,Help' &&
          items['Open recent'].submenu.items.some(({ label }) => label.includes('sample')) &&
          !items['Diff config'].enabled &&
          !items['Pause'].enabled &&
          items['Theme: as the system'].checked &&
          items['New run'].enabled) ||
        Object.values(items).map(({ label, enabled, checked }) => [label, enabled, checked])
      )
    }),
  )
  await check('a command chosen in the menu reaches the page', async () => {
    await program.main(({ Menu }) =>
      Menu.getApplicationMenu()
        .items[2].submenu.items.find(({ label }) => label === 'Go to Runs')
        .click(),
    )
    return until(() => program.page(() => location.hash.startsWith('#/runs')))
  })
  await check('the studies are reached by their item in the menu and by Ctrl+8, and show a study with its report', async () => {
    const offered = await program.main(({ Menu }) => {
      const item = Menu.getApplicationMenu().items[2].submenu.items.find(({ label }) => label === 'Go to Studies')
      item?.click()
      return item === undefined ? null : [item.enabled, item.accelerator]
    })
    const chosen = await until(() => program.page(() => location.hash.startsWith('#/studies')), 10_000)
    await program.go('#/')
    await program.window('focus')
    execFileSync('xdotool', ['key', 'ctrl+8'])
    const pressed = await until(() => program.page(() => location.hash.startsWith('#/studies')), 10_000)
    const shown = (await program.says('cells finished', 60_000)) && (await program.says('Save as Markdown', 60_000))
    await sleep(800)
    program.shot('studies')
    return (offered?.join() === 'true,CmdOrCtrl+8' && chosen && pressed && shown) || { offered, chosen, pressed, shown }
  })
  await check('a study that is set up is told what it takes, by a lab in a utility process', async () => {
    await program.go('#/studies?make=yes')
    const told = await program.says('points of accuracy, four times out of five', 60_000)
    await sleep(500)
    program.shot('new-study')
    await program.go('#/runs')
    return told || (await program.text()).slice(0, 600)
  })
  await check('a key pressed on the keyboard reaches the page', async () => {
    await program.window('focus')
    execFileSync('xdotool', ['key', 'ctrl+k'])
    return until(() => program.page(() => document.querySelector('dialog[open] [role=combobox]') !== null), 5000)
  })
  execFileSync('xdotool', ['key', 'Escape'])
  await check('what is copied on a page can be pasted in another program', async () => {
    await program.go('#/rollouts?run=1')
    await program.says('On record', 60_000)
    await program.press('Copy')
    const told = await program.says('Copied as Markdown', 5000)
    program.shot('copied')
    const text = execFileSync(PYTHON, [join(here, 'clipboard.py')], { encoding: 'utf8', timeout: 10_000 })
    return (told && text.startsWith('**') && text.includes('Answer: ')) || { told, text: text.slice(0, 200) }
  })
  await check('a second start gives its file to this window, and ends', async () => {
    const code = await program.again([rows])
    const shown = await program.says('sums.jsonl', 15_000)
    await sleep(800)
    program.shot('second-start')
    return (code === 0 && shown) || { code, text: (await program.text()).slice(0, 400) }
  })
  await program.page(() =>
    document.querySelectorAll('dialog[open]').forEach((each) => each.dispatchEvent(new Event('cancel', { cancelable: true }))),
  )
  await check('a link leads to its place', async () => {
    await program.again(['mrt-workbench://run/2'])
    return until(() => program.page(() => location.hash.startsWith('#/run/2')), 10_000)
  })
  await check('without work, closing the window ends the program', async () => {
    await program.window('close').catch(() => {})
    return (await program.ends(15_000)) === 0
  })
})

await part('drop', async (start) => {
  const program = await start()
  await program.says('three methods, one start', 60_000)
  await program.window('setBounds', { x: 300, y: 50, width: 1200, height: 800 })
  const source = spawn(PYTHON, [join(here, 'dragSource.py'), '20', '700', rows], { stdio: 'ignore' })
  helpers.push(source)
  await sleep(1500)
  await check('a file dragged from another program is offered and imported where it is let go', async () => {
    const move = (x, y) => execFileSync('xdotool', ['mousemove', String(x), String(y)])
    const [id] = execFileSync('xdotool', ['search', '--sync', '--name', 'Other files'], { encoding: 'utf8', timeout: 10_000 })
      .trim()
      .split('\n')
      .slice(-1)
    const place = Object.fromEntries(
      execFileSync('xdotool', ['getwindowgeometry', '--shell', id], { encoding: 'utf8' })
        .trim()
        .split('\n')
        .map((line) => line.split('=')),
    )
    const [x, y] = [Number(place.X) + 60, Number(place.Y) + 45]
    move(x, y)
    await sleep(300)
    execFileSync('xdotool', ['mousedown', '1'])
    for (let at = 1; at <= 20; at++) {
      move(x + ((900 - x) * at) / 20, y + ((400 - y) * at) / 20)
      await sleep(60)
    }
    const offered = await program.says('Let go to take 1 file', 5000)
    program.shot('drag')
    execFileSync('xdotool', ['mouseup', '1'])
    const shown = await program.says('sums.jsonl', 15_000)
    await sleep(1000)
    program.shot('dropped')
    return (offered && shown) || { offered, shown, text: (await program.text()).slice(0, 300) }
  })
})

await part('open with', async (start) => {
  const program = await start([rows])
  await check('a file that the system opens with the program is offered for import', async () => {
    const shown = await program.says('sums.jsonl', 60_000)
    await sleep(800)
    program.shot('open-with')
    return shown || (await program.text()).slice(0, 400)
  })
})

await part('ending', async (start) => {
  const program = await start()
  await program.says('three methods, one start', 60_000)
  const first = await startRun(program, 'first', 400)
  const second = await startRun(program, 'second', 400)
  await program.go(`#/run/${first}`)
  await check('a run trains in the lab of the packed program', () => until(async () => (await stepOf(program, first)) >= 1, 120_000))
  await check('the title tells how far it is', () => until(async () => /^\d+ % first/.test(await program.window('getTitle'))))
  await sleep(1000)
  program.shot('training')
  await answerWith(program, 3)
  await check('closing and quitting at the same time make one question, and a person may stay', async () => {
    await program.main(({ app, BrowserWindow }) => {
      BrowserWindow.getAllWindows()[0].close()
      app.quit()
      app.quit()
    })
    await sleep(2000)
    const asked = await questions(program)
    return (
      (asked.length === 1 &&
        /1 at work and 1 waiting.*Keep working in the background/.test(asked[0]) &&
        (await program.window('isVisible'))) ||
      asked
    )
  })
  await check('the system shows that question, and Escape is to stay', async () => {
    await program.main(({ dialog }) => void (dialog.showMessageBox = globalThis.ownQuestion))
    const windows = () =>
      spawnSync('xdotool', ['search', '--onlyvisible', '--pid', String(program.process.pid)], { encoding: 'utf8' })
        .stdout.trim()
        .split('\n').length
    const before = windows()
    await program.quit()
    const shown = await until(async () => windows() > before, 10_000)
    await sleep(800)
    program.shot('question')
    execFileSync('xdotool', ['key', 'Escape'])
    const gone = await until(async () => windows() === before, 5000)
    return (shown && gone && (await program.window('isVisible')) && (await program.ends(500)) === 'still there') || { shown, gone }
  })
  await answerWith(program, 1)
  await check('quitting while it trains ends after the step, with what waited dropped first', async () => {
    const at = await stepOf(program, first)
    await program.quit()
    await sleep(400)
    program.shot('ending')
    const how = await program.ends(60_000)
    return (how === 0 && at >= 1) || how
  })
  const next = await start()
  await check('the next start offers to go on, and nothing started by itself', async () => {
    await next.says('three methods, one start', 60_000)
    await next.go(`#/run/${first}`)
    await sleep(2500)
    next.shot('next-start')
    const states = [await statusOf(next, first), await statusOf(next, second)]
    return (
      (['paused', 'interrupted', 'stopped', 'cancelled'].includes(states[0]) &&
        states[1] !== 'running' &&
        (await next.ask('jobs.list')).output.length === 0) ||
      states
    )
  })
})

await part('background', async (start) => {
  const program = await start()
  await program.says('three methods, one start', 60_000)
  const run = await startRun(program, 'unseen', 6)
  await until(async () => (await stepOf(program, run)) >= 1, 60_000)
  await answerWith(program, 0)
  await check('kept in the background it goes on out of sight', async () => {
    await program.window('close')
    await until(async () => !(await program.window('isVisible')), 5000)
    const hidden = !(await program.window('isVisible'))
    return (hidden && (await questions(program)).length === 1) || { hidden, asked: await questions(program) }
  })
  await check('a second start brings it back', async () => {
    await program.again([])
    return until(() => program.window('isVisible'), 10_000)
  })
  await check('and it ends by itself when the work is done, having told so', async () => {
    await program.window('close')
    const how = await program.ends(400_000)
    const told = noticed().filter(({ title }) => title.includes('unseen'))
    return (how === 0 && told.length === 1) || { how, told: noticed() }
  })
})

await part('lab killed', async (start) => {
  const program = await start()
  await program.says('three methods, one start', 60_000)
  const run = await startRun(program, 'killed', 400)
  const waiting = await startRun(program, 'waits', 4)
  await program.go(`#/run/${run}`)
  await until(async () => (await stepOf(program, run)) >= 2, 60_000)
  await check('the window stays and says that the lab was killed', async () => {
    process.kill(await program.labPid(), 'SIGKILL')
    const told = await program.says('The lab process has ended', 10_000)
    await sleep(700)
    program.shot('lab-gone')
    return (
      (told && /killed/.test((await program.text()).match(/Found [^.]*\./)?.[0] ?? '')) ||
      (await program.text()).match(/The lab process[\s\S]{0,300}/)?.[0]
    )
  })
  await check('a call is refused with its code meanwhile', async () => (await program.ask('runs.list')).error?.code === 'lab.gone')
  await check('a restart brings the workspace back and offers the run that was cut off and the one that waited', async () => {
    await program.press('Restart the lab')
    const back = await program.says('2 runs were left unfinished', 60_000)
    await sleep(700)
    program.shot('lab-back')
    return back || (await program.text()).slice(0, 600)
  })
  await check('both go on from there', async () => {
    await program.ask('runs.resume', { runId: run })
    return until(async () => (await statusOf(program, run)) === 'running' && (await stepOf(program, run)) >= 2, 60_000)
  })
  await check('a second death has its own cause', async () => {
    process.kill(await program.labPid(), 'SIGSEGV')
    const told = await program.says('The lab process has ended', 20_000)
    return (
      (told && /crashed/.test((await program.text()).match(/Found [^.]*\./)?.[0] ?? '')) ||
      (await program.text()).match(/The lab process[\s\S]{0,300}/)?.[0]
    )
  })
  await check('with the lab gone, closing ends the program without a question', async () => {
    await answerWith(program, 3)
    await program.window('close').catch(() => {})
    return (await program.ends(15_000)) === 0
  })
  void waiting
})

await part('installed', async (start) => {
  const program = await start([], { home: 'installed' })
  await check('the installed program draws the sample, with the lab in its own process', async () => {
    const drawn = await program.says('three methods, one start', 60_000)
    program.shot('installed')
    return drawn && Number.isInteger(await program.labPid()) && (await program.main(({ app }) => app.getAppPath().startsWith('/opt/')))
  })
  await check('and ends when it is asked to', async () => {
    await program.quit()
    return (await program.ends(30_000)) === 0
  })
})

for (const helper of helpers) helper.kill()
console.log(`${counted.passed} passed, ${counted.failed} failed`)
process.exit(counted.failed === 0 ? 0 : 1)
