/**
 * A workspace full of what a model or a file may bring: markup, script, signs that turn the direction of writing, a word of a megabyte, and
 * rows that cannot be read. Every page shows it as text, none runs it, none is blank or wider than the window, and the bad rows are named.
 */
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { expect } from '@playwright/test'
import { pagePaths } from './everyPage.ts'
import { copySample, goTo, testsOn } from './workbench.ts'

const MARKUP = `<img src=x onerror="window.ran=1"><script>window.ran=1</script>`
const TURNED = '\u202egnol\u2066\u202e reversed \u200f'

/** Pages that show a name, a note, a text or a row from the workspace. */
const SHOWING =
  /^#\/(runs|models|datasets)?$|^#\/run\/1\?tab=overview|^#\/rollouts.*(episodes|tokens|picks)|^#\/compare|dataset=1&tab=problems|tab=slices/

const test = testsOn((folder) => {
  const copy = copySample(folder)
  const db = new Database(join(copy, 'workspace.db'))
  db.prepare('UPDATE runs SET name = ?, note = ? WHERE id = 1').run(`${MARKUP}${TURNED}`, `${TURNED}${MARKUP}`)
  db.prepare('UPDATE rollout_bodies SET text = ? WHERE rollout_id = (SELECT min(rollout_id) FROM rollout_bodies)').run(
    `${MARKUP} ${TURNED} ${'x'.repeat(1_000_000)} </think> ${MARKUP}`,
  )
  db.prepare('UPDATE rollouts SET extracted_answer = ?').run(`${TURNED}${MARKUP}`)
  db.prepare('UPDATE problems SET prompt = ? WHERE id = (SELECT min(id) FROM problems)').run(`${MARKUP}${TURNED}`)
  db.prepare('UPDATE datasets SET note = ?').run(`${MARKUP}${TURNED}`)
  db.prepare(`UPDATE evaluations SET metrics = '{"accuracy": ' WHERE id = (SELECT max(id) FROM evaluations)`).run()
  db.prepare(`UPDATE problems SET slices = 'null' WHERE id = (SELECT max(id) FROM problems)`).run()
  db.close()
  return copy
})

test('the pages that show the workspace show markup as text, keep their width, and are there', async ({ at }) => {
  test.slow()
  const page = await at()
  page.on('dialog', (dialog) => void dialog.dismiss().then(() => expect(dialog.message()).toBe('no dialog')))
  for (const hash of pagePaths.filter((path) => SHOWING.test(path))) {
    await goTo(page, hash)
    await expect(page.locator('main'), hash).not.toBeEmpty()
    await expect(page.locator('main h1, main h2').first(), hash).toBeVisible()
    const { ran, wide } = await page.evaluate(() => ({
      ran: (window as unknown as { ran?: number }).ran,
      wide: document.documentElement.scrollWidth - document.documentElement.clientWidth,
    }))
    expect([hash, ran, wide]).toEqual([hash, undefined, 0])
  }
})

test('the rollout with a word of a megabyte is read, as text', async ({ at }) => {
  const page = await at(`#/rollouts?rollout=1`)
  await expect(page.locator('main')).toContainText('<script>window.ran=1</script>', { timeout: 30_000 })
  expect(await page.evaluate(() => (window as unknown as { ran?: number }).ran)).toBeUndefined()
})

test('rows that cannot be read are named on every page', async ({ at }) => {
  const page = await at('#/runs')
  const banner = page.getByText(/rows? of the workspace cannot be read/)
  await goTo(page, '#/compare?runs=1,2,3')
  await expect(banner.first()).toBeVisible({ timeout: 30_000 })
  await expect(page.getByText(/a readable metrics in row \d+ of evaluations/).first()).toBeVisible()
})
