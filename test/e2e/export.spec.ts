/**
 * Takes things away from the sample workspace in a real browser: rollouts in TRL's shape, answers side by side, the database, and a
 * comparison as a page, which is then opened from the disk with the network off and used like the application.
 */
import { copyFileSync, cpSync, readFileSync, statSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import AxeBuilder from '@axe-core/playwright'
import { expect, type Browser, type Page } from '@playwright/test'
import { openStore } from '../../src-main/store/openStore.ts'
import { copySample, testsOn } from './workbench.ts'

const test = testsOn(copySample, { arrived: (page) => expect(page.getByRole('heading', { level: 1 })).not.toHaveText('') })

const dialog = (page: Page) => page.getByRole('dialog', { name: 'Export' })

async function written(page: Page, click: () => Promise<void>): Promise<string> {
  const download = page.waitForEvent('download', { timeout: 120_000 })
  await click()
  return (await download).path()
}

/** Opens a page from the disk with the network off; `said` is what it complains of, `asked` what it tried to fetch. */
async function openOffline(browser: Browser, path: string, colorScheme: 'light' | 'dark') {
  const context = await browser.newContext({
    offline: true,
    colorScheme,
    reducedMotion: 'reduce',
    viewport: { width: 1440, height: 960 },
    acceptDownloads: true,
  })
  const page = await context.newPage()
  const said: string[] = []
  const asked: string[] = []
  const url = pathToFileURL(path).href
  page.on('console', (message) => said.push(message.text()))
  page.on('pageerror', (error) => said.push(error.message))
  page.on(
    'request',
    (request) =>
      request.url().split('#')[0] === url ||
      request.url().startsWith('blob:') ||
      request.url().startsWith('data:') ||
      asked.push(request.url()),
  )
  await page.goto(url)
  return { page, said, asked, close: () => context.close() }
}

test('a comparison leaves as one page that opens offline, with its charts and its scrubber live', async ({ at, browser, workbench }) => {
  test.setTimeout(240_000)
  const page = await at('#/compare?budget=64')
  const download = await written(page, () => page.getByRole('button', { name: 'Export report' }).click())
  await expect(dialog(page).getByText(/Written:/)).toBeVisible()
  const report = join(workbench.folder, 'report.html')
  copyFileSync(download, report)
  expect(statSync(report).size).toBeLessThan(5e6)

  for (const colorScheme of ['light', 'dark'] as const) {
    const { page: opened, said, asked, close } = await openOffline(browser, report, colorScheme)
    const table = (budget: number) => opened.getByRole('grid', { name: new RegExp(`at a budget of ${budget} tokens`) })
    await expect(table(64)).toBeVisible()
    await expect(opened.getByRole('heading', { level: 1 })).toHaveText('outcome RL, length penalty, MRT-exact')
    for (const figure of [
      'Accuracy against budget',
      'Regret against budget',
      'Accuracy and tokens through training',
      'Where the tokens went',
    ])
      await expect(opened.getByRole('application', { name: figure })).toBeVisible()
    await expect(opened.getByText('What differs')).toBeVisible()
    await expect(opened.getByRole('grid', { name: 'Runs' })).toContainText(/outcome RL ?[0-9a-f]{8}-[0-9a-f]{4}-/)
    await opened.screenshot({ path: test.info().outputPath(`report-${colorScheme}.png`), fullPage: true })

    const { violations } = await new AxeBuilder({ page: opened }).analyze()
    expect(violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' | ')}`)).toEqual([])

    // The scrubber, a hidden arm and another metric are all looked up in the page.
    await opened.getByRole('slider', { name: 'Thinking budget' }).focus()
    await opened.keyboard.press('ArrowRight')
    await expect(table(80)).toBeVisible()
    await opened.getByRole('button', { name: 'length penalty' }).click()
    await expect(table(80).getByText('length penalty')).toHaveCount(0)
    await opened.getByRole('button', { name: /length penalty/ }).click()
    await expect(table(80).getByText('length penalty')).toBeVisible()
    await opened.getByRole('combobox', { name: 'Curve' }).selectOption('entropy')
    await expect(opened.getByRole('application', { name: /entropy/i }).first()).toBeVisible()
    await opened.getByRole('tab', { name: 'FLOPs' }).click()
    await opened.getByRole('application', { name: 'Accuracy against budget' }).hover()
    await expect(opened.locator('.tip')).toBeVisible()
    await opened.getByRole('tab', { name: colorScheme === 'dark' ? 'light' : 'dark' }).click()
    await expect(opened.locator('html')).toHaveAttribute('data-theme', colorScheme === 'dark' ? 'light' : 'dark')
    await table(80)
      .getByRole('button', { name: /^\d+\.\d$/ })
      .first()
      .click()
    await expect(opened.getByText('mean over problems of P(right | thinking cut at C)')).toBeVisible()
    expect(said).toEqual([])
    expect(asked).toEqual([])
    await close()
  }
})

test('the dialog says how large a file will be, writes it, and says where it went', async ({ at, workbench }) => {
  const page = await at('#/run/1')
  await page.getByRole('button', { name: 'More about this run' }).click()
  await page.getByRole('menuitem', { name: /^Export/ }).click()
  await expect(dialog(page).getByText(/\d{3} rollouts, about/)).toBeVisible()
  await dialog(page).getByRole('combobox', { name: 'Names' }).selectOption('verl')
  const path = await written(page, () => dialog(page).getByRole('button', { name: 'Write Rollouts' }).click())
  const [first] = readFileSync(path, 'utf8').split('\n')
  expect(JSON.parse(first!)).toMatchObject({ input: expect.any(String), output: expect.any(String), score: expect.any(Number), step: 1 })
  await expect(dialog(page).getByText(join(workbench.folder, 'sample', 'exports'), { exact: false })).toContainText('verl.jsonl')
  await dialog(page).getByRole('combobox', { name: 'Which rollouts' }).selectOption({ index: 1 })
  await dialog(page).getByRole('combobox', { name: 'Format' }).selectOption('parquet')
  expect(
    readFileSync(await written(page, () => dialog(page).getByRole('button', { name: 'Write Rollouts' }).click()))
      .subarray(0, 4)
      .toString(),
  ).toBe('PAR1')
})

test('what a list of rollouts is narrowed to can be taken away as it is', async ({ at }) => {
  const page = await at('#/rollouts?run=1&correct=yes&list=find')
  await expect(page.getByRole('grid').first()).toBeVisible()
  await page.keyboard.press('Control+Shift+E')
  await expect(dialog(page).getByRole('combobox', { name: 'Which rollouts' })).toHaveValue('listed')
  const lines = readFileSync(await written(page, () => dialog(page).getByRole('button', { name: 'Write Rollouts' }).click()), 'utf8')
    .trim()
    .split('\n')
  expect(lines.length).toBeGreaterThan(20)
  expect(new Set(lines.map((line) => (JSON.parse(line) as { correct: boolean }).correct))).toEqual(new Set([true]))
})

test('two runs leave side by side, and the database as one file', async ({ at }) => {
  const page = await at('#/runs')
  await page.keyboard.press('Control+Shift+E')
  const both = JSON.parse(
    readFileSync(await written(page, () => dialog(page).getByRole('button', { name: 'Write Answers side by side' }).click()), 'utf8'),
  ) as { models: unknown[]; examples: { score: number | null }[] }
  expect(both.models).toHaveLength(2)
  expect(both.examples.length).toBeGreaterThan(10)
  const copy = await written(page, () => dialog(page).getByRole('button', { name: 'Write The whole database' }).click())
  expect(readFileSync(copy).subarray(0, 15).toString()).toBe('SQLite format 3')
})

test('runs of another workspace are looked at, chosen, and taken over once', async ({ at, workbench }) => {
  const other = join(workbench.folder, 'other')
  cpSync(resolve('resources/sample'), other, { recursive: true })
  const store = openStore(other, { program: 'test' })
  const [first] = store.runs.list()
  const { id: _id, uid: _uid, ...run } = first!.run
  store.runs.add({ ...run, name: 'made elsewhere', groupKey: 'elsewhere' })
  store.close()

  const page = await at('#/runs')
  await page.keyboard.press('Control+K')
  await page.getByRole('combobox').fill('take over')
  await page.keyboard.press('Enter')
  const merge = page.getByRole('dialog', { name: 'Take over runs' })
  await merge.getByRole('textbox', { name: 'Folder' }).fill(other)
  await merge.getByRole('button', { name: 'Look' }).click()
  await expect(merge.getByText('4 runs, 1 of them new')).toBeVisible()
  await page.screenshot({ path: test.info().outputPath('merge.png') })
  const { violations } = await new AxeBuilder({ page }).include('dialog[open]').analyze()
  expect(violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' | ')}`)).toEqual([])
  await merge.getByRole('button', { name: 'Take over 1 run' }).click()
  await expect(merge.getByText(/^1 run, 0 rollouts/)).toBeVisible()
  await expect(merge.getByText('4 runs, 0 of them new')).toBeVisible()
  await page.keyboard.press('Escape')
  await expect(page.getByRole('link', { name: /made elsewhere/ })).toBeVisible()
})

for (const colorScheme of ['light', 'dark'] as const) {
  test(`the dialog stands in nobody's way, ${colorScheme}`, async ({ at, page: tab }) => {
    await tab.emulateMedia({ colorScheme })
    const page = await at('#/compare?budget=64')
    await page.keyboard.press('Control+Shift+E')
    await expect(dialog(page).getByText(/rollouts, about/)).toBeVisible()
    await expect(page.getByRole('grid', { name: /^Methods at a budget of/ })).toBeVisible()
    await page.screenshot({ path: test.info().outputPath(`export-${colorScheme}.png`) })
    const { violations } = await new AxeBuilder({ page }).include('dialog[open]').analyze()
    expect(violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' | ')}`)).toEqual([])
    await page.keyboard.press('Escape')
    await expect(dialog(page)).toHaveCount(0)
  })
}
