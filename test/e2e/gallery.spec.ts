/**
 * Walks the gallery, where every mark and part stands in its designed states: no error and no policy violation, no
 * accessibility violation in either theme, everything reachable by keyboard, and each figure's exported SVG the same
 * as the stored one. `UPDATE_FIGURES=1` stores the figures anew; look at the difference before committing it.
 */
import { mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import AxeBuilder from '@axe-core/playwright'
import { expect, test as base, type Locator, type Page } from '@playwright/test'
import { figureDifference } from './sameFigure.ts'
import { serveRenderer, type ServedRenderer } from './serveRenderer.ts'

interface Spoken {
  readonly page: Page
  /** Whatever the page has said or asked for since it was opened. */
  readonly said: readonly string[]
}

function listenTo(page: Page): readonly string[] {
  const said: string[] = []
  page.on('console', (message) => said.push(`${message.type()}: ${message.text()}`))
  page.on('pageerror', (error) => said.push(`error: ${error.message}`))
  page.on('request', (request) => {
    if (!/^(http:\/\/127\.0\.0\.1:|blob:|data:)/.test(request.url())) said.push(`request to ${request.url()}`)
  })
  return said
}

async function openGallery(page: Page, { url }: ServedRenderer, query = ''): Promise<Page> {
  await page.goto(`${url}/gallery.html?${query}`)
  await expect(page.getByRole('heading', { name: 'Gallery' })).toBeVisible()
  await expect(page.locator('figure svg[role=application]').last()).toBeAttached()
  // Colours are judged when the page has its fonts and has stopped changing.
  await page.evaluate(async () => {
    await document.fonts.ready
    await Promise.all(
      document
        .getAnimations()
        .filter(({ effect }) => Number.isFinite(effect?.getComputedTiming().endTime))
        .map(({ finished }) => finished.catch(() => null)),
    )
    await new Promise((painted) => requestAnimationFrame(() => requestAnimationFrame(painted)))
  })
  return page
}

// A page that says anything on the console, or that the content policy stops, fails its test.
const test = base.extend<{ open: (query?: string) => Promise<Page>; gallery: Page }, { served: ServedRenderer; shared: Spoken }>({
  served: [
    async ({}, use) => {
      const served = await serveRenderer()
      await use(served)
      await served.close()
    },
    { scope: 'worker' },
  ],
  open: async ({ page, served }, use) => {
    const said = listenTo(page)
    await use((query) => openGallery(page, served, query))
    expect(said).toEqual([])
  },
  // Drawing it takes longer than most of what is tried on it: tests that put back what they change share one.
  shared: [
    async ({ browser, served }, use) => {
      const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, reducedMotion: 'reduce' })
      const page = await context.newPage()
      const said = listenTo(page)
      await use({ page: await openGallery(page, served), said })
      await context.close()
    },
    { scope: 'worker' },
  ],
  gallery: async ({ shared: { page, said } }, use) => {
    const before = said.length
    await use(page)
    expect(said.slice(before)).toEqual([])
  },
})

const figure = (page: Page, title: string): Locator =>
  page.locator('figure').filter({ has: page.getByRole('heading', { name: title, exact: true }) })
const chartOf = (page: Page, title: string): Locator => figure(page, title).getByRole('application')

async function saved(page: Page, title: string, item: string): Promise<Buffer> {
  await page.getByRole('button', { name: `Figure: ${title}`, exact: true }).click()
  const download = page.waitForEvent('download')
  await page.getByRole('menuitem', { name: item }).click()
  return readFileSync(await (await download).path())
}

/** The SVG of every figure, by title, through each figure's own menu but without leaving the page in between. */
function allSvgs(page: Page): Promise<Readonly<Record<string, string>>> {
  return page.evaluate(async () => {
    const blobs: Blob[] = []
    const make = URL.createObjectURL
    URL.createObjectURL = (blob: Blob) => {
      blobs.push(blob)
      return make.call(URL, blob)
    }
    HTMLAnchorElement.prototype.click = () => undefined
    const frame = () => new Promise((done) => requestAnimationFrame(() => setTimeout(done, 0)))
    const pictures: Record<string, string> = {}
    for (const button of document.querySelectorAll<HTMLButtonElement>('button[aria-label^="Figure: "]')) {
      const title = (button.getAttribute('aria-label') ?? '').slice('Figure: '.length)
      button.click()
      await frame()
      const item = [...document.querySelectorAll<HTMLElement>(':popover-open [role=menuitem]')].find((one) =>
        one.textContent?.includes('Save as SVG'),
      )
      item?.click()
      await frame()
      pictures[title] = (await blobs.pop()?.text()) ?? 'nothing was saved'
    }
    return pictures
  })
}

async function violations(page: Page, part?: string): Promise<readonly string[]> {
  const builder = new AxeBuilder({ page })
  const { violations } = await (part ? builder.include(part) : builder).analyze()
  return violations.flatMap(({ id, nodes }) => nodes.map(({ target }) => `${id}: ${target.join(' ')}`))
}

for (const theme of ['light', 'dark']) {
  test(`nothing in the gallery shuts anybody out (${theme})`, async ({ open }) => {
    const page = await open(`theme=${theme}`)
    expect(await violations(page)).toEqual([])
    // High contrast changes colours alone.
    await open(`theme=${theme}&contrast=more`)
    const { violations: faint } = await new AxeBuilder({ page }).withRules(['color-contrast']).analyze()
    expect(faint.flatMap(({ nodes }) => nodes.map(({ target }) => target.join(' ')))).toEqual([])
  })
}

test('overlays are as accessible as the page, and close on Escape', async ({ gallery: page }) => {
  for (const [button, role, part] of [
    ['Dialog', 'dialog', 'dialog[open]'],
    ['Commands', 'dialog', 'dialog[open]'],
    ['Shortcuts', 'dialog', 'dialog[open]'],
    ['Menu', 'menu', '[role=menu]'],
  ] as const) {
    const opener = page.getByRole('button', { name: new RegExp(`^${button}`) })
    await opener.click()
    await expect(page.getByRole(role).first()).toBeVisible()
    expect(await violations(page, part), button).toEqual([])
    await page.keyboard.press('Escape')
    await expect(page.getByRole(role)).toHaveCount(0)
    await expect(opener).toBeFocused()
  }
})

test('every figure exports as the stored picture', async ({ open }) => {
  const folder = 'test/e2e/figures'
  const page = await open('theme=dark&figures=420')
  const pictures = await allSvgs(page)
  expect(Object.keys(pictures).length).toBeGreaterThan(15)
  const update = process.env.UPDATE_FIGURES === '1'
  if (update) mkdirSync(folder, { recursive: true })
  const names: string[] = []
  for (const [title, picture] of Object.entries(pictures)) {
    const name = `${title.toLowerCase().replace(/[^a-z0-9]+/g, '-')}.svg`
    names.push(name)
    const svg = picture.replaceAll(/c\d+(?=-(?:clip|hatch))/g, 'id').replaceAll('><', '>\n<')
    expect(svg, `${title} resolves its colours`).not.toMatch(/var\(|light-dark|color-mix|class=|style=/)
    expect(svg, `${title} draws something besides its axes`).toMatch(/stroke="#(?!edeae4)[0-9a-f]{6}"/)
    if (update) writeFileSync(join(folder, name), svg)
    else expect.soft(figureDifference(svg, readFileSync(join(folder, name), 'utf8')), title).toBeNull()
  }
  expect(readdirSync(folder).sort()).toEqual(names.sort())
})

test('a figure saves as a PNG of three times its size and as the CSV of what it draws', async ({ open }) => {
  const page = await open('theme=dark')
  const svg = (await saved(page, 'Accuracy against budget', 'Save as SVG')).toString()
  const png = await saved(page, 'Accuracy against budget', 'Save as PNG')
  const width = Number(/width="([\d.]+)"/.exec(svg)?.[1])
  expect(png.subarray(1, 4).toString()).toBe('PNG')
  expect(png.readUInt32BE(16)).toBe(Math.ceil(width * 3))
  const csv = (await saved(page, 'Accuracy against budget', 'Save as CSV')).toString().trim().split('\n')
  expect(csv[0]).toBe('series,thinking_budget_tokens,accuracy,accuracy_low,accuracy_high')
  expect(csv.filter((line) => line.startsWith('MRT-exact,'))).toHaveLength(11)
  expect(csv).toContain('MRT-exact,64,0.722,0.7083,0.7357')
})

test('a figure shows the same data as a table and comes back', async ({ gallery: page }) => {
  const title = 'Regret against budget'
  await page.getByRole('button', { name: `Figure: ${title}` }).click()
  await page.getByRole('menuitem', { name: 'Show as a table' }).click()
  const table = figure(page, title).getByRole('grid', { name: `Data of ${title}` })
  await expect(table.getByRole('row').nth(1)).toContainText('start')
  await expect(table).toHaveAttribute('aria-rowcount', '41')
  await page.getByRole('button', { name: `Figure: ${title}` }).click()
  await page.getByRole('menuitem', { name: 'Show as a chart' }).click()
  await expect(chartOf(page, title)).toBeVisible()
})

test('a chart is read point by point with the arrow keys, and says what it shows', async ({ gallery: page }) => {
  const chart = chartOf(page, 'Accuracy against budget')
  await chart.focus()
  await page.keyboard.press('ArrowRight')
  await page.keyboard.press('ArrowRight')
  const live = figure(page, 'Accuracy against budget').locator('[aria-live]')
  await expect(live).toHaveText('start, 12 tokens: 0.378, interval 0.362 to 0.394. Point 2 of 11.')
  await page.keyboard.press('ArrowUp')
  await expect(live).toContainText('MRT-exact, 12 tokens: 0.493')
  await page.keyboard.press('End')
  await expect(live).toContainText('200 tokens: 0.812')
  await expect(chart).toHaveAccessibleDescription(/MRT-exact: 11 points from 0\.376 at 0 tokens to 0\.812 at 200 tokens/)
})

test('a long chart is narrowed and widened from the keyboard, and says that it is narrowed', async ({ gallery: page }) => {
  const title = 'Line: long, smoothed, with a gap'
  const wholeRange = figure(page, title).getByRole('button', { name: 'whole range' })
  await chartOf(page, title).focus()
  await page.keyboard.press('+')
  await expect(wholeRange).toBeVisible()
  await expect(figure(page, title).locator('.axes')).toContainText('4,0006,0008,000')
  await page.keyboard.press('0')
  await expect(wholeRange).toHaveCount(0)
})

test('charts that share a cursor read at the same x, and a method pointed at in the table steps forward in all of them', async ({
  open,
}) => {
  const page = await open()
  const box = await chartOf(page, 'Accuracy against budget').boundingBox()
  if (!box) throw new Error('the chart is not on screen')
  await page.mouse.move(box.x + 130, box.y + 80)
  await expect(figure(page, 'Accuracy against budget').locator('.tip')).toContainText('MRT-exact')
  await expect(figure(page, 'Regret against budget').locator('line.hair')).toHaveCount(1)
  await page
    .getByRole('grid', { name: 'Methods at one budget' })
    .getByRole('row', { name: /outcome RL/ })
    .hover()
  await expect(figure(page, 'Regret against budget').locator('.labels g[opacity="1"]')).toHaveCount(1)
})

test('the budget scrubber moves from measured value to measured value and re-scores the page', async ({ open }) => {
  const page = await open()
  const slider = page.getByRole('slider', { name: 'Thinking budget' })
  await slider.focus()
  await page.keyboard.press('ArrowRight')
  await expect(slider).toHaveAttribute('aria-valuetext', '80 tokens')
  const table = page.getByRole('grid', { name: 'Methods at one budget' })
  await expect(table.getByRole('columnheader', { name: /accuracy @80/ })).toBeVisible()
  await expect(table.getByRole('row', { name: /MRT-exact/ })).toContainText('73.7')
  await page.keyboard.press('End')
  await expect(slider).toHaveAttribute('aria-valuetext', '200 tokens, beyond training')
})

test('dragging the rule on a chart is the same as moving the scrubber', async ({ open }) => {
  const page = await open()
  const grip = figure(page, 'Accuracy against budget').locator('.grip rect')
  const from = await grip.boundingBox()
  if (!from) throw new Error('the grip is not on screen')
  await page.mouse.move(from.x + 7, from.y + 60)
  await page.mouse.down()
  await page.mouse.move(from.x + 60, from.y + 60, { steps: 4 })
  await page.mouse.up()
  await expect(page.getByRole('slider', { name: 'Thinking budget' })).not.toHaveAttribute('aria-valuenow', '64')
})

test('a table of 120,000 rows keeps few of them in the page, and the keyboard reaches the last', async ({ gallery: page }) => {
  const table = page.getByRole('grid', { name: 'Rollouts' })
  await expect(table).toHaveAttribute('aria-rowcount', '120001')
  await table.focus()
  await page.keyboard.press('j')
  await page.keyboard.press('j')
  await page.keyboard.press('k')
  await expect(table.locator('tr.active')).toHaveAttribute('aria-rowindex', '3')
  await page.keyboard.press('Space')
  await expect(table.locator('tr.active')).toHaveAttribute('aria-selected', 'true')
  await page.keyboard.press('G')
  await expect(table.locator('tr.active')).toHaveAttribute('aria-rowindex', '120001')
  await expect(table.locator('tr.active')).toBeInViewport()
  expect(await table.getByRole('row').count()).toBeLessThan(60)
  await table.getByRole('columnheader', { name: 'tokens' }).getByRole('button').click()
  await expect(table.getByRole('columnheader', { name: 'tokens' })).toHaveAttribute('aria-sort', 'descending')
})

test('scrolling a long table moves no column', async ({ open }) => {
  const page = await open()
  const table = page.getByRole('grid', { name: 'Rollouts' })
  const edges = () => table.getByRole('columnheader').evaluateAll((heads) => heads.map((head) => head.getBoundingClientRect().left))
  await table.scrollIntoViewIfNeeded()
  const before = await edges()
  await table.focus()
  await page.keyboard.press('G')
  await expect(table.locator('tr.active')).toBeInViewport()
  expect(await edges()).toEqual(before)
})

test('the palette finds a command by its letters and runs it', async ({ gallery: page }) => {
  await page.getByRole('button', { name: /^Commands/ }).click()
  await page.keyboard.type('ccr')
  await expect(page.getByRole('listbox', { name: 'Commands' }).getByRole('option').first()).toHaveText(/Compare chosen runs/)
  await page.keyboard.press('Enter')
  await expect(page.getByText('Last chosen: compare')).toBeVisible()
})

test('episodes and tokens are read with the keyboard', async ({ gallery: page }) => {
  await page.getByRole('button', { name: 'Episode 3, 13 tokens' }).focus()
  await page.keyboard.press('j')
  await expect(page.getByRole('button', { name: 'Episode 4, 13 tokens' })).toBeFocused()
  const tokens = page.getByRole('group', { name: 'Tokens of the answer' })
  await tokens.focus()
  await page.keyboard.press('ArrowDown')
  await expect(page.getByText(/^token \d+ of 34$/)).toBeVisible()
})

test('what cannot be done says why, and stays reachable', async ({ gallery: page }) => {
  const resume = page.getByRole('button', { name: 'Resume', exact: true }).and(page.locator('[aria-disabled=true]'))
  await resume.focus()
  await expect(resume).toBeFocused()
  await expect(resume).toHaveAccessibleDescription('No checkpoint has been written yet')
})

test('a wrong number says what was expected, and a preset can be put back', async ({ gallery: page }) => {
  const group = page.getByRole('textbox', { name: 'Group size' })
  await group.fill('1')
  await expect(page.getByText('Expected a whole number from 2 to 64; found 1.')).toBeVisible()
  await expect(group).toHaveAttribute('aria-invalid', 'true')
  await page.getByRole('button', { name: 'preset 1' }).click()
  await expect(page.getByRole('textbox', { name: 'Progress weight α' })).toHaveValue('1')
})

test('nothing moves when a page grows into its size, and no text is lost at double size', async ({ open }) => {
  const page = await open()
  const shift = await page.evaluate(
    () =>
      new Promise<number>((resolve) => {
        let total = 0
        const observer = new PerformanceObserver((list) => {
          for (const entry of list.getEntries() as (PerformanceEntry & { value: number })[]) total += entry.value
        })
        observer.observe({ type: 'layout-shift', buffered: true })
        requestAnimationFrame(() => requestAnimationFrame(() => resolve(total)))
      }),
  )
  expect(shift).toBeLessThan(0.01)
  const large = await open('size=2')
  await expect
    .poll(() => large.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth))
    .toBeLessThanOrEqual(0)
})
