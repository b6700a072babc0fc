// How quick are the screens on a workspace of a million rollouts? A synthetic one (generateWorkspace.ts), asked three ways: the store's
// answers alone, the comparison's statistics in this process, and the pages in Chromium over the served lab, from the start of loading to
// what a reader came for, and from a key or a click to the frame that shows its effect. Readings include the first one, when nothing is
// cached. Promised: a first paint within a second, a filter or a scrub within a tenth of one. Equality: interval by matrix product
// against the bootstrap that draws indices.

import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { chromium, type Page } from '@playwright/test'
import { compareQueries } from '../src-main/lab/answers/queriesCompare.ts'
import { bootstrapSeeds } from '../src-main/numeric/bootstrap.ts'
import { createRng } from '../src-main/numeric/rng.ts'
import { overResampledSeeds, questionResampling, resampledMeans, seedResampling } from '../src-main/numeric/resampling.ts'
import { inferenceOf } from '../src-main/numeric/significance.ts'
import { openServer } from '../src-main/serve.ts'
import { openStore, type Store } from '../src-main/store/openStore.ts'
import { fillWorkspace } from './generateWorkspace.ts'
import { clock, distance, figure, type Check, type Figure, type Question } from './question.ts'
import { workspaceQuestions } from './workspaceQueries.ts'

const RUNS = 24
const LATER = 8
const PAINTS = 3
const STEPS = 8
const PAINT_MS = 1000
const FILTER_MS = 100
const PATIENCE_MS = 20_000

export const question: Question = {
  title: 'ui: the screens on a generated workspace',
  async ask({ workspace, rollouts }) {
    const scratch = mkdtempSync(join(tmpdir(), 'mrt-bench-ui-'))
    try {
      const folder = workspace ?? join(scratch, 'synthetic')
      const made = existsSync(join(folder, 'workspace.db')) ? [] : [fill(folder, rollouts)]
      const store = openStore(folder, { readOnly: true })
      const about = figure('workspace', 'rollouts', [store.workspace().counts.rollouts])
      const answered = await storeFigures(store)
      const compared = await compareFigures(store)
      store.close()
      return {
        checks: [sameIntervals()],
        figures: [about, ...made, ...answered, ...compared, ...(await pageFigures(folder, join(scratch, 'home')))],
        ratios: [],
      }
    } finally {
      rmSync(scratch, { recursive: true, force: true })
    }
  },
}

function fill(folder: string, rollouts: number): Figure {
  const store = openStore(folder, { create: true })
  const { storeRolloutsPerSecond } = fillWorkspace(store, { rollouts, runs: RUNS, seed: 1 })
  store.close()
  return figure('recording', 'rollouts/s', [storeRolloutsPerSecond])
}

function sameIntervals(): Check {
  const rng = createRng(1)
  const table = Array.from({ length: 3 }, () => Float64Array.from({ length: 512 }, rng.float))
  const reference = bootstrapSeeds(table, { seed: 2, draws: 2000 })
  const { low, high } = inferenceOf(
    reference.estimate,
    overResampledSeeds(seedResampling(3, 2000, 2), resampledMeans(questionResampling(512, 2000, 2), table)),
    reference.df,
  )
  return {
    what: 'intervals by matrix product and by index',
    difference: distance([low, high], [reference.low, reference.high]),
    limit: 1e-12,
  }
}

async function readings(work: () => unknown, count: number): Promise<number[]> {
  const times: number[] = []
  for (let at = 0; at < count; at++) times.push(await clock(work))
  return times
}

async function storeFigures(store: Store): Promise<Figure[]> {
  const figures: Figure[] = []
  for (const { name, limitMs, ask } of workspaceQuestions(store))
    figures.push(figure(`store: ${name}`, 'ms', await readings(() => ask(store), 1 + LATER), limitMs))
  return figures
}

/** Nine runs, three seeds of three methods, at every budget; with an empty memory and again. */
async function compareFigures(store: Store): Promise<Figure[]> {
  const ask = compareQueries(() => store)
  const signal = new AbortController().signal
  const runIds = store.runs
    .list()
    .slice(0, 9)
    .map(({ run }) => run.id)
  const scope = { runIds, groupBy: 'group' as const, step: null, baseline: runIds[0]! }
  const { budgets } = await ask.budgets({ runIds }, { signal })
  const headline = await clock(() => ask.table({ ...scope, budget: budgets[Math.floor(budgets.length / 2)]! }, { signal }))
  const tables = () => ask.tables({ ...scope, budgets }, { signal })
  const first = await clock(tables)
  return [
    figure('compare: headline of 9 runs x 512 problems, nothing known', 'ms', [headline], PAINT_MS),
    figure(`compare: the rest of ${budgets.length} budgets`, 'ms', [first], 3 * PAINT_MS),
    figure('compare: all budgets again', 'ms', await readings(tables, LATER), FILTER_MS),
    figure(
      'compare: pairs of two methods over all seeds',
      'ms',
      [
        await clock(() =>
          ask.pairs({ a: [runIds[0]!, runIds[3]!, runIds[6]!], b: [runIds[2]!, runIds[5]!, runIds[8]!], step: null }, { signal }),
        ),
      ],
      PAINT_MS,
    ),
  ]
}

/** What a reader came for, by the address of the page: there when the selector is. */
const paints: readonly { readonly what: string; readonly hash: string; readonly shown: string }[] = [
  { what: 'Home', hash: '#/', shown: 'main h1' },
  { what: 'Runs, its table', hash: '#/runs', shown: 'main [role=grid] tbody tr td' },
  { what: 'Run, its first curve', hash: `#/run/${RUNS}`, shown: 'main figure svg path' },
  { what: 'Rollouts, a sample', hash: '#/rollouts', shown: 'main .answer li' },
  { what: 'Rollouts, a word found', hash: '#/rollouts?text=wait&list=find', shown: 'main mark' },
  { what: 'Compare, its headline', hash: '#/compare', shown: 'main [role=grid][aria-label^="Methods at"] tbody td' },
]

interface Effect {
  readonly what: string
  readonly hash: string
  readonly ready: string
  /** Runs in the page and moves something; called again for every reading. */
  readonly act: string
  /** Text in the page that differs once the effect is on screen; undefined while there is none. */
  readonly watch: string
}
const key = (selector: string, name: string): string =>
  `document.querySelector('${selector}').dispatchEvent(new KeyboardEvent('keydown', { key: '${name}', bubbles: true, cancelable: true }))`
const effects: readonly Effect[] = [
  {
    what: 'Compare: a step of the budget scrubber',
    hash: '#/compare?budget=24',
    ready: 'main [role=grid][aria-label^="Same problems"] tbody td',
    act: key('main [role=slider]', 'ArrowRight'),
    watch: `document.querySelector('main [role=grid][aria-label^="Methods at"]').ariaLabel`,
  },
  {
    what: 'Runs: a filter typed',
    hash: '#/runs',
    ready: 'main [role=grid] tbody tr td',
    act: `(() => { const box = document.querySelector('main input[type=search], main input[type=text], main input:not([type])'); box.value = box.value === 'mrt' ? 'length' : 'mrt'; box.dispatchEvent(new Event('input', { bubbles: true })) })()`,
    watch: `document.querySelector('main [role=grid] tbody').innerText`,
  },
  {
    what: 'Rollouts: another sample',
    hash: '#/rollouts',
    ready: 'main .answer li',
    act: `(() => { const all = document.querySelectorAll('[aria-label="Samples of the group"] button'); all[(window.benched = (window.benched ?? 0) + 1) % all.length].click() })()`,
    watch: `document.querySelector('main header p').innerText`,
  },
  {
    what: 'Rollouts: right answers, then wrong ones',
    hash: '#/rollouts?list=find&correct=yes',
    ready: 'main .answer li',
    act: `(() => { const box = document.querySelector('select[aria-label="Which rollouts"]'); box.value = box.value === 'wrong' ? 'right' : 'wrong'; box.dispatchEvent(new Event('change', { bubbles: true })) })()`,
    watch: `document.querySelector('main .answer')?.innerText`,
  },
]

async function pageFigures(folder: string, home: string): Promise<Figure[]> {
  const scripts = join(import.meta.dirname, '..', 'scripts')
  if (spawnSync(process.execPath, [join(scripts, 'build.mjs'), 'renderer'], { stdio: 'inherit' }).status !== 0)
    throw new Error('the pages could not be built')
  const { chromiumEnvironment } = (await import(join(scripts, 'chromium.mjs'))) as {
    readonly chromiumEnvironment: () => Promise<Record<string, string> | null>
  }
  const environment = await chromiumEnvironment()
  if (environment === null) throw new Error('there is no Chromium on this machine, and npm served none')
  const server = await openServer({ workspace: folder, home })
  const browser = await chromium.launch({
    executablePath: environment.CHROMIUM,
    env: { ...(process.env as Record<string, string>), ...environment },
    chromiumSandbox: false,
    args: ['--no-sandbox', '--disable-gpu'],
  })
  try {
    const page = await browser.newPage({ viewport: { width: 1280, height: 900 }, reducedMotion: 'reduce' })
    await page.goto(server.url)
    await page.locator('nav').first().waitFor({ timeout: PATIENCE_MS })
    const address = new URL(server.url).origin
    const figures: Figure[] = []
    for (const { what, hash, shown } of paints)
      figures.push(figure(`page: ${what}`, 'ms', await paintsOf(page, `${address}/${hash}`, shown), PAINT_MS))
    for (const effect of effects) figures.push(figure(`page: ${effect.what}`, 'ms', await effectsOf(page, address, effect), FILTER_MS))
    return figures
  } finally {
    await browser.close()
    await server.close()
  }
}

/** Milliseconds from the start of loading until the selector has been painted. */
async function paintsOf(page: Page, address: string, selector: string): Promise<number[]> {
  const times: number[] = []
  for (let at = 0; at < PAINTS; at++) {
    await page.goto('about:blank')
    await page.goto(address)
    times.push(
      await page.evaluate(
        async ({ wanted, patienceMs }) => {
          while (document.querySelector(wanted) === null) {
            if (performance.now() > patienceMs) throw new Error(`the page never showed ${wanted}`)
            await new Promise((done) => requestAnimationFrame(done))
          }
          await new Promise((done) => requestAnimationFrame(() => setTimeout(done, 0)))
          return performance.now()
        },
        { wanted: selector, patienceMs: PATIENCE_MS },
      ),
    )
  }
  return times
}

/** Milliseconds from an act until the frame that shows its effect. */
async function effectsOf(page: Page, address: string, { what, hash, ready, act, watch }: Effect): Promise<number[]> {
  await page.goto('about:blank')
  await page.goto(`${address}/${hash}`)
  await page.locator(ready).first().waitFor({ timeout: PATIENCE_MS })
  await page.waitForLoadState('networkidle')
  const times: number[] = []
  for (let at = 0; at < STEPS; at++) {
    times.push(
      await page.evaluate<number>(`(async () => {
      const before = ${watch}
      const began = performance.now();
      ${act};
      let now
      do {
        if (performance.now() - began > ${PATIENCE_MS}) throw new Error('nothing changed: ${what}')
        await new Promise((done) => requestAnimationFrame(() => setTimeout(done, 0)))
        now = ${watch}
      } while (now === undefined || now === before)
      return performance.now() - began
    })()`),
    )
  }
  return times
}
