/**
 * Compares the runs of the sample workspace in a real browser, over the served lab: the scrubber re-scores the page from
 * what is there, figures and tables leave as files, pairs open side by side; axe objects to nothing in either theme.
 */
import { cpSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import AxeBuilder from '@axe-core/playwright'
import { expect, test as base, type Page } from '@playwright/test'
import { openServer, type Server } from '../../src-main/serve.ts'

const test = base.extend<{ at: (hash: string) => Promise<Page> }, { server: Server }>({
  server: [
    async ({}, use) => {
      const folder = mkdtempSync(join(tmpdir(), 'mrt-compare-'))
      cpSync(resolve('resources/sample'), join(folder, 'sample'), { recursive: true })
      const server = await openServer({ workspace: join(folder, 'sample'), home: join(folder, 'home') })
      await use(server)
      await server.close()
      rmSync(folder, { recursive: true, force: true })
    },
    { scope: 'worker', timeout: 120_000 },
  ],
  at: async ({ page, server }, use) => {
    const said: string[] = []
    page.on('console', (message) => ['error', 'warning'].includes(message.type()) && said.push(message.text()))
    page.on('pageerror', (error) => said.push(error.message))
    await use(async (hash) => {
      await page.goto(server.url)
      await expect(page.getByRole('navigation', { name: 'Pages' })).toBeVisible({ timeout: 60_000 })
      await page.evaluate((to) => (location.hash = to), hash)
      await expect(headline(page)).toBeVisible({ timeout: 120_000 })
      return page
    })
    expect(said).toEqual([])
  },
})

const headline = (page: Page) => page.getByRole('grid', { name: /^Methods at a budget of/ })
const scrubber = (page: Page) => page.getByRole('slider', { name: 'Thinking budget' })
const everythingReady = (page: Page) => expect(page.getByText(/of \d+ budgets ready/)).toHaveCount(0, { timeout: 180_000 })

test('the scrubber re-scores table, pictures and pairs at once, from what was fetched', async ({ at }) => {
  const page = await at('#/compare?budget=64')
  await everythingReady(page)
  let asked = 0
  page.on('websocket', () => (asked += 1))
  await scrubber(page).focus()
  const took = await page.evaluate(async () => {
    const started = performance.now()
    document.querySelector('[role=slider]')!.dispatchEvent(new KeyboardEvent('keydown', { key: 'ArrowRight', bubbles: true, cancelable: true }))
    await new Promise((done) => requestAnimationFrame(() => setTimeout(done, 0)))
    return performance.now() - started
  })
  await expect(page.getByRole('grid', { name: 'Methods at a budget of 80 tokens' })).toBeVisible()
  await expect(page.getByText(/^At 80 tokens/)).toBeVisible()
  expect(page.url()).toContain('budget=80')
  expect(asked).toBe(0)
  // A busy machine draws late; on a free one it is a tenth of this.
  expect(took).toBeLessThan(1000)
})

test('every figure of the headline opens to its formula, its counts and its rows', async ({ at }) => {
  const page = await at('#/compare?budget=64')
  await headline(page).getByRole('button', { name: /^\d+\.\d$/ }).first().click()
  await expect(page.getByText('mean over problems of P(right | thinking cut at C)')).toBeVisible()
  await page.getByRole('link', { name: /Rollouts of evaluation/ }).click()
  await expect(page).toHaveURL(/rollouts\?/)
})

test('a problem whose answers were left out of the sample says so when it is opened', async ({ at }) => {
  const page = await at('#/compare?budget=64')
  await page.getByRole('button', { name: 'open both' }).first().click()
  await expect(page.getByRole('dialog')).toContainText('These answers were not kept')
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
  expect(await save('Figure: Accuracy against budget', 'Save as CSV')).toMatch(/^method,thinking_budget_tokens,accuracy,accuracy_low,accuracy_high\noutcome RL,/)
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
