/**
 * The whole way of a newcomer, on real training: the sample is there, a quickstart of three steps is started from the screen and
 * watched, a rollout of it is read with its progress lane, runs are compared, the budget is scrubbed, figures and tables leave
 * as files. Then the brakes of a run at work: pause, go on, save, stop, branch.
 */
import { readFileSync } from 'node:fs'
import { expect, type Page } from '@playwright/test'
import { goTo, holdsUp, testsOn } from './workbench.ts'

const test = testsOn(() => null)
const vitals = (page: Page) => page.getByRole('region', { name: 'State of the run' })
const vital = (page: Page, name: string) => vitals(page).locator(`dt:text-is("${name}") + dd`)

async function save(page: Page, button: string | RegExp, item: string): Promise<string> {
  await page.getByRole('button', { name: button }).first().click()
  const download = page.waitForEvent('download')
  await page.getByRole('menuitem', { name: item }).click()
  return readFileSync(await (await download).path(), 'utf8')
}

test('from the sample to the progress lane of a rollout that this machine produced, and to a comparison', async ({ at }) => {
  const page = await at()
  await expect(page.getByRole('heading', { name: 'The sample: three methods, one start' })).toBeVisible({ timeout: 60_000 })

  // Start.
  const quickstart = page.getByRole('region', { name: 'Quickstart' })
  await quickstart.getByLabel('Steps').fill('3')
  await quickstart.getByRole('button', { name: 'Start 3 runs' }).click()
  await expect(page).toHaveURL(/#\/run\/4/, { timeout: 30_000 })

  // Watch.
  await expect(vital(page, 'step')).toHaveText(/^[12] ?of 3/, { timeout: 120_000 })
  await expect(vital(page, 'time left')).toContainText(/\d/)
  await expect(vital(page, 'tokens/s')).toContainText(/\d/)
  await expect(vital(page, 'memory')).toContainText(/B$/)
  await expect(page).toHaveTitle(/% .* – MRT Workbench/)
  await page.getByRole('button', { name: '2 waiting' }).click()
  for (const name of ['length penalty', 'MRT-exact'])
    await page.getByRole('button', { name: new RegExp(`Take ${name}.* out of the queue`) }).click()
  await page.keyboard.press('Escape')
  await expect(vital(page, 'step').or(vital(page, 'evaluated'))).toHaveText(/^3 ?of 3|problems|of 100 %/, { timeout: 120_000 })
  await expect(page.getByRole('application', { name: 'Reward', exact: true })).toBeVisible()
  await page.screenshot({ path: test.info().outputPath('watching.png') })

  // Read, while it is evaluated.
  await page.getByRole('button', { name: 'Rollouts', exact: true }).click()
  await expect(page.locator('main header p').first()).toContainText(/step 3 · group \d+ of 32/, { timeout: 30_000 })
  await expect(page.getByText('J if stopped here, change')).toBeVisible()
  await expect(page.getByRole('button', { name: /^Episode 1,/ })).toBeVisible()
  await holdsUp(page, 'progress-lane')

  // Compare what has been evaluated; the new run may still be at it, which keeps nobody from reading.
  await goTo(page, '#/compare?runs=1,2,3&budget=64')
  const headline = page.getByRole('grid', { name: /^Methods at a budget of 64/ })
  await expect(headline).toBeVisible({ timeout: 120_000 })
  await expect(page.getByText(/of \d+ budgets ready/)).toHaveCount(0, { timeout: 120_000 })

  // Scrub.
  await page.getByRole('slider', { name: 'Thinking budget' }).focus()
  await page.keyboard.press('ArrowRight')
  await expect(page.getByRole('grid', { name: 'Methods at a budget of 80 tokens' })).toBeVisible()

  // Take along.
  await expect(page.getByRole('application', { name: 'Accuracy against budget' })).toBeVisible({ timeout: 60_000 })
  expect(await save(page, 'Figure: Accuracy against budget', 'Save as SVG')).toContain('<svg')
  expect(await save(page, 'Figure: Accuracy against budget', 'Save as CSV')).toMatch(/^method,thinking_budget_tokens,accuracy/)
  expect(await save(page, /^Export Methods at a budget of 80 tokens/, 'Save as CSV')).toMatch(/^method,/)
  const cancel = page.getByRole('button', { name: /^Cancel outcome RL/ })
  if (await cancel.isVisible()) await cancel.click()
  await expect(page.getByText('No job running')).toBeVisible({ timeout: 60_000 })
})

test('a run at work is paused, goes on, saves a checkpoint, stops, and is branched from what it saved', async ({ at }) => {
  const page = await at('#/new?preset=countdown-outcome')
  await page.getByLabel('Name').fill('braked')
  for (const [label, value] of [
    ['Steps', '9000'],
    ['Problems per step', '4'],
    ['Group size', '4'],
  ])
    await page.getByLabel(label, { exact: true }).fill(value)
  await page.evaluate(() => document.querySelectorAll('main details').forEach((each) => ((each as HTMLDetailsElement).open = true)))
  for (const [label, value] of [
    ['Held-out problems', '16'],
    ['Checkpoint every', '100'],
  ])
    await page.getByLabel(label, { exact: true }).fill(value)
  await page.getByRole('button', { name: /^Start the run/ }).click()
  await expect(vital(page, 'step')).toHaveText(/^[1-9]\d* ?of 9,000/, { timeout: 120_000 })

  await page.getByRole('button', { name: 'Pause', exact: true }).click()
  await expect(page.locator('main header').getByText('paused', { exact: true })).toBeVisible({ timeout: 60_000 })
  await page.getByRole('tab', { name: /^Checkpoints/ }).click()
  const checkpoints = page.getByRole('grid', { name: 'Checkpoints' }).getByRole('row')
  await expect(checkpoints).toHaveCount(2)
  await page.screenshot({ path: test.info().outputPath('paused.png') })

  await page.getByRole('button', { name: 'Resume', exact: true }).click()
  await expect(page.getByRole('button', { name: 'Pause', exact: true })).toBeVisible({ timeout: 60_000 })
  await expect(page.locator('main header').getByText('running', { exact: true })).toBeVisible({ timeout: 60_000 })
  await page.getByRole('button', { name: 'More about this run' }).click()
  await page.getByRole('menuitem', { name: 'Save a checkpoint' }).click()
  await expect(checkpoints).toHaveCount(3, { timeout: 60_000 })
  await expect(page.locator('main header').getByText('running', { exact: true })).toBeVisible({ timeout: 60_000 })

  await page.keyboard.press('Control+.')
  await expect(page.getByRole('button', { name: 'Resume', exact: true })).toBeVisible({ timeout: 60_000 })

  await page.getByRole('button', { name: 'Branch', exact: true }).last().click()
  await expect(page.getByRole('heading', { name: 'Branch from a checkpoint' })).toBeVisible()
  await page.getByLabel('Name').fill('branched')
  await page.getByLabel('Steps', { exact: true }).fill('2')
  await page.getByRole('button', { name: /^Start the run/ }).click()
  await expect(page.getByRole('heading', { name: 'branched' })).toBeVisible()
  await expect(page.locator('main header').getByText('finished', { exact: true })).toBeVisible({ timeout: 120_000 })
  await page.getByRole('tab', { name: 'Settings' }).click()
  await expect(page.getByText(/^checkpoint:\d+$/).first()).toBeVisible()
})
