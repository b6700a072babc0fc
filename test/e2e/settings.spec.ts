// The page of settings: what is chosen is there at once and after a reload; storage says what takes room and shows what pruning would take before it does.
import { expect } from '@playwright/test'
import { copySample, holdsUp, testsOn } from './workbench.ts'

const test = testsOn(copySample)

test('theme and size of text take effect at once and stay', async ({ at }) => {
  const page = await at('#/settings')
  await page.getByRole('combobox', { name: 'Theme' }).selectOption('dark')
  await expect(page.locator('html')).toHaveAttribute('data-theme', 'dark')
  await page.reload()
  await expect(page.getByRole('combobox', { name: 'Theme' })).toHaveValue('dark')
  await page.getByRole('combobox', { name: 'Theme' }).selectOption('system')
  await expect(page.getByText('none, but for fetching a model by name')).toBeVisible()
})

test('rollouts of a run are pruned after a look at what would go, and compacting gives the room back', async ({ at }) => {
  const page = await at('#/settings')
  const table = page.getByRole('grid', { name: 'Room that runs take' })
  await expect(table.getByRole('row')).toHaveCount(4)
  await holdsUp(page, 'settings')
  await table.getByRole('row', { name: /length penalty/ }).click()
  await page.getByRole('button', { name: 'Prune rollouts' }).click()
  const dialog = page.getByRole('dialog', { name: 'This would go' })
  await expect(dialog).toContainText(/[\d,\u202f]+ rollouts \(.*B\)/)
  await dialog.getByRole('button', { name: 'Keep everything' }).click()
  await expect(table.getByRole('row', { name: /length penalty/ })).not.toContainText(/penalty\s*0 B/)
  await page.getByRole('button', { name: 'Prune rollouts' }).click()
  await dialog.getByRole('button', { name: 'Take it out' }).click()
  await expect(table.getByRole('row', { name: /length penalty/ })).toContainText('0 B')
  await page.getByRole('button', { name: 'Compact the database' }).click()
  await expect(page.getByText('The database is compact')).toBeVisible()
})
