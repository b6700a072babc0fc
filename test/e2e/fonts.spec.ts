// The bundled faces are what a page is drawn with, on a machine that has none of its own, and nothing moves when they come.
import { expect } from '@playwright/test'
import { consoleOf, copySample, letIn, testsOn } from './workbench.ts'

const test = testsOn(copySample)

test('words are set in Inter, text of models in JetBrains Mono, and no word moves when a font arrives', async ({ page, workbench }) => {
  const said = consoleOf(page)
  await page.addInitScript(() => {
    // What moves as a font arrives, and not what moves as the page's own data does.
    const moved: { readonly at: number; readonly value: number }[] = []
    const arrived: number[] = []
    Object.assign(window, { moved, arrived })
    document.fonts.addEventListener('loadingdone', () => arrived.push(performance.now()))
    new PerformanceObserver((list) =>
      moved.push(...list.getEntries().map((entry) => ({ at: entry.startTime, value: (entry as unknown as { value: number }).value }))),
    ).observe({ type: 'layout-shift', buffered: true })
  })
  await page.goto(workbench.server.url)
  await letIn(page)
  const drawn = await page.evaluate(() =>
    [...document.fonts].filter(({ status }) => status === 'loaded').map(({ family }) => family.replaceAll('"', '')),
  )
  expect(new Set(drawn)).toEqual(new Set(['Inter', 'JetBrains Mono']))
  const widths = await page.evaluate(() => {
    const pen = document.createElement('canvas').getContext('2d')!
    const width = (font: string) => ((pen.font = font), pen.measureText('Wαit 0123 mmii').width)
    return [
      /^"?Inter"?,/.test(getComputedStyle(document.body).fontFamily),
      width('400 16px Inter') !== width('400 16px sans-serif'),
      width("400 16px 'JetBrains Mono'") !== width('400 16px monospace'),
    ]
  })
  expect(widths).toEqual([true, true, true])
  await page.waitForTimeout(500)
  const shifts = await page.evaluate(() => {
    const { moved, arrived } = window as unknown as { moved: { at: number; value: number }[]; arrived: number[] }
    return moved.filter(({ at }) => arrived.some((when) => at >= when - 20 && at <= when + 60)).map(({ value }) => value)
  })
  expect(shifts.reduce((sum, each) => sum + each, 0)).toBeLessThan(0.1)
  expect(said).toEqual([])
})
