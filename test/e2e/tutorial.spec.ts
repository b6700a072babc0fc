// The steps of docs/tutorial.md in a browser. `UPDATE_DOCS=1` takes its pictures anew.
import { mkdirSync, readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { expect, type Page } from '@playwright/test'
import { copySample, goTo, testsOn } from './workbench.ts'

const test = testsOn(copySample)
const steps: readonly (readonly [name: string, hash: string, there: (page: Page) => Promise<void>])[] = [
  ['home', '#/', async (page) => void (await expect(page.getByRole('application').first()).toBeVisible())],
  [
    'rollout',
    '#/rollouts?run=3&step=40',
    async (page) => void (await expect(page.getByRole('application', { name: 'J over the thought' })).toBeVisible()),
  ],
  ['compare', '#/compare?runs=1,2,3', async (page) => void (await expect(page.getByRole('application').first()).toBeVisible())],
  ['runs', '#/runs', async (page) => void (await expect(page.getByRole('grid', { name: 'Runs' })).toContainText('±', { timeout: 60_000 }))],
  ['studies', '#/studies', async (page) => void (await expect(page.locator('.rich table').first()).toBeVisible())],
]

test('every step of the tutorial shows what it says', async ({ at }, info) => {
  const page = await at()
  await page.setViewportSize({ width: 1200, height: 760 })
  for (const [name, hash, there] of steps) {
    await goTo(page, hash)
    await there(page)
    await page.waitForTimeout(600)
    const folder = process.env.UPDATE_DOCS ? resolve('docs/images') : info.outputPath()
    mkdirSync(folder, { recursive: true })
    await page.screenshot({ path: `${folder}/${name}.png` })
  }
})

test('the help shows every picture of the tutorial, and the reference with its tables', async ({ at }) => {
  const page = await at('#/help')
  const pictures = page.locator('main img')
  await expect(pictures).toHaveCount(readFileSync(resolve('docs/tutorial.md'), 'utf8').match(/^!\[/gm)!.length)
  for (const picture of await pictures.all())
    await expect.poll(() => picture.evaluate((img) => (img as HTMLImageElement).naturalWidth)).toBeGreaterThan(0)
  await page.getByRole('tab', { name: 'Reference' }).click()
  await expect(page.getByRole('cell', { name: 'sampling.topK' })).toBeVisible()
  await expect(page.getByRole('cell', { name: 'J_r(mu | z_{0:j})' })).toBeVisible()
})
