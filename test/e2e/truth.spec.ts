/**
 * What the screens say of the sample is what its record holds: each set of problems under its own name, no figure that mixes two of them, runs
 * that share a title told apart, a difference of settings named in ink that can be read, and answers that can be drawn again.
 */
import Database from 'better-sqlite3'
import { join } from 'node:path'
import { expect, type Page } from '@playwright/test'
import { copySample, holdsUp, testsOn } from './workbench.ts'

/** The sample with its second run under the first one's name, at another learning rate: two configurations with one title, and a confound. */
function twins(folder: string): string {
  const copy = copySample(folder)
  const db = new Database(join(copy, 'workspace.db'))
  db.prepare(
    "UPDATE runs SET name = (SELECT name FROM runs WHERE id = 1), config = json_set(config, '$.optimizer.lr', 0.0002, '$.name', (SELECT name FROM runs WHERE id = 1)) WHERE id = 2",
  ).run()
  db.close()
  return copy
}

const test = testsOn(twins)
const figure = (page: Page, name: string) => page.getByRole('application', { name, exact: true })

test('Home draws two evaluated configurations that share a title, and their names say which is which', async ({ at }) => {
  const page = await at()
  const table = page.getByRole('grid', { name: /^Configurations at 120 tokens/ })
  await expect(table.getByRole('row')).toHaveCount(1 + 4, { timeout: 60_000 })
  const names = (await table.getByRole('row').allInnerTexts()).slice(1).map((text) => text.split('\n')[0]!)
  expect(new Set(names).size).toBe(names.length)
  expect(names.filter((name) => name.includes('outcome RL'))).toHaveLength(2)
  await expect(figure(page, 'Accuracy against budget')).toBeVisible()
})

test('Compare names the settings that differ beside the method above the table, and their ink can be read in both themes', async ({
  at,
}) => {
  const page = await at('#/compare?runs=1,2,3')
  const banner = page.getByRole('status').filter({ hasText: 'These differ in more than the method' })
  await expect(banner).toContainText('optimizer.lr', { timeout: 60_000 })
  await expect(page.getByRole('grid', { name: /^Methods at a budget/ })).toBeVisible()
  for (const colorScheme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme })
    // WCAG's ratio of luminances, of the words against what lies behind them.
    const ratio = (): Promise<number> =>
      banner
        .locator('li')
        .first()
        .evaluate((item) => {
          const canvas = document.createElement('canvas').getContext('2d', { willReadFrequently: true })!
          const luminance = (color: string): number => {
            canvas.fillStyle = color
            canvas.fillRect(0, 0, 1, 1)
            const [r, g, b] = [...canvas.getImageData(0, 0, 1, 1).data].map((value) =>
              value / 255 <= 0.03928 ? value / 255 / 12.92 : ((value / 255 + 0.055) / 1.055) ** 2.4,
            )
            return 0.2126 * r! + 0.7152 * g! + 0.0722 * b!
          }
          const [ink, wash] = [
            luminance(getComputedStyle(item).color),
            luminance(getComputedStyle(item.closest('.banner')!).backgroundColor),
          ]
          return (Math.max(ink, wash) + 0.05) / (Math.min(ink, wash) + 0.05)
        })
    // The page hears of the other theme in its own time.
    await expect.poll(ratio, { message: colorScheme }).toBeGreaterThan(7)
  }
  await page.emulateMedia({ colorScheme: null })
  await holdsUp(page, 'compare-confounds')
})

test('rewards of different methods stand apart, on axes that they share', async ({ at }) => {
  const page = await at('#/compare?runs=1,3&metric=reward')
  const [first, second] = ['outcome RL', 'MRT-exact'].map((name) => figure(page, name))
  await expect(first!).toBeVisible({ timeout: 60_000 })
  const ticks = async (of: typeof first) =>
    (await of!.locator('text').allTextContents()).map((text) => text.trim()).filter((text) => /^[+−]?\d/.test(text))
  await expect.poll(async () => (await ticks(first)).length).toBeGreaterThan(4)
  await expect.poll(() => ticks(second)).toEqual(await ticks(first))
})

test('a run shows one square for each evaluation on held-out problems, and its list says on which problems each was', async ({
  at,
  workbench,
}) => {
  const db = new Database(join(workbench.folder, 'sample', 'workspace.db'), { readonly: true })
  const splits = db.prepare('SELECT split FROM evaluations WHERE run_id = 3').pluck().all() as string[]
  db.close()
  expect(new Set(splits)).toEqual(new Set(['heldout', 'heldout-targets']))
  const page = await at('#/run/3?tab=evaluations')
  const list = page.getByRole('grid', { name: 'Evaluations' })
  await expect(list.getByText('held-out targets', { exact: true })).toHaveCount(
    splits.filter((split) => split === 'heldout-targets').length,
    { timeout: 60_000 },
  )
  await expect(list.getByText('held-out problems', { exact: true })).toHaveCount(splits.filter((split) => split === 'heldout').length)
  await page.evaluate(() => (location.hash = '#/run/3'))
  await page.getByRole('button', { name: 'Where Pass rate comes from' }).click({ timeout: 60_000 })
  const held = splits.filter((split) => split === 'heldout').length
  await expect(page.locator('dt:has-text("held out") + dd').first()).toHaveText(
    `${held} ${held === 1 ? 'evaluation' : 'evaluations'}, accuracy`,
  )
})

test('the analysis of an evaluation can be of the thinking that was forced on, and says so', async ({ at }) => {
  const page = await at('#/thinking')
  const toggle = page.getByRole('switch', { name: 'Thinking forced on' })
  await expect(toggle).not.toBeChecked({ timeout: 60_000 })
  const tokens = page.locator('dt:has-text("thinking tokens") + dd')
  const natural = Number.parseFloat((await tokens.innerText()).replace(/[^\d.].*/s, ''))
  await toggle.click()
  await expect(page).toHaveURL(/kept=yes/)
  await expect(page.getByText(/evaluation, thinking forced on/)).toBeVisible()
  await expect.poll(async () => Number.parseFloat((await tokens.innerText()).replace(/[^\d.].*/s, ''))).toBeGreaterThan(natural)
  await page.getByRole('tab', { name: 'Slices' }).click()
  await expect(page.getByRole('grid').first()).toBeVisible({ timeout: 60_000 })
})

test('Stop here draws answers in the sample, at the temperature of the run, beside the J on record', async ({ at }) => {
  const page = await at('#/rollouts?run=3')
  await page.getByRole('button', { name: 'Stop here, before thinking' }).click({ timeout: 60_000 })
  const answers = page.getByRole('region', { name: 'Answers before thinking' })
  await expect(answers).toContainText(/\d+ of \d+ right/, { timeout: 60_000 })
  await expect(answers).toContainText('exact J')
  await answers.getByRole('button', { name: /\d+ of \d+ right/ }).click({ timeout: 10_000 })
  await expect(answers.getByText('temperature', { exact: true })).toBeVisible()
  await page.keyboard.press('Escape')
  // Other weights than those of the run answer as well, and are named.
  await page.getByRole('combobox', { name: /^weights/ }).selectOption({ label: 'starter model' })
  await page.getByRole('button', { name: 'Stop here, before thinking' }).click()
  await answers.getByRole('button', { name: /\d+ of \d+ right/ }).click({ timeout: 60_000 })
  await expect(answers.getByText('starter model', { exact: true })).toBeVisible()
})
