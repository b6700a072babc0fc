/**
 * Compares the runs of the sample workspace in a real browser, over the served lab: the scrubber re-scores the page from
 * what is there, figures and tables leave as files, pairs open side by side; axe objects to nothing in either theme.
 */
import { readFileSync } from 'node:fs'
import AxeBuilder from '@axe-core/playwright'
import { expect, type Page } from '@playwright/test'
import { copySample, testsOn } from './workbench.ts'

const test = testsOn(copySample, { arrived: (page) => expect(headline(page)).toBeVisible({ timeout: 120_000 }) })

const headline = (page: Page) => page.getByRole('grid', { name: /^Methods at a budget of/ })
const scrubber = (page: Page) => page.getByRole('slider', { name: 'Thinking budget' })

test('the scrubber re-scores table, pictures and pairs at once, from what was fetched', async ({ at }) => {
  const page = await at('#/compare?budget=64')
  await expect(page.getByText(/^At 64 tokens/)).toBeVisible()
  await page.evaluate(() => {
    const send = WebSocket.prototype.send
    Object.assign(window, { sent: 0 })
    WebSocket.prototype.send = function (...given) {
      ;(window as unknown as { sent: number }).sent += 1
      return send.apply(this, given)
    }
  })
  await scrubber(page).focus()
  await page.keyboard.press('ArrowRight')
  await expect(page.getByRole('grid', { name: 'Methods at a budget of 80 tokens' })).toBeVisible()
  await expect(page.getByText(/^At 80 tokens/)).toBeVisible()
  expect(page.url()).toContain('budget=80')
  expect(await page.evaluate(() => (window as unknown as { sent: number }).sent)).toBe(0)
})

test('every figure of the headline opens to its formula, its counts and its rows', async ({ at }) => {
  const page = await at('#/compare?budget=64')
  await headline(page)
    .getByRole('button', { name: /^\d+\.\d$/ })
    .first()
    .click()
  await expect(page.getByText('mean over problems of P(right | thinking cut at C)')).toBeVisible()
  await page.getByRole('link', { name: /Rollouts of evaluation/ }).click()
  await expect(page).toHaveURL(/rollouts\?/)
})

test('figures open to their formula and what was counted, too', async ({ at }) => {
  const page = await at('#/compare?budget=64')
  await page.getByRole('button', { name: 'Where Regret against budget comes from' }).click()
  await expect(page.getByText('Δ(C) = 1 − (1/C) ∫₀ᶜ a(t) dt')).toBeVisible()
})

test('pairs say up front whose answers were left out of the sample, and open the others side by side', async ({ at }) => {
  const page = await at('#/compare?budget=64')
  const pairs = page.getByRole('grid', { name: /^Same problems under/ })
  await expect(page.getByText(/of these problems were kept|problems were kept/)).toBeVisible()
  await expect(pairs.getByText('not kept').first()).toBeVisible()
})

test('the start can be the baseline, and everything can be read as of an earlier step', async ({ at }) => {
  const page = await at('#/compare?budget=64&baseline=start')
  await expect(headline(page).getByRole('row', { name: /^Start.*baseline/ })).toBeVisible()
  await page.getByRole('slider', { name: 'Training step' }).first().press('Home')
  await expect(headline(page).getByRole('row', { name: /MRT-exact/ })).toContainText('at step 0')
  await expect(page).toHaveURL(/step=0/)
  await page.getByRole('button', { name: 'Newest weights' }).click()
  await expect(page).not.toHaveURL(/step=/)
})

test('another accuracy counts other tokens', async ({ at }) => {
  const page = await at('#/compare?budget=64')
  await page.getByRole('combobox', { name: 'Accuracy at which tokens are counted' }).selectOption({ label: 'tokens for 60 % right' })
  await expect(headline(page).getByRole('columnheader', { name: /tokens for 60 %/ })).toBeVisible()
  await expect(page).toHaveURL(/level=0\.6/)
})

test('the file of a figure holds what is drawn, the file of a table what it shows', async ({ at }) => {
  const page = await at('#/compare?budget=64')
  const save = async (button: string, item: string) => {
    await page.getByRole('button', { name: button, exact: true }).click()
    const download = page.waitForEvent('download')
    await page.getByRole('menuitem', { name: item }).click()
    return readFileSync(await (await download).path(), 'utf8')
  }
  await expect(page.getByRole('application', { name: 'Accuracy against budget' })).toBeVisible({ timeout: 60_000 })
  expect(await save('Figure: Accuracy against budget', 'Save as CSV')).toMatch(
    /^method,thinking_budget_tokens,accuracy,accuracy_low,accuracy_high\nStart,/,
  )
  expect(await save('Figure: Accuracy against budget', 'Save as SVG')).toContain('<svg')
  expect(await save('Export Methods at a budget of 64 tokens', 'Save as CSV')).toMatch(/^method,/)
})

test('only what differs is listed between configurations', async ({ at }) => {
  const page = await at('#/compare')
  await page.getByRole('button', { name: /Config diff/ }).click()
  await expect(page.getByRole('dialog')).toContainText('settings differ')
  await expect(page.getByRole('dialog').getByText('mrt-exact', { exact: true })).toBeVisible()
})

for (const colorScheme of ['light', 'dark'] as const) {
  test(`nothing stands in the way of assistive technology, ${colorScheme}`, async ({ at, page: tab }) => {
    await tab.emulateMedia({ colorScheme })
    const page = await at('#/compare?budget=64')
    await expect(page.getByRole('application', { name: 'Regret against budget' })).toBeVisible({ timeout: 60_000 })
    const { violations } = await new AxeBuilder({ page }).analyze()
    expect(violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' | ')}`)).toEqual([])
  })
}
