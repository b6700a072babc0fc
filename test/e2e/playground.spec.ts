/**
 * The Playground in a real browser on the shipped sample: the starter and a checkpoint on one Countdown problem, with their text as it comes, J
 * and verdict; own text in notation; what cannot be asked; cancelling; narrow and in both themes.
 */
import { expect, type Page } from '@playwright/test'
import { copySample, holdsUp, testsOn } from './workbench.ts'

const test = testsOn(copySample, { arrived: (page) => expect(page.getByRole('heading', { name: 'Playground', level: 1 })).toBeVisible() })
test.describe.configure({ mode: 'serial', timeout: 90_000 })

const write = (page: Page) => page.getByRole('button', { name: /^Write/ })
const panelOf = (page: Page, name: string | RegExp) => page.getByRole('region', { name })
const textOf = (page: Page) => page.getByRole('region', { name: 'starter model' }).getByRole('listitem').allInnerTexts()

test('it can be reached from the sidebar and from the keyboard, and says that nothing was written yet', async ({ at }) => {
  const page = await at('#/playground')
  await expect(page.getByText('Nothing has been written yet')).toBeVisible()
  await page.getByRole('link', { name: 'Models', exact: true }).click()
  await page.keyboard.press('ControlOrMeta+7')
  await expect(page.getByRole('link', { name: 'Playground' })).toHaveAttribute('aria-current', 'page')
  await holdsUp(page, 'playground-empty')
})

test('two models write on one problem side by side, each with episodes, J at every boundary and a verdict', async ({ at }) => {
  const page = await at('#/playground')
  await page.getByLabel('Beside it').selectOption({ index: 2 })
  await expect(page).toHaveURL(/b=checkpoint:\d+/)
  const question = await page.getByText(/^Use the numbers/).innerText()
  await page.keyboard.press('ControlOrMeta+Enter')
  for (const name of ['starter model', /seed \d+, step \d+/]) {
    const panel = panelOf(page, name)
    await expect(panel.getByText(/J before thinking/)).toBeVisible({ timeout: 60_000 })
    await expect(panel.getByText(/^(right|wrong)$/)).toBeVisible()
    await expect(panel.getByText(/J is exact: the chance of each of the \d+ ways of writing a right answer/)).toBeVisible()
    await panel.getByText(/the prompt as the model reads it/).click()
    const asked = question.match(/\d+/g)!
    await expect(panel.locator('pre')).toContainText(`${asked.slice(0, 3).join(' ')} -> ${asked[3]}`)
  }
  const [left, right] = await Promise.all(
    [panelOf(page, 'starter model'), panelOf(page, /seed \d+, step \d+/)].map((panel) => panel.boundingBox()),
  )
  expect([right!.y, right!.x > left!.x + left!.width]).toEqual([left!.y, true])
  await panelOf(page, 'starter model').getByText('tokens with their probabilities').click()
  await holdsUp(page, 'playground-two')
  await page.setViewportSize({ width: 420, height: 900 })
  await page.evaluate(() => new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn))))
  await page.screenshot({ path: test.info().outputPath('playground-narrow.png'), fullPage: true })
  expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(420)
})

test('the same seed writes the same, another problem is another', async ({ at }) => {
  const page = await at('#/playground')
  const done = () => expect(panelOf(page, 'starter model').getByText(/J before thinking/)).toBeVisible({ timeout: 60_000 })
  await write(page).click()
  await done()
  const first = await textOf(page)
  await write(page).click()
  await done()
  expect(await textOf(page)).toEqual(first)
  const question = await page.getByText(/^Use the numbers/).innerText()
  await page.getByRole('button', { name: 'Another problem' }).click()
  await expect(page.getByText('held-out problem 2')).toBeVisible()
  await expect(page.getByText(/^Use the numbers/)).not.toHaveText(question)
})

test('own text in the notation of the starter is graded, other words are refused with what it knows', async ({ at }) => {
  const page = await at('#/playground?task=own')
  await page.getByLabel('Text').fill('5 4 15 -> 79')
  await write(page).click()
  await expect(panelOf(page, 'starter model').getByText(/^(right|wrong)$/)).toBeVisible({ timeout: 60_000 })
  await page.getByLabel('Text').fill('What is the time?')
  await write(page).click()
  await expect(page.getByText('This cannot be asked of this model')).toBeVisible({ timeout: 60_000 })
  await expect(page.getByText(/a problem in the notation of countdown, such as "[\d ]+-> \d+"/).first()).toBeVisible()
})

test('a task that the chosen model has no words for cannot be asked, and the page says why', async ({ at }) => {
  const page = await at('#/playground?task=gcd')
  await expect(page.getByText(/starter model has words for countdown only/).first()).toBeVisible()
  await expect(write(page)).toHaveAttribute('aria-disabled', 'true')
})
