/** The window itself: commands by typing, the sheet of shortcuts, the glossary, how it looks, and addresses that lead nowhere. */
import { expect } from '@playwright/test'
import { copySample, holdsUp, testsOn } from './workbench.ts'

const test = testsOn(copySample)

test('typing a command or the name of a run goes there', async ({ at }) => {
  const page = await at()
  await page.keyboard.press('Control+k')
  const palette = page.getByRole('dialog', { name: 'Commands' })
  await holdsUp(page, 'palette')
  await palette.getByRole('combobox').fill('run 2')
  await page.keyboard.press('Enter')
  await expect(page).toHaveURL(/#\/run\/2/)
  await page.keyboard.press('Control+k')
  await palette.getByRole('combobox').fill('pause')
  await expect(palette.getByRole('option', { name: /Pause/ })).toContainText('The run is not training now')
  await page.keyboard.press('Escape')
  await expect(palette).toBeHidden()
})

test('a page brings its commands along, whichever page was there before', async ({ at }) => {
  const page = await at('#/new')
  await expect(page.getByLabel('Group size')).toBeVisible()
  for (const hash of ['#/run/1', '#/glossary', '#/run/2']) {
    await page.evaluate((to) => (location.hash = to), hash)
    await expect(page.locator('main h1')).toBeVisible()
  }
  await page.keyboard.press('Control+d')
  await expect(page.getByRole('heading', { name: 'Duplicate with changes' })).toBeVisible()
})

test('chords go to pages from anywhere, bare keys stay out of what is typed', async ({ at }) => {
  const page = await at()
  await page.keyboard.press('Control+1')
  await expect(page).toHaveURL(/#\/runs/)
  await expect(page.getByRole('grid').first()).toBeFocused()
  await page.keyboard.press('Control+f')
  await expect(page.getByRole('searchbox', { name: 'Filter runs' })).toBeFocused()
  await page.keyboard.type('?')
  await expect(page.getByRole('searchbox', { name: 'Filter runs' })).toHaveValue('?')
  await expect(page.getByRole('dialog', { name: 'Shortcuts' })).toBeHidden()
  await page.keyboard.press('Escape')
  await page.keyboard.press('?')
  const sheet = page.getByRole('dialog', { name: 'Shortcuts' })
  await expect(sheet.getByText('New run')).toBeVisible()
  await holdsUp(page, 'shortcuts')
  await page.keyboard.press('Escape')
  await page.keyboard.press('Control+b')
  await expect(page.getByRole('navigation', { name: 'Pages' })).toBeHidden()
  await page.keyboard.press('Control+b')
})

test('the glossary sets the paper’s symbols beside every word and metric, and finds in them', async ({ at }) => {
  const page = await at()
  await page.getByRole('link', { name: 'Glossary' }).click()
  await expect(page.locator('.symbol', { hasText: 'Jr(μ | z0:j)' })).toBeVisible()
  await expect(page.getByText('ttc/regret@<budget>')).toBeVisible()
  await expect(page.getByText('Entropy has collapsed')).toBeVisible()
  await holdsUp(page, 'glossary')
  await page.getByRole('searchbox', { name: 'Find in the glossary' }).fill('regret')
  await expect(page.getByText('Gradient norm')).toHaveCount(0)
  await expect(page.getByText('Accuracy lost against a comparator')).toBeVisible()
  await page.reload()
  await expect(page.getByRole('searchbox', { name: 'Find in the glossary' })).toHaveValue('regret')
})

test('theme and size of text stay as they were chosen', async ({ at }) => {
  const page = await at()
  await page.getByRole('button', { name: 'Appearance' }).click()
  await page
    .getByRole('menuitemradio', { name: 'Dark' })
    .or(page.getByRole('menuitem', { name: 'Dark' }))
    .or(page.getByRole('menuitemcheckbox', { name: 'Dark' }))
    .click()
  await page.keyboard.press('Control+=')
  const looks = () =>
    page.evaluate(() => [getComputedStyle(document.body).backgroundColor, getComputedStyle(document.documentElement).fontSize])
  const chosen = ['rgb(20, 22, 25)', '17.6px']
  await expect.poll(looks).toEqual(chosen)
  await page.reload()
  await expect.poll(looks).toEqual(chosen)
})

test('an address that leads nowhere says so and offers a way on', async ({ at }) => {
  const page = await at('#/no/such/page')
  await expect(page.getByText('There is no such page')).toBeVisible()
  await page.getByRole('button', { name: 'Go to Home' }).click()
  await expect(page.getByRole('region', { name: 'Quickstart' })).toBeVisible()
})
