/**
 * The workbench as a browser test meets it: a served lab on a workspace of its own, a page that was let in, and the three
 * things every page is held to (nothing on the console, nothing axe objects to in either theme, a picture to look at).
 */
import { cpSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import AxeBuilder from '@axe-core/playwright'
import { expect, test as base, type Page } from '@playwright/test'
import { openServer, type Server, type ServerOptions } from '../../src-main/serve.ts'

export const sampleFolder = resolve('resources/sample')

/** A copy of the sample as the workspace of the test; returns its folder. */
export function copySample(folder: string): string {
  const copy = join(folder, 'sample')
  cpSync(sampleFolder, copy, { recursive: true })
  return copy
}

export interface Workbench {
  readonly server: Server
  /** Everything this test wrote: the workspace, the program's own folder. */
  readonly folder: string
}

export interface TestsOptions extends Partial<ServerOptions> {
  /** What is there once the page that a test goes to has arrived. */
  readonly arrived?: (page: Page) => Promise<void>
}

/**
 * Tests against one server per file. `prepare` fills the folder and says which workspace to open; null opens what the
 * program would open by itself.
 */
export function testsOn(
  prepare: (folder: string) => string | null | Promise<string>,
  { arrived = async () => {}, ...options }: TestsOptions = {},
) {
  return base.extend<{ at: (hash?: string) => Promise<Page> }, { workbench: Workbench }>({
    workbench: [
      async ({}, use) => {
        const folder = mkdtempSync(join(tmpdir(), 'mrt-e2e-'))
        mkdirSync(join(folder, 'home'))
        const server = await openServer({ workspace: await prepare(folder), home: join(folder, 'home'), ...options })
        await use({ server, folder })
        await server.close()
        rmSync(folder, { recursive: true, force: true })
      },
      { scope: 'worker', timeout: 120_000 },
    ],
    at: async ({ page, workbench }, use) => {
      const said = consoleOf(page)
      await use(async (hash = '#/') => {
        await page.goto(workbench.server.url)
        await letIn(page)
        if (hash !== '#/') await goTo(page, hash)
        await arrived(page)
        return page
      })
      expect(said).toEqual([])
    },
  })
}

/** Errors and warnings of the page from now on, as they come. */
export function consoleOf(page: Page): readonly string[] {
  const said: string[] = []
  page.on('console', (message) => ['error', 'warning'].includes(message.type()) && said.push(message.text()))
  page.on('pageerror', (error) => said.push(error.message))
  return said
}

export const letIn = (page: Page): Promise<void> => expect(page.getByRole('navigation', { name: 'Pages' })).toBeVisible({ timeout: 60_000 })

export const goTo = (page: Page, hash: string): Promise<void> => page.evaluate((to) => void (location.hash = to), hash)

/** Both themes: what axe objects to (nothing), and a picture of each under the test's output. */
export async function holdsUp(page: Page, name: string): Promise<void> {
  for (const colorScheme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme })
    // Two frames: the one that is being drawn may still be of the other theme.
    await page.evaluate(() => new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn))))
    await page.screenshot({ path: base.info().outputPath(`${name}-${colorScheme}.png`) })
    const { violations } = await new AxeBuilder({ page }).analyze()
    expect(
      violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' | ')}`),
      `${name}, ${colorScheme}`,
    ).toEqual([])
  }
  await page.emulateMedia({ colorScheme: null })
}
