// Small windows: at 1100 x 700 and at 520 px every page keeps its values. Nothing stands outside the window or is cut by what it lies in,
// unless it can be scrolled to or has its whole text where the pointer or the keyboard finds it. Pictures of every page are kept to look at.
import { expect, type Page } from '@playwright/test'
import { pagePaths } from './everyPage.ts'
import { consoleOf, copySample, goTo, letIn, testsOn } from './workbench.ts'

const test = testsOn(copySample)
const SIZES = [
  [1100, 700],
  [520, 900],
] as const

/** Texts that a reader cannot get at: `where: text`, in the order of the page. */
const cutTexts = (page: Page): Promise<string[]> =>
  page.evaluate(() => {
    const found: string[] = []
    const scrolls = (value: string) => value === 'auto' || value === 'scroll'
    const nameOf = (element: Element) =>
      `${element.tagName.toLowerCase()}${element.classList.length > 0 ? `.${[...element.classList].filter((name) => !name.startsWith('svelte-')).join('.')}` : ''}`
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT)
    for (let node = walker.nextNode(); node !== null; node = walker.nextNode()) {
      const text = (node.nodeValue ?? '').trim()
      const parent = node.parentElement
      if (
        text === '' ||
        parent === null ||
        parent.closest('.visually-hidden, .skip, script, style, option, [hidden], dialog:not([open]), [popover]:not(:popover-open)')
      )
        continue
      if (!parent.checkVisibility({ opacityProperty: true, visibilityProperty: true })) continue
      const range = document.createRange()
      range.selectNodeContents(node)
      const box = range.getBoundingClientRect()
      if (box.width === 0 || box.height === 0) continue
      let whole = false
      let reachable = true
      let at: string | null = null
      for (let element: Element | null = parent; element !== null; element = element.parentElement) {
        const style = getComputedStyle(element)
        if (
          element.closest('[title], [data-whole], [aria-label]') &&
          (element.hasAttribute('title') || element.hasAttribute('data-whole') || (element.getAttribute('aria-label') ?? '').includes(text))
        )
          whole = true
        if (style.position === 'fixed') break
        if (scrolls(style.overflowX)) {
          reachable = true
          break
        }
        const edge = element.getBoundingClientRect()
        if (['hidden', 'clip'].includes(style.overflowX) && (box.right > edge.right + 1.5 || box.left < edge.left - 1.5)) {
          reachable = false
          at ??= nameOf(element)
        }
        if (element === document.documentElement && (box.right > innerWidth + 1.5 || box.left < -1.5)) {
          reachable = false
          at ??= 'window'
        }
      }
      // What a chart says stays within its own figure, and in no other.
      const figure = parent.closest('svg')?.closest('figure')?.getBoundingClientRect()
      if (figure !== undefined && (box.left < figure.left - 1.5 || box.right > figure.right + 1.5)) {
        reachable = false
        at ??= 'figure'
      }
      if (!reachable && !whole) found.push(`${at} > ${nameOf(parent)}: ${text.slice(0, 60)}`)
    }
    if (document.documentElement.scrollWidth > innerWidth + 1)
      found.unshift(`the window scrolls sideways: ${document.documentElement.scrollWidth} in ${innerWidth}`)
    return [...new Set(found)]
  })

for (const [width, height] of SIZES)
  test(`at ${width} px nothing that a reader wants is cut on any page`, async ({ workbench, page }, info) => {
    const said = consoleOf(page)
    await page.setViewportSize({ width, height })
    await page.goto(workbench.server.url)
    await letIn(page)
    const cut: Record<string, string[]> = {}
    for (const path of pagePaths) {
      await goTo(page, path)
      await expect(page.getByRole('main')).not.toBeEmpty()
      await expect(page.locator('main [aria-busy="true"]')).toHaveCount(0)
      await page.waitForTimeout(500)
      await page.screenshot({ path: info.outputPath(`${path.replace(/[^\w]+/g, '-').replace(/^-|-$/g, '') || 'home'}-${width}.png`) })
      const texts = await cutTexts(page)
      if (texts.length > 0) cut[path] = texts
    }
    expect(cut).toEqual({})
    // A reply that comes after its page was left makes Svelte remark that a value of it is no longer kept current.
    expect(said.filter((text) => !text.includes('derived_inert'))).toEqual([])
  })
