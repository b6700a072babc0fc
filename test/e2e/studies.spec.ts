/** Studies: what one would take before it starts, one that is set up, paused, gone on with and read, and the one that ships. */
import { expect } from '@playwright/test'
import { copySample, holdsUp, testsOn } from './workbench.ts'

const test = testsOn(copySample)

test('the study that ships shows its cells, and a report whose first words are the answer', async ({ at }) => {
  const page = await at('#/studies')
  await expect(page.getByRole('heading', { name: /^Countdown-3/ })).toBeVisible()
  const row = page.getByRole('row', { name: /^MRT-exact / }).first()
  await expect(row.getByRole('link', { name: /seed 1: finished/ })).toBeVisible()
  await expect(page.locator('.rich p').first()).toContainText(/^(Whether )?MRT-exact/)
  await expect(page.locator('.rich table').first().getByRole('columnheader', { name: 'arm' })).toBeVisible()
  await expect(
    page.getByText(/^The runs of \d+ finished cells are not in this workspace; the report is of the 3 that are\.$/),
  ).toBeVisible()
  // Pages of other studies are files beside the report, and none of the window.
  await expect(page.locator('.rich a')).toHaveCount(0)
  await expect(page.locator('.rich')).not.toContainText('Other questions')
  await holdsUp(page, 'studies')
  await row.getByRole('link', { name: /seed 1: finished/ }).click()
  await expect(page.getByRole('heading', { name: 'MRT-exact' })).toBeVisible()
})

test('what a study takes and can see follows every choice, before anything is made', async ({ at }) => {
  const page = await at('#/studies?make=yes')
  const told = (name: string) => page.locator(`dt:has-text("${name}") + dd`)
  await expect(told('cells')).toHaveText('204')
  await page.getByRole('radio', { name: /^Where the gain of MRT-exact comes from/ }).check()
  await page.getByLabel('Learning rate', { exact: true }).selectOption('fixed')
  await expect(told('cells')).toHaveText('48')
  const before = await told('smallest difference seen').textContent()
  await page.getByLabel('Seeds', { exact: true }).fill('2')
  await expect(told('cells')).toHaveText('12')
  await expect(told('smallest difference seen')).not.toHaveText(before!)
  await page.getByRole('checkbox', { name: /^outcome RL/ }).uncheck()
  await expect(told('cells')).toHaveText('10')
  await expect(page.getByText('Without its baseline nothing is compared at equal cost.')).toBeVisible()
  await holdsUp(page, 'new-study')
  // An emptied field is no answer, and what it held before is not taken for one.
  const start = page.getByRole('button', { name: 'Start the study' })
  await expect(start).not.toHaveAttribute('aria-disabled', 'true')
  for (const label of ['Seeds', 'Steps', 'Problems', 'Rollouts of each', 'Validation problems']) {
    const field = page.getByLabel(label, { exact: true })
    const before = await field.inputValue()
    await field.fill('')
    await expect(start).toHaveAttribute('aria-disabled', 'true')
    await expect(told('cells')).toHaveText('–')
    await field.fill(before)
    await expect(start).not.toHaveAttribute('aria-disabled', 'true')
  }
})

test('a study is started, shows the step it is at, pauses, goes on and ends with a report', async ({ at }) => {
  const page = await at('#/studies?make=yes')
  await page.getByRole('radio', { name: /^Learning rates of outcome RL/ }).check()
  for (const box of await page.getByRole('checkbox').all()) await box.uncheck()
  await page.getByRole('checkbox', { name: /^outcome RL, rate 0.0001/ }).check()
  await page.getByLabel('Learning rate', { exact: true }).selectOption('fixed')
  for (const [label, value] of [
    ['Seeds', '1'],
    ['Steps', '2'],
    ['Problems', '8'],
    ['Rollouts of each', '2'],
    ['Validation problems', '4'],
  ] as const)
    await page.getByLabel(label, { exact: true }).fill(value)
  await expect(page.locator('dt:has-text("cells") + dd')).toHaveText('1')
  await page.getByRole('button', { name: 'Start the study' }).click()
  await expect(page.getByText('0 of 1 cell finished')).toBeVisible({ timeout: 30_000 })
  await page.getByRole('button', { name: 'Pause' }).click()
  await expect(page.getByText('It rests, and goes on where it was.')).toBeVisible({ timeout: 180_000 })
  await expect(page.getByText('There is nothing to report yet')).toBeVisible()
  await page.getByRole('button', { name: 'Go on' }).click()
  await expect(page.getByText('1 of 1 cell finished')).toBeVisible({ timeout: 240_000 })
  await expect(page.locator('.rich table').first()).toBeVisible()
  await expect(
    page
      .locator('.rich')
      .getByText(/1 seed/)
      .first(),
  ).toBeVisible()
  await page.getByRole('button', { name: 'Compare', exact: true }).click()
  await expect(page).toHaveURL(/#\/compare\?runs=/)
})
