/** Arriving: what the sample says about itself, what a quickstart will take, making and opening workspaces, dropping things. */
import { join } from 'node:path'
import { expect } from '@playwright/test'
import { copySample, holdsUp, testsOn } from './workbench.ts'

const test = testsOn(copySample)

test('the sample shows three methods from one start, and says where they come from', async ({ at }) => {
  const page = await at()
  await expect(page.getByRole('heading', { name: 'The sample: three methods, one start' })).toBeVisible({ timeout: 60_000 })
  const table = page.getByRole('grid', { name: /^Configurations at 120 tokens/ })
  for (const name of ['Start', 'outcome RL', 'length penalty', 'MRT-exact'])
    await expect(table.getByText(name, { exact: true })).toBeVisible()
  await expect(page.getByText('3 runs of 40 steps')).toBeVisible()
  await expect(page.getByText(/countdown-3, 256 held out/)).toBeVisible()
  await expect(page.getByRole('application', { name: 'Accuracy against budget' })).toBeVisible()
  await holdsUp(page, 'home')
  await table.getByText('MRT-exact', { exact: true }).click()
  await expect(page).toHaveURL(/#\/run\/3/)
})

test('a quickstart says what it will take on this machine, before it starts', async ({ at }) => {
  const page = await at()
  const panel = page.getByRole('region', { name: 'Quickstart' })
  // Measured where the sample was made, and timed on machines with another processor.
  await expect(panel.getByText(/(Measured|Timed) here\./)).toBeVisible({ timeout: 60_000 })
  const tokens = panel.locator('dt:has-text("tokens sampled") + dd')
  const before = await tokens.textContent()
  await panel.getByLabel('Steps').fill('3')
  await expect(tokens).not.toHaveText(before!)
  await panel.getByLabel('Seeds').fill('2')
  await expect(panel.getByRole('button', { name: 'Start 6 runs' })).toBeVisible()
})

test('a new workspace offers the quickstart and the sample, and the recent ones lead back', async ({ at, workbench }) => {
  const page = await at()
  await page.keyboard.press('Control+o')
  const dialog = page.getByRole('dialog', { name: 'Open a workspace' })
  await dialog.getByLabel('Folder').fill(join(workbench.folder, 'nothing-here'))
  await dialog.getByRole('button', { name: 'Open', exact: true }).click()
  await expect(dialog.getByRole('alert')).toContainText('workspace.')
  await dialog.getByLabel('Folder').fill(join(workbench.folder, 'mine'))
  await dialog.getByRole('button', { name: 'Make a new one there' }).click()
  await expect(page.getByRole('heading', { name: 'Does a model spend its thinking well?' })).toBeVisible()
  await expect(page.getByRole('button', { name: 'Look at three finished runs' })).toBeVisible()
  await expect(page.getByText('Timed here.')).toBeVisible({ timeout: 60_000 })
  await holdsUp(page, 'home-empty')
  await page.evaluate(() => (location.hash = '#/runs'))
  await expect(page.getByText('No runs yet')).toBeVisible()
  await page.evaluate(() => (location.hash = '#/'))
  await page
    .getByRole('button', { name: /^sample/ })
    .first()
    .click()
  await expect(page.getByRole('heading', { name: 'sample', exact: true })).toBeVisible()
  await page.getByRole('button', { name: 'Forget mine' }).click()
  await expect(page.getByRole('button', { name: /^mine/ })).toHaveCount(0)
})

test('what is dragged over the window is named before it is let go', async ({ at }) => {
  const page = await at()
  await page.evaluate(() => {
    const files = new DataTransfer()
    files.items.add(new File(['x'], 'workspace.db'))
    document.body.dispatchEvent(new DragEvent('dragover', { bubbles: true, cancelable: true, dataTransfer: files }))
  })
  await expect(page.getByText(/a browser does not tell where a folder lies/)).toBeVisible()
  await page.evaluate(() => document.body.dispatchEvent(new DragEvent('dragleave', { bubbles: true })))
  await expect(page.getByText(/a browser does not tell where a folder lies/)).toHaveCount(0)
})
