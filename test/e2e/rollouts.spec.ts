/**
 * Reads rollouts of the sample workspace in a real browser, over the served lab: every way to a sample, the keys, the
 * views, search, links; nothing on the console, nothing that axe objects to in either theme.
 */
import AxeBuilder from '@axe-core/playwright'
import { expect, type Page } from '@playwright/test'
import { copySample, testsOn } from './workbench.ts'

const test = testsOn(copySample, {
  arrived: (page) => expect(page.locator('main .answer, main .columns, main .tokens').first()).toBeVisible({ timeout: 60_000 }),
})

const where = (page: Page) => page.locator('main header p').first()
const rolloutIn = (page: Page) => Number(new URL(page.url().replace('#/', '')).searchParams.get('rollout'))

test('the page opens at the newest sample that was kept, and its address names it', async ({ at }) => {
  const page = await at('#/rollouts')
  await expect(where(page)).toContainText(/step \d+ · group \d+ of \d+ · sample 1 of \d+/)
  expect(rolloutIn(page)).toBeGreaterThan(0)
  await expect(page.getByText('J if stopped here, change')).toBeVisible()
})

test('n and p walk the samples, N and P the steps, and j the episodes, but not while somebody types', async ({ at }) => {
  const page = await at('#/rollouts')
  const first = rolloutIn(page)
  await page.keyboard.press('n')
  await expect(where(page)).toContainText('sample 2')
  await page.keyboard.press('p')
  await expect.poll(() => rolloutIn(page)).toBe(first)
  const step = (await where(page).textContent())!.match(/step \d+/)![0]
  await page.keyboard.press('P')
  await expect(where(page)).not.toContainText(step)
  await page.keyboard.press('j')
  await expect(page.getByRole('button', { name: /^Episode 1,/ })).toHaveAttribute('aria-pressed', 'true')
  await page.keyboard.press('f')
  const box = page.getByRole('searchbox', { name: 'Find rollouts with these words' })
  await expect(box).toBeFocused()
  const here = rolloutIn(page)
  await page.keyboard.type('n')
  await expect(box).toHaveValue('n')
  expect(rolloutIn(page)).toBe(here)
})

test('a group is one click from its step, and a sample one click from its group', async ({ at }) => {
  const page = await at('#/rollouts')
  await page
    .getByRole('grid', { name: /Groups of step/ })
    .getByRole('row')
    .nth(2)
    .click()
  await expect(where(page)).toContainText('sample 1')
  await page.getByRole('list', { name: 'Samples of the group' }).getByRole('button').nth(2).click()
  await expect(where(page)).toContainText('sample 3')
})

test('words are found in all rollouts with their place in the text, and a link brings the search back', async ({ at }) => {
  const page = await at('#/rollouts?text=Wait&list=find')
  await expect(page.locator('mark').first()).toHaveText('Wait')
  await page.reload()
  await expect(page.getByRole('searchbox', { name: 'Find rollouts with these words' })).toHaveValue('Wait')
})

test('the thinking can be folded away, and the words of a search are marked where they stand', async ({ at }) => {
  const page = await at('#/rollouts?text=Wait&list=find')
  await expect.poll(() => page.evaluate(() => [...(CSS.highlights.get('found') ?? [])].map(String))).toContain('Wait')
  await page.getByRole('switch', { name: 'Thinking' }).click()
  await expect(page.getByText(/of thinking not shown/)).toBeVisible()
  await page.getByRole('switch', { name: 'Markdown and maths' }).click()
  await expect(page.locator('main .rich')).toBeVisible()
})

test('what each method pays is told for this rollout and opens to its parts', async ({ at }) => {
  const page = await at('#/rollouts')
  const table = page.getByRole('grid', { name: 'Reward of this rollout by method' })
  await expect(table.getByText('outcome RL')).toBeVisible({ timeout: 30_000 })
  await table
    .getByRole('button', { name: /^[\d.−]+$/ })
    .first()
    .click()
  await expect(page.getByText('Answered by the credit rule that trains')).toBeVisible()
})

for (const view of ['tokens', 'group', 'training'] as const) {
  test(`the view “${view}” is a link`, async ({ at }) => {
    const page = await at('#/rollouts')
    await page.evaluate((to) => (location.hash = `${location.hash}&view=${to}`), view)
    const sign = {
      tokens: page.getByRole('group', { name: 'Tokens of the answer' }),
      group: page.getByRole('region', { name: 'Answers side by side' }),
      training: page.getByRole('heading', { name: 'Tokens each time' }),
    }[view]
    await expect(sign).toBeVisible()
  })
}

for (const colorScheme of ['light', 'dark'] as const) {
  test(`nothing stands in the way of assistive technology, ${colorScheme}`, async ({ at, page: tab }) => {
    await tab.emulateMedia({ colorScheme })
    const page = await at('#/rollouts')
    await expect(page.getByRole('grid', { name: 'Reward of this rollout by method' })).toBeVisible({ timeout: 30_000 })
    const { violations } = await new AxeBuilder({ page }).analyze()
    expect(violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' | ')}`)).toEqual([])
  })
}

test('J is one line over the thought, with the other samples of the group behind it; the rail beside the text can be put away', async ({
  at,
}) => {
  const page = await at('#/rollouts?run=1&step=40')
  const curve = page.locator('.curve')
  await expect(curve.getByRole('application', { name: 'J over the thought' })).toBeVisible()
  await expect(curve).toContainText(/behind it \d+ other samples of the group/)
  await expect(curve.locator('g.line.faint')).not.toHaveCount(0)
  const middle = page.locator('.middle')
  const before = (await middle.boundingBox())!.width
  await page.setViewportSize({ width: 1500, height: 900 })
  const beside = (await middle.boundingBox())!.width
  await page.getByRole('button', { name: 'Beside it' }).click()
  await expect(page.getByRole('heading', { name: 'On record' })).toBeHidden()
  expect((await middle.boundingBox())!.width).toBeGreaterThan(beside + 150)
  expect(before).toBeGreaterThan(300)
  await page.getByRole('button', { name: 'Beside it' }).click()
})

test('a note and tags stay with a rollout, and lead back to it', async ({ at }) => {
  const page = await at('#/rollouts?run=1&step=40')
  const notes = page.locator('.notes')
  await notes.getByLabel('tags').fill('lucky, check')
  await notes.getByLabel('tags').blur()
  await notes.getByLabel('note').fill('right for the wrong reason')
  await notes.getByLabel('note').blur()
  await page.keyboard.press('n')
  await expect(notes.getByLabel('note')).toHaveValue('')
  await notes.getByText('1 other rollout has notes').click()
  await expect(notes.getByRole('listitem')).toContainText('lucky, check right for the wrong reason')
  await page.reload()
  await expect(notes.getByLabel('note')).toBeVisible()
  await page.keyboard.press('p')
  await expect(notes.getByLabel('note')).toHaveValue('right for the wrong reason')
})

test('the watch list of a run leads to every time that its problems were asked', async ({ at }) => {
  const page = await at('#/rollouts?run=3&list=picks')
  const list = page.getByRole('list', { name: 'Watch list' })
  await expect(list.getByRole('button')).toHaveCount(4)
  await list.getByRole('button').first().click()
  await expect(page.getByRole('tab', { name: 'Through training' })).toHaveAttribute('aria-selected', 'true')
  const asked = page.getByRole('grid', { name: 'The same prompt through training' })
  await expect(asked.getByRole('gridcell', { name: 'watch list', exact: true })).toHaveCount(4)
  await expect(asked.getByRole('gridcell', { name: 'training', exact: true })).not.toHaveCount(0)
  await expect(asked.getByRole('columnheader', { name: 'left out' })).toHaveCount(0)
})
