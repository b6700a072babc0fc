/**
 * What can go wrong around the work: the lab process dies, the key is wrong, the workspace is damaged or must not be written.
 * The window stays, says what happened in words with a code, and nothing that was recorded is lost.
 */
import { fork } from 'node:child_process'
import { chmodSync, chownSync, mkdirSync, readdirSync, readFileSync, statSync, truncateSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { expect, test as plain } from '@playwright/test'
import { forkLab } from '../../src-main/lab/process/forkLab.ts'
import type { LabProcess } from '../../src-main/lab/process/supervise.ts'
import { openStore } from '../../src-main/store/openStore.ts'
import { consoleOf, copySample, goTo, holdsUp, letIn, testsOn } from './workbench.ts'

const ENTRY = resolve('src-main/lab/process/process.ts')
const sample = resolve('resources/sample')

plain.describe('the lab process', () => {
  let lab: LabProcess
  const test = testsOn(copySample, {
    startLab: (start) => (lab = forkLab(ENTRY, { ...start, home: join(start.folder!, '..', 'home'), version: '', sample })),
  })

  test('is killed while it trains: the window stays, restarts it, and the run goes on from its checkpoint', async ({ at }) => {
    const page = await at('#/new?preset=countdown-outcome')
    await page.getByLabel('Name').fill('killed')
    await page.getByLabel('Steps').fill('6')
    await page.getByLabel('Problems per step').fill('8')
    await page.evaluate(() => document.querySelectorAll('main details').forEach((each) => ((each as HTMLDetailsElement).open = true)))
    await page.getByLabel('Checkpoint every').fill('1')
    await page.getByLabel('Held-out problems').fill('16')
    await page.getByRole('button', { name: /^Start the run/ }).click()
    const step = page.getByRole('region', { name: 'State of the run' }).locator('dt:has-text("step") + dd')
    await expect(step).toHaveText(/^[2-5] ?of 6/, { timeout: 120_000 })
    lab.kill()
    await expect(page.getByRole('alert').filter({ hasText: 'The lab process has ended' })).toContainText('signal SIGKILL')
    await expect(page.getByRole('heading', { name: 'killed' })).toBeVisible()
    await expect(step).toHaveText(/of 6/)
    await expect(page.locator('main header').getByText('stopped', { exact: true })).toBeVisible()
    await expect(page.getByText('No job running')).toBeVisible()
    await holdsUp(page, 'lab-gone')
    await page.getByRole('button', { name: 'Restart the lab' }).click()
    const offer = page.getByRole('status').filter({ hasText: 'A run was left unfinished' })
    await expect(offer).toContainText(/killed after step [2-5]/, { timeout: 60_000 })
    await page.screenshot({ path: plain.info().outputPath('interrupted.png') })
    await offer.getByRole('button', { name: 'Resume' }).click()
    await expect(page.locator('main').getByText('finished', { exact: true })).toBeVisible({ timeout: 180_000 })
    await expect(offer).toHaveCount(0)
    await expect(page.getByRole('region', { name: 'State of the run' }).locator('dt:has-text("accuracy @120") + dd')).toContainText('%', {
      timeout: 60_000,
    })
    await page.getByRole('tab', { name: /^Events/ }).click()
    await expect(
      page
        .locator('main')
        .getByText(/interrupted|resumed/i)
        .first(),
    ).toBeVisible()
  })
})

plain.describe('the key of the address', () => {
  const test = testsOn(copySample)

  test('a wrong one and a missing one are told apart, and each says what to do', async ({ page, workbench }) => {
    const origin = new URL(workbench.server.url).origin
    await page.goto(`${origin}/#token=${'x'.repeat(43)}`)
    await expect(page.getByRole('alert')).toContainText('connection.refused', { timeout: 30_000 })
    await expect(page.getByRole('alert')).toContainText('The lab does not take this key')
    await holdsUp(page, 'key-refused')
    await page.evaluate(() => sessionStorage.clear())
    await page.goto('about:blank')
    await page.goto(origin)
    await expect(page.getByRole('alert')).toContainText('connection.token')
    await page.goto('about:blank')
    await page.goto(workbench.server.url)
    await letIn(page)
    expect(page.url()).not.toContain('token')
  })
})

plain.describe('a damaged workspace', () => {
  const test = testsOn((folder) => {
    const copy = copySample(folder)
    truncateSync(join(copy, 'workspace.db'), 40_000)
    return copy
  })

  test('is refused with a code, left as it is, and another can be opened instead', async ({ at, workbench }) => {
    const file = join(workbench.folder, 'sample', 'workspace.db')
    const page = await at()
    const banner = page.getByRole('alert').filter({ hasText: 'The workspace could not be opened' })
    await expect(banner).toBeVisible()
    await holdsUp(page, 'damaged')
    await banner.getByRole('button', { name: 'Open another' }).click()
    const dialog = page.getByRole('dialog', { name: 'Open a workspace' })
    await dialog.getByLabel('Folder').fill(join(workbench.folder, 'sample'))
    await dialog.getByRole('button', { name: 'Open', exact: true }).click()
    await expect(dialog.getByRole('alert')).toContainText('workspace.corrupt')
    expect(readFileSync(file).subarray(0, 15).toString()).toBe('SQLite format 3')
    expect(statSync(file).size).toBe(40_000)
    await dialog.getByRole('button', { name: 'Open the sample' }).click()
    await expect(page.getByRole('heading', { name: 'The sample: three methods, one start' })).toBeVisible({ timeout: 60_000 })
    await expect(banner).toHaveCount(0)
  })
})

plain.describe('a workspace that must not be written', () => {
  const NOBODY = 65_534
  // Folders stop everybody but root, so root's lab runs as nobody here.
  const root = process.getuid?.() === 0
  const test = testsOn(
    (folder) => {
      const copy = copySample(folder)
      // Brought to the newest schema while it can be written.
      openStore(copy, { program: 'test' }).close()
      chmodSync(folder, 0o755)
      for (const entry of readdirSync(copy, { recursive: true }))
        chmodSync(join(copy, String(entry)), statSync(join(copy, String(entry))).isDirectory() ? 0o555 : 0o444)
      chmodSync(copy, 0o555)
      mkdirSync(join(folder, 'own'))
      if (root) chownSync(join(folder, 'own'), NOBODY, NOBODY)
      return copy
    },
    {
      startLab: (start) => {
        const child = fork(ENTRY, [JSON.stringify({ ...start, home: join(start.folder!, '..', 'own'), version: '', sample })], {
          serialization: 'advanced',
          stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
          env: { ...process.env, ORT_DISABLE_TELEMETRY: '1' },
          ...(root && { uid: NOBODY, gid: NOBODY }),
        })
        return {
          send: (message) => void child.send(message as object, () => {}),
          onMessage: (listener) => child.on('message', listener),
          onExit: (listener) => child.once('exit', (code, signal) => listener(String(signal ?? code))),
          kill: () => child.kill('SIGKILL'),
        }
      },
    },
  )

  test('is read, says that it cannot be written, and offers nothing that would write', async ({ at }) => {
    const page = await at('#/runs')
    const said = consoleOf(page)
    await expect(page.getByRole('status').filter({ hasText: 'open for reading only' })).toContainText('The folder cannot be written to.')
    await expect(page.getByRole('row', { name: /MRT-exact/ })).toContainText('±', { timeout: 60_000 })
    await expect(page.getByRole('button', { name: /^New run/ })).toHaveAttribute('aria-disabled', 'true')
    await holdsUp(page, 'read-only')
    await goTo(page, '#/run/3')
    await page.getByRole('tab', { name: /^Checkpoints/ }).click()
    await expect(page.getByRole('button', { name: 'Branch' })).toHaveAttribute('aria-disabled', 'true')
    expect(said).toEqual([])
  })
})
