/** The table of runs: found by words or a pattern, measured against a pinned baseline, joined over seeds, chosen, removed and put back. */
import { readFileSync } from 'node:fs'
import { expect, test as base, type Page } from '@playwright/test'
import type { Json } from '../../src-preload/contract.ts'
import { openStore } from '../../src-main/store/openStore.ts'
import { copySample, holdsUp, testsOn } from './workbench.ts'

const test = testsOn(copySample)
const table = (page: Page) => page.getByRole('grid', { name: 'Runs' })
const rowOf = (page: Page, name: string) => table(page).getByRole('row', { name: new RegExp(name) })
const filter = (page: Page) => page.getByRole('searchbox', { name: 'Filter runs' })

test('every run has its course, its held-out figures with intervals, and its own sign', async ({ at }) => {
  const page = await at('#/runs')
  await expect(rowOf(page, 'MRT-exact').getByRole('img', { name: 'Reward of MRT-exact' })).toBeVisible()
  await expect(rowOf(page, 'MRT-exact')).toContainText(/0\.\d{3}±0\.\d{3}/, { timeout: 60_000 })
  await holdsUp(page, 'runs')
})

test('no column is cut off, however wide the window', async ({ at }) => {
  const page = await at('#/runs')
  await expect(rowOf(page, 'MRT-exact')).toContainText('±', { timeout: 60_000 })
  for (const width of [1000, 1280, 1440, 1920, 2560]) {
    await page.setViewportSize({ width, height: 800 })
    await expect
      .poll(() => table(page).evaluate((element) => element.parentElement!.scrollWidth - element.parentElement!.clientWidth), {
        message: `at ${width}`,
      })
      .toBeLessThanOrEqual(1)
    await expect(table(page).getByRole('columnheader', { name: /^regret/ })).toBeVisible()
  }
})

test('runs are found by words, by a pattern, by their settings; a broken pattern says what is wrong with it', async ({ at }) => {
  const page = await at('#/runs')
  await filter(page).fill('/mrt|length/')
  await expect(table(page).getByRole('row')).toHaveCount(3)
  await expect(page).toHaveURL(/find=/)
  await filter(page).fill('algorithm.options.lambda = 0.5')
  await expect(table(page).getByRole('row')).toHaveCount(2)
  await filter(page).fill('/(/')
  await expect(page.getByRole('alert')).toContainText(/regular expression|group/i)
  await expect(filter(page)).toHaveAttribute('aria-invalid', 'true')
  await filter(page).fill('no such run')
  await expect(page.getByText('No run passes the filter.')).toBeVisible()
})

test('a pinned baseline gives every other run its paired difference', async ({ at }) => {
  const page = await at('#/runs')
  await rowOf(page, 'outcome RL').click()
  await page.getByRole('button', { name: '1 chosen' }).click()
  await page.getByRole('menuitem', { name: 'Set as baseline' }).click()
  await expect(table(page).getByRole('columnheader', { name: /against baseline/ })).toBeVisible()
  await expect(rowOf(page, 'length penalty')).toContainText(/[+−]\d+\.\d\s?±/, { timeout: 60_000 })
  await page.reload()
  await expect(table(page).getByRole('columnheader', { name: /against baseline/ })).toBeVisible()
})

test('the keyboard walks, chooses and opens', async ({ at }) => {
  const page = await at('#/runs')
  await expect(table(page)).toBeFocused()
  for (const key of ['j', ' ', 'k', ' ']) await page.keyboard.press(key)
  await expect(page.getByRole('button', { name: 'Compare 2' })).toBeVisible()
  await page.keyboard.press('Enter')
  await expect(page).toHaveURL(/#\/run\/3/)
})

test('any setting can be a column; what is chosen stays, and can be taken back', async ({ at }) => {
  const page = await at('#/runs')
  await expect(rowOf(page, 'MRT-exact')).toBeVisible()
  await page.getByRole('button', { name: 'Columns' }).click()
  const chooser = page.getByRole('dialog', { name: 'Columns' })
  await expect(
    chooser.getByRole('group', { name: 'Settings that differ here' }).getByRole('checkbox', { name: 'algorithm.name' }),
  ).toBeVisible()
  await chooser.getByRole('searchbox').fill('optimizer.lr')
  await chooser.getByRole('checkbox', { name: 'optimizer.lr', exact: true }).check()
  await page.keyboard.press('Escape')
  const head = table(page).getByRole('columnheader', { name: /^lr/ })
  await expect(head).toBeVisible()
  await page.reload()
  await expect(head).toBeVisible()
  await page.getByRole('button', { name: 'Columns' }).click()
  await chooser.getByRole('button', { name: 'Those that fit' }).click()
  await expect(head).toHaveCount(0)
})

test('runs are pinned to the top and tagged; a view keeps filter and order under a name, with the workspace', async ({ at }) => {
  const page = await at('#/runs')
  const rows = table(page).getByRole('row')
  await rowOf(page, 'outcome RL').click()
  await page.getByRole('button', { name: '1 chosen' }).click()
  await page.getByRole('menuitem', { name: 'Pin to the top' }).click()
  await expect(rows.nth(1)).toContainText('outcome RL')
  await page.getByRole('button', { name: '1 chosen' }).click()
  await page.getByRole('menuitem', { name: 'Tags' }).click()
  const dialog = page.getByRole('dialog', { name: 'Tags of outcome RL' })
  await dialog.getByLabel('Tags').fill('paper, ablation')
  await dialog.getByRole('button', { name: 'Save' }).click()
  await expect(rowOf(page, 'outcome RL')).toContainText('ablation')
  await filter(page).fill('tag ablation')
  await expect(rows).toHaveCount(2)
  await page.getByRole('button', { name: 'Views' }).click()
  await page.getByRole('menuitem', { name: 'Save this view' }).click()
  await page.getByRole('dialog', { name: 'Save this view' }).getByLabel('Name').fill('ablations')
  await page.getByRole('dialog', { name: 'Save this view' }).getByRole('button', { name: 'Save' }).click()
  await filter(page).fill('')
  await expect(rows).toHaveCount(4)
  await page.evaluate(() => localStorage.clear())
  await page.reload()
  await page.getByRole('button', { name: 'Views' }).click()
  await page.getByRole('menuitem', { name: 'ablations', exact: true }).click()
  await expect(rows).toHaveCount(2)
  await expect(rowOf(page, 'outcome RL')).toContainText('pinned')
})

test('a run goes to the bin with its size named, and comes back', async ({ at }) => {
  const page = await at('#/runs')
  await rowOf(page, 'length penalty').click()
  await page.getByRole('button', { name: '1 chosen' }).click()
  await page.getByRole('menuitem', { name: 'Move to the bin' }).click()
  const dialog = page.getByRole('dialog', { name: /Move “length penalty” to the bin/ })
  await expect(dialog).toContainText(/\d+ rollouts and 1 checkpoints? \(.*B\) go along/)
  await dialog.getByRole('button', { name: 'Move to the bin' }).click()
  await expect(rowOf(page, 'length penalty')).toHaveCount(0)
  await page.getByRole('button', { name: 'Bin', exact: true }).click()
  await page.getByRole('dialog', { name: 'Bin' }).getByRole('button', { name: 'Put back' }).click()
  await page.keyboard.press('Escape')
  await expect(rowOf(page, 'length penalty')).toBeVisible()
})

test('the file of the table holds its numbers and their bounds', async ({ at }) => {
  const page = await at('#/runs')
  await expect(rowOf(page, 'MRT-exact')).toContainText('±', { timeout: 60_000 })
  await page.getByRole('button', { name: 'Export Runs' }).click()
  const download = page.waitForEvent('download')
  await page.getByRole('menuitem', { name: 'Save as CSV' }).click()
  const [head, ...lines] = readFileSync(await (await download).path(), 'utf8')
    .trim()
    .split('\n')
  expect(head).toMatch(/(^|,)run,status,.*regret/)
  expect(lines).toHaveLength(3)
})

/** The sample with its first run once more under another seed, not evaluated. */
function withSecondSeed(folder: string): string {
  const copy = copySample(folder)
  const store = openStore(copy, { program: 'test' })
  const first = store.runs.get(1)!
  const { id } = store.runs.add({ ...first, seed: 2, config: { ...(first.config as object), seed: 2 } as Json, createdAtMs: Date.now() })
  store.runs.setStatus(id, 'running', Date.now())
  for (const step of store.steps.range(1, 1, 5)) store.steps.record({ step: { ...step, runId: id }, rollouts: [], events: [] })
  store.runs.setStatus(id, 'finished', Date.now())
  store.close()
  return copy
}

base.describe('several seeds', () => {
  const seeds = testsOn(withSecondSeed)

  seeds('stand as one configuration, and apart when asked for', async ({ at }) => {
    const page = await at('#/runs')
    await expect(page.getByText('4 runs of 3 configurations')).toBeVisible()
    await expect(table(page).getByRole('columnheader', { name: /^configuration/ })).toBeVisible()
    await expect(table(page).getByRole('row')).toHaveCount(4)
    await expect(rowOf(page, 'outcome RL')).toContainText('2 seeds')
    await expect(rowOf(page, 'outcome RL')).toContainText('±', { timeout: 60_000 })
    await page.getByRole('tab', { name: 'Runs' }).click()
    await expect(table(page).getByRole('row')).toHaveCount(5)
    await expect(rowOf(page, 'seed 2')).toContainText('outcome RL')
    await holdsUp(page, 'runs-seeds')
  })
})

test('the row under the keyboard tells in full what its columns cut, and nothing else', async ({ at }) => {
  const page = await at('#/runs')
  const texts = () =>
    page.evaluate(() => {
      const cells = [...document.querySelectorAll('tr.active td')].filter((cell) => cell.scrollWidth > cell.clientWidth + 1)
      return {
        cut: cells.map((cell) => cell.textContent!.trim()),
        told: [...document.querySelectorAll('.whole span')].map((each) => each.textContent!.trim()),
      }
    })
  for (const width of [1600, 1100, 560]) {
    await page.setViewportSize({ width, height: 700 })
    await page.getByRole('grid').first().focus()
    await expect(page.locator('tr.active')).toHaveCount(1)
    await expect.poll(async () => texts().then(({ cut, told }) => JSON.stringify(cut) === JSON.stringify(told))).toBe(true)
  }
})
