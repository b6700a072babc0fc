/**
 * Analyses the rollouts of the sample workspace in a real browser, over the served lab: J and regret against a chosen comparator, the
 * segmentation editor with live cuts, J measured as a job, votes, slices; axe objects to nothing in either theme.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import AxeBuilder from '@axe-core/playwright'
import { expect, type Page } from '@playwright/test'
import { importInto } from '../../src-main/lab/files/importInto.ts'
import { openStore } from '../../src-main/store/openStore.ts'
import { copySample, testsOn } from './workbench.ts'

/** Rollouts of another trainer: some in the words of the sample's task, one in those of a language. */
async function importThoughts(folder: string): Promise<void> {
  const store = openStore(join(folder, 'sample'), { program: 'test' })
  const dumps = {
    'other trainer': [
      '5 + 4 = 9 , 15 - 9 = 6 no Wait 4 * 15 = 60 , 60 + 5 = 65 no Wait 5 * 15 = 75 , 75 + 4 = 79 yes </think> 5 * 15 , 75 + 4 <eos>',
      '5 * 15 = 75 , 75 + 4 = 79 yes </think> 5 * 15 , 75 + 4 <eos>',
    ].map((output, score) => ({ input: '5 4 15 -> 79', output, gts: '79', score, step: 0 })),
    'another language': [{ input: 'What is 2 + 2?', output: 'Two and two.\n\nWait, that is four.</think>4', gts: '4', score: 1, step: 0 }],
  }
  for (const [name, rows] of Object.entries(dumps)) {
    const path = join(folder, `${name}.jsonl`)
    writeFileSync(path, rows.map((row) => JSON.stringify(row)).join('\n'))
    await importInto(store, [path], { as: 'verl', name }, Date.now)
  }
  store.close()
}

const test = testsOn(
  async (folder) => {
    const workspace = copySample(folder)
    await importThoughts(folder)
    return workspace
  },
  { arrived: (page) => expect(page.getByRole('tab', { name: 'J and regret' })).toBeVisible({ timeout: 60_000 }) },
)

const figure = (page: Page, name: string) => page.getByRole('application', { name, exact: true })

test('regret is against a comparator that can be switched, and says which', async ({ at }) => {
  const page = await at('#/thinking?evaluation=4&budget=64')
  await expect(figure(page, 'Regret by budget')).toBeVisible({ timeout: 60_000 })
  const value = page
    .locator('dd', { has: page.getByRole('button', { name: /^−?\d\.\d{3}$/ }) })
    .last()
    .getByRole('button')
  const perfect = await value.textContent()
  await page.getByLabel('regret against').selectOption('sufficient')
  await expect(page).toHaveURL(/against=sufficient/)
  await expect(page.getByText(/^Against the smallest sufficient budget of each problem;/)).toBeVisible()
  await expect(value).not.toHaveText(perfect!)
  await page.getByLabel('regret against').selectOption('best')
  await expect(page.getByText(/^Against the best checkpoint;/)).toBeVisible()
  await value.click()
  await expect(page.getByText('1/C ∫₀ᶜ (comparator − own accuracy), mean over problems')).toBeVisible()
})

test('the cuts of a rule follow every key of its editor', async ({ at }) => {
  const page = await at('#/thinking?evaluation=4&tab=segmentation')
  const episodes = page.getByRole('list', { name: 'Episodes' }).getByRole('listitem')
  await expect(episodes.nth(2)).toContainText('Wait', { timeout: 60_000 })
  const cuts = await episodes.count()
  await page.getByLabel('Episodes merged into one').fill('2')
  await expect(episodes).toHaveCount(Math.ceil(cuts / 2))
  await page.getByLabel('Start from').selectOption('windows')
  await page.getByLabel('Size of a window').fill('10')
  await expect(episodes.first().locator('small')).toHaveText('10')
  await page.getByLabel('Start from').selectOption('regret')
  await expect(page.getByText(/The rule finds nothing to cut here/)).toBeVisible()
  await page.getByRole('switch', { name: 'Own text' }).click()
  await page.getByLabel('Text to cut').fill('First.\n\nSecond.\n\nThird.\n\nWait, fourth.\n\nBut hold on, fifth.')
  await page.getByLabel('Episodes merged into one').fill('1')
  await expect(episodes).toHaveText([/First/, /Wait, fourth/])
  await page.getByLabel('Regular expressions').fill('(')
  await expect(page.getByRole('region', { name: 'Where it cuts' }).getByText('segment.rule')).toBeVisible()
  await page.getByLabel('Regular expressions').fill('')
  await expect(page.getByText('segment.rule')).toHaveCount(0)
  await expect(page.getByRole('grid', { name: 'Regret under other rules' })).toContainText('windows of 16')
})

test('regret under other rules is measured at every cut on request', async ({ at }) => {
  const page = await at('#/thinking?evaluation=4&tab=segmentation')
  const eighths = page.getByRole('grid', { name: 'Regret under other rules' }).getByRole('row', { name: /windows of 8/ })
  await expect(eighths).not.toContainText('100', { timeout: 60_000 })
  await page.getByRole('button', { name: 'Measure J at every cut' }).click()
  await expect(page.getByText(/J measured at every cut/)).toBeVisible({ timeout: 120_000 })
  await expect(eighths).toContainText('100')
})

test('J is measured as a job, exactly and by sampling, and the two are compared', async ({ at }) => {
  const page = await at('#/thinking?run=1&steps=40..40&tab=calibration')
  await expect(page.getByText(/^J was not measured for \d+ of \d+ rollouts$/)).toBeVisible({ timeout: 60_000 })
  await page.getByRole('button', { name: 'Measure J both ways' }).click()
  const dialog = page.getByRole('dialog', { name: 'Measure J' })
  await expect(dialog.getByLabel('Weights that answer')).toHaveValue(/checkpoint:/)
  await dialog.getByLabel('How').selectOption('both')
  await dialog.getByRole('button', { name: 'Start measuring' }).click()
  await expect(figure(page, 'Sampled J against exact J')).toBeVisible({ timeout: 120_000 })
  await expect(page.getByText('within the 95 % range of chance')).toBeVisible()
  await expect(page.getByText(/^J was not measured/)).toHaveCount(0)
  await expect(page.getByLabel('Measurement of J').locator('option')).toHaveCount(4)
})

test('imported rollouts are empty-handed until J is measured with a model that reads them', async ({ at }) => {
  const page = await at('#/thinking')
  await page.getByLabel('Rollouts of').selectOption({ label: 'other trainer' })
  await expect(page.getByText('J was not measured for these rollouts').first()).toBeVisible()
  await expect(page.getByText('Regret needs J at the boundaries, and these rollouts have none.').first()).toBeVisible()
  await page.screenshot({ path: test.info().outputPath('unmeasured.png'), fullPage: true })
  await page.getByRole('button', { name: 'Measure J …' }).first().click()
  await page.getByRole('button', { name: 'Start measuring' }).click()
  await expect(page.getByText(/imported · 2 rollouts · J measured for all/)).toBeVisible({ timeout: 60_000 })
  await expect(figure(page, 'J by number of episodes')).toHaveAccessibleDescription(/4 points/)

  await page.getByLabel('Rollouts of').selectOption({ label: 'another language' })
  await page.getByRole('button', { name: 'Measure J …' }).first().click()
  await page.getByRole('button', { name: 'Start measuring' }).click()
  await expect(page.getByText(/found 1 in words of another tokenizer/)).toBeVisible({ timeout: 60_000 })
})

test('answers drawn at every boundary vote beside direct ones', async ({ at }) => {
  const page = await at('#/thinking?evaluation=4')
  await page.getByRole('button', { name: 'Draw votes' }).click()
  const told = page.getByText(/Votes: 8 answers at each boundary of 40 rollouts/)
  await expect(told).toBeVisible({ timeout: 120_000 })
  // However early it was pressed, those vote that are shown.
  await expect(told).toContainText(`weights ${await page.getByLabel('Weights that vote').locator('option:checked').textContent()},`)
  await page.getByRole('button', { name: 'Figure: What the same tokens buy' }).click()
  const download = page.waitForEvent('download')
  await page.getByRole('menuitem', { name: 'Save as CSV' }).click()
  expect(readFileSync(await (await download).path(), 'utf8')).toMatch(/vote of attempts[^]*vote of 4 after thinking/)

  // What was lost over a budget of episodes is told of the same answers, and its figure is saved as the numbers that it draws.
  await expect(page.getByRole('heading', { name: 'Regret over episodes' })).toBeVisible()
  await page.getByRole('button', { name: 'Figure: Regret over episodes' }).click()
  const regret = page.waitForEvent('download')
  await page.getByRole('menuitem', { name: 'Save as CSV' }).click()
  const rows = readFileSync(await (await regret).path(), 'utf8')
    .trim()
    .split('\n')
  const episodes = rows.slice(1).map((row) => row.split(','))
  expect(episodes.map((row) => row.find((cell) => /^(6|11|16|21|26|31)$/.test(cell)))).toEqual(
    ['6', '11', '16', '21', '26', '31'].slice(0, episodes.length),
  )
  expect(episodes.length).toBeGreaterThan(0)
  for (const row of episodes) for (const cell of row.slice(1)) if (/^-?[\d.e-]+$/.test(cell)) expect(Number(cell)).toBeGreaterThanOrEqual(0)
})

test('slices and their files', async ({ at }) => {
  const page = await at('#/thinking?evaluation=4&tab=slices')
  await expect(page.getByRole('grid', { name: 'Slices' })).toContainText('hardest third', { timeout: 60_000 })
  await page.getByLabel('Slice by').selectOption('correct')
  await expect(page.getByRole('grid', { name: 'Slices' })).toContainText('wrong')
  await page.getByRole('button', { name: 'Export Slices', exact: true }).click()
  const download = page.waitForEvent('download')
  await page.getByRole('menuitem', { name: 'Save as CSV' }).click()
  expect(readFileSync(await (await download).path(), 'utf8')).toMatch(/^slice,rollouts,problems,right_percent,right_percent_low/)
})

for (const colorScheme of ['light', 'dark'] as const) {
  test(`nothing stands in the way of assistive technology, ${colorScheme}`, async ({ at, page: tab }) => {
    await tab.emulateMedia({ colorScheme })
    const page = await at('#/thinking?evaluation=4&budget=64')
    const shows = {
      'J and regret': 'What the same tokens buy',
      Calibration: 'Telling right from wrong, by depth',
      Segmentation: 'Regret under other rules',
      Slices: 'Regret by slice',
    }
    for (const [view, last] of Object.entries(shows)) {
      await page.getByRole('tab', { name: view }).click()
      await expect(figure(page, last)).toBeVisible({ timeout: 60_000 })
      await page.screenshot({ path: test.info().outputPath(`${view}.png`), fullPage: true })
      const { violations } = await new AxeBuilder({ page }).analyze()
      expect(violations.map(({ id, nodes }) => `${view}, ${id}: ${nodes.map(({ html }) => html).join(' | ')}`)).toEqual([])
    }
  })
}
