/** Setting up: presets side by side, every option with its unit and its reason, what it will take, and what is kept of a draft. */
import { join } from 'node:path'
import { expect, type Page } from '@playwright/test'
import { openStore } from '../../src-main/store/openStore.ts'
import { copySample, holdsUp, testsOn } from './workbench.ts'

const test = testsOn(copySample)
const summary = (page: Page) => page.getByRole('complementary', { name: 'What will be started' })
const preset = (page: Page, name: string) => page.locator('.presets').getByRole('button', { name: new RegExp(`^${name}(?!,)`) })

test('every option says why it is there, and numbers that count something say what', async ({ at }) => {
  const page = await at('#/new?preset=countdown-mrt-exact')
  await expect(page.getByLabel('Group size')).toBeVisible()
  await page.evaluate(() => document.querySelectorAll('main details').forEach((each) => ((each as HTMLDetailsElement).open = true)))
  const bare = await page
    .locator('form .field')
    .evaluateAll((fields) =>
      fields.filter((field) => !field.querySelector('.why')?.textContent).map((field) => field.querySelector('label')?.textContent),
    )
  expect(bare).toEqual([])
  for (const [label, unit] of [
    ['Steps', 'steps'],
    ['Thinking budget', 'tokens'],
    ['Group size', 'rollouts'],
    ['Checkpoint every', 'steps'],
  ])
    await expect(page.locator('.field', { has: page.getByLabel(label, { exact: true }) }).locator('.unit')).toHaveText(unit)
  await expect(page.getByLabel('α (alpha)')).toHaveValue('1')
  await holdsUp(page, 'new-run')
})

test('methods and seeds multiply, and so does what they will take', async ({ at }) => {
  const page = await at('#/new?preset=countdown-outcome')
  // Measured where the sample was made, and timed on machines with another processor.
  await expect(summary(page).getByText(/(Measured|Timed) here\./)).toBeVisible({ timeout: 60_000 })
  const tokens = summary(page).locator('dt:has-text("tokens sampled") + dd')
  const one = await tokens.textContent()
  await preset(page, 'MRT-exact').click()
  await summary(page).getByLabel('Seeds', { exact: true }).fill('2')
  await expect(summary(page).getByRole('button', { name: /^Start 4 runs/ })).toBeVisible()
  await expect(tokens).not.toHaveText(one!)
  await page.getByRole('tab', { name: 'MRT-exact' }).click()
  await expect(page.getByLabel('α (alpha)')).toBeVisible()
})

test('what cannot stand is said at its field and keeps the run from starting', async ({ at }) => {
  const page = await at('#/new?preset=countdown-outcome')
  await page.getByLabel('Name').fill('')
  await expect(page.getByText('A run needs a name.')).toBeVisible()
  await expect(summary(page).getByRole('button', { name: /^Start the run/ })).toHaveAttribute('aria-disabled', 'true')
})

test('a run over Ray asks for where its workers are, starts with nothing but what its fields say, and keeps it on record', async ({
  at,
  workbench,
}) => {
  const page = await at('#/new?preset=countdown-outcome')
  const start = summary(page).getByRole('button', { name: /^Start the run/ })
  await page.getByLabel('Steps', { exact: true }).fill('1')
  await summary(page).getByRole('switch', { name: 'Over a Ray cluster' }).click()
  const [workers, silent] = [summary(page).getByLabel('Workers'), summary(page).getByLabel('A worker may be silent for')]
  for (const [field, bad] of [
    [workers, ''],
    [workers, '0'],
    [silent, ''],
    [silent, '1.5'],
  ] as const) {
    await field.fill(bad)
    await expect(start).toHaveAttribute('aria-disabled', 'true')
    await field.fill('3')
    await expect(start).not.toHaveAttribute('aria-disabled', 'true')
  }
  await silent.fill('17')
  await summary(page).getByLabel('Python that has ray').fill(join(workbench.folder, 'no python'))
  // What is not asked any more holds nothing up.
  await workers.fill('')
  await summary(page).getByRole('switch', { name: 'Over a Ray cluster' }).click()
  await expect(start).not.toHaveAttribute('aria-disabled', 'true')
  await summary(page).getByRole('switch', { name: 'Over a Ray cluster' }).click()
  await start.click()
  await expect(page.getByRole('main').getByText(/Expected a Ray cluster at 127\.0\.0\.1:6379.*found the driver ended/)).toBeVisible({
    timeout: 60_000,
  })
  const store = openStore(join(workbench.folder, 'sample'), { readOnly: true })
  expect(store.runs.get(4)!.environment).toMatchObject({ ray: { address: '127.0.0.1:6379', workers: 3, patience: 17 } })
  store.close()
})

test('a draft outlives a reload, says what differs from its preset, and can be put back', async ({ at }) => {
  const page = await at('#/new')
  await page.getByLabel('Group size').fill('12')
  await expect(page.getByText('1 changed')).toBeVisible()
  await page.reload()
  await expect(page.getByLabel('Group size')).toHaveValue('12')
  await page.getByRole('button', { name: 'preset 8' }).click()
  await expect(page.getByLabel('Group size')).toHaveValue('8')
})

test('a finished run is set up again with changes, or branched from its checkpoint', async ({ at }) => {
  const page = await at('#/run/3')
  await page.getByRole('button', { name: 'More about this run' }).click()
  await page.getByRole('menuitem', { name: /^Duplicate with changes/ }).click()
  await expect(page.getByRole('heading', { name: 'Duplicate with changes' })).toBeVisible()
  await expect(page.getByLabel('Steps')).toHaveValue('40')
  await page.goBack()
  await page.getByRole('tab', { name: /^Checkpoints/ }).click()
  await page.getByRole('button', { name: 'Branch' }).click()
  await expect(page.getByRole('heading', { name: 'Branch from a checkpoint' })).toBeVisible()
  await expect(page.getByText(/^MRT-exact, after step \d+$/)).toBeVisible()
  await expect(page.getByText(/^checkpoint \d+$/)).toBeVisible()
})
