/**
 * Files in a real browser, over the served lab: chosen in the dialog or dropped on the window, looked at, given roles, imported as
 * a job; the Datasets page then says what is in them, what they share, and which rows were kept aside.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import AxeBuilder from '@axe-core/playwright'
import { expect, type Page } from '@playwright/test'
import Database from 'better-sqlite3'
import { copySample, testsOn } from './workbench.ts'

const test = testsOn(copySample)
test.describe.configure({ mode: 'serial', timeout: 60_000 })

const dialog = (page: Page) => page.getByRole('dialog', { name: 'Import' })
const rows = (from: number, to: number): string[] =>
  Array.from({ length: to - from }, (_, i) => from + i).map((n) =>
    JSON.stringify({
      question: `Natalia sold ${n} clips in April and ${n % 7} times as many in May, ${'and counted them twice '.repeat(n % 9)}before lunch. How many clips did she sell?`,
      answer: `In May she sold ${n * (n % 7)}.\n#### ${(n + n * (n % 7)).toLocaleString('en-US')}`,
      level: 1 + (n % 5),
      subject: n % 3 === 0 ? 'algebra' : 'counting',
    }),
  )
const gsm8k = [
  ...rows(10, 90),
  'this is not JSON',
  '{"question": "", "answer": "#### 3"}',
  rows(10, 11)[0]!,
  '{"question": "How many?", "answer": "nobody knows"}',
].join('\n')

const shot = async (page: Page, name: string): Promise<void> => {
  await page.evaluate(() => new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn))))
  await page.screenshot({ path: test.info().outputPath(`${name}.png`) })
}

/** Lets files go over the window, as a person drags them there. */
async function dropFiles(
  page: Page,
  files: readonly { readonly name: string; readonly text?: string; readonly bytes?: readonly number[] }[],
): Promise<void> {
  const transfer = await page.evaluateHandle((given) => {
    const data = new DataTransfer()
    for (const { name, text, bytes } of given) data.items.add(new File([bytes ? Uint8Array.from(bytes) : (text ?? '')], name))
    return data
  }, files)
  await page.dispatchEvent('main', 'dragover', { dataTransfer: transfer })
  await expect(page.getByText(/^Let go to take/)).toBeVisible()
  await page.dispatchEvent('main', 'drop', { dataTransfer: transfer })
}

test('a file chosen in the dialog shows its roles, its first rows and the rows it would lose, and becomes a dataset', async ({
  at,
  workbench,
}) => {
  const page = await at('#/datasets')
  const file = join(workbench.folder, 'gsm8k-train.jsonl')
  writeFileSync(file, `${gsm8k}\n`)
  await page.getByRole('button', { name: /^Import/ }).click()
  await page.getByLabel('Files to import').setInputFiles(file)
  await expect(dialog(page).getByText(/gsm8k: /)).toBeVisible()
  await expect(dialog(page).getByRole('grid', { name: 'First rows' })).toContainText('Natalia sold 10 clips')
  await expect(dialog(page).getByLabel('answer')).toHaveValue('answer')
  await dialog(page).getByLabel('Splits').selectOption('seed')
  await expect(dialog(page).getByLabel('Held out')).toHaveValue('10')
  await shot(page, 'import-dialog')
  await dialog(page).getByRole('button', { name: 'Import', exact: true }).click()
  await expect(page.getByText('80 problems imported')).toBeVisible({ timeout: 30_000 })
  await page.getByRole('button', { name: 'Open', exact: true }).click()
  await expect(page.getByRole('heading', { name: 'gsm8k-train.jsonl' })).toBeVisible()
  await expect(page.getByText('80 of 84 rows imported')).toBeVisible()
  await expect(page.getByRole('application', { name: 'Difficulty' })).toBeVisible({ timeout: 30_000 })
  await shot(page, 'dataset-overview')
})

test('rows kept aside are listed with line, reason and text, and leave as a file', async ({ at }) => {
  const page = await at('#/datasets?tab=kept')
  const kept = page.getByRole('grid', { name: 'Rejected rows' })
  await expect(kept).toContainText('this is not JSON')
  await expect(kept).toContainText('It is the same problem as line 1')
  const download = page.waitForEvent('download')
  await page.getByRole('button', { name: 'Save as JSONL' }).click()
  const lines = readFileSync(await (await download).path(), 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { line: number; text: string })
  expect(lines.map(({ line }) => line)).toEqual([81, 82, 83, 84])
  expect(lines[0]!.text).toBe('this is not JSON')
  await shot(page, 'dataset-kept')
})

test('a problem shows what its file said besides', async ({ at }) => {
  const page = await at('#/datasets?tab=problems')
  await page
    .getByRole('grid', { name: /^Problems of/ })
    .getByRole('row')
    .nth(1)
    .click()
  await expect(page.getByLabel('What its file said besides')).toContainText('In May she sold', { timeout: 30_000 })
  await shot(page, 'problem-extra')
})

test('a dropped CSV whose columns have other names is imported once they are named, and what it shares is told', async ({ at }) => {
  const page = await at('#/')
  const line = (row: string): string => {
    const { question, answer } = JSON.parse(row) as { question: string; answer: string }
    return `"${question}",${answer.split('#### ')[1]!.replaceAll(',', '')}`
  }
  await dropFiles(page, [{ name: 'held-out.csv', text: ['ask,gold', ...rows(85, 95).map(line)].join('\n') }])
  await expect(dialog(page).getByText(/there is neither a problem nor a completion/)).toBeVisible({ timeout: 30_000 })
  await dialog(page).getByLabel('Read as').selectOption('dataset')
  await expect(dialog(page).getByText('The roles are not clear yet')).toBeVisible()
  await dialog(page).getByLabel('problem').selectOption('ask')
  await dialog(page).getByLabel('answer').selectOption('gold')
  await expect(dialog(page).getByRole('grid', { name: 'First rows' })).toContainText('Natalia sold 85 clips')
  await dialog(page).getByRole('button', { name: 'Import', exact: true }).click()
  await expect(page.getByText('10 problems imported')).toBeVisible({ timeout: 30_000 })
  await page.getByRole('button', { name: 'Open', exact: true }).click()
  await expect(page.getByText(/^Problems of held-out.csv also stand in gsm8k-train/)).toBeVisible({ timeout: 30_000 })
  await page.getByRole('tab', { name: /^Overlap/ }).click()
  await expect(page.getByRole('grid', { name: 'Shared problems', exact: true })).toContainText('gsm8k-train.jsonl')
  await shot(page, 'dataset-overlap')
  await page.getByLabel('grader').selectOption('integer')
  await expect(page.getByText('A whole number; separators')).toBeVisible()
})

test('rollouts of another trainer are dropped, graded, and read on the Rollouts page', async ({ at }) => {
  const page = await at('#/datasets')
  const dump = (step: number): string =>
    Array.from({ length: 8 }, (_, i) =>
      JSON.stringify({
        input: `What is ${i >> 2} + ${step}?`,
        output: `First I add.\n\nWait, I look again.\n\nIt is \\boxed{${(i >> 2) + step + (i % 3 === 0 ? 1 : 0)}}`,
        gts: String((i >> 2) + step),
        score: i % 3 === 0 ? 0 : 1,
        step,
      }),
    ).join('\n')
  await dropFiles(page, [
    { name: '1.jsonl', text: dump(1) },
    { name: '2.jsonl', text: dump(2) },
  ])
  await expect(dialog(page).getByRole('grid', { name: 'First rows' })).toContainText('Wait, I look again', { timeout: 30_000 })
  await dialog(page).getByLabel('Grader').selectOption('math')
  await shot(page, 'import-rollouts')
  await dialog(page).getByRole('button', { name: 'Import', exact: true }).click()
  await expect(page.getByText('16 rollouts imported')).toBeVisible({ timeout: 30_000 })
  await page.getByRole('button', { name: 'Open', exact: true }).click()
  await expect(page).toHaveURL(/rollouts\?run=/)
  await expect(page.getByText('I look again').first()).toBeVisible({ timeout: 30_000 })
  await expect(page.getByText('of 2', { exact: false }).first()).toBeVisible()
  await shot(page, 'imported-rollouts')
  await page.getByRole('button', { name: 'Open the run' }).click()
  await expect(page.getByRole('heading', { level: 1 })).toContainText('1.jsonl and 1 more')
  await expect(page.locator('dt:has-text("rollouts") + dd').first()).toHaveText(/^16/)
  await shot(page, 'imported-run')
  const run = /run\/(\d+)/.exec(page.url())![1]
  await page.evaluate((to) => (location.hash = to), `#/thinking?run=${run}&tab=segmentation`)
  await expect(page.getByText('I look again').first()).toBeVisible({ timeout: 30_000 })
  await shot(page, 'imported-thinking')
})

test('of a database with several tables the person chooses one, and columns may be named inside of values', async ({ at, workbench }) => {
  const page = await at('#/datasets')
  const file = join(workbench.folder, 'runs.db')
  const db = new Database(file)
  db.exec("CREATE TABLE settings (key TEXT); INSERT INTO settings VALUES ('a'); CREATE TABLE samples (doc TEXT, resps TEXT)")
  for (const n of [6, 7])
    db.prepare('INSERT INTO samples VALUES (?, ?)').run(
      JSON.stringify({ asked: `What is ${n} times 7?`, gold: String(7 * n) }),
      JSON.stringify([[`It is \\boxed{${7 * n}}`]]),
    )
  db.close()
  await page.getByRole('button', { name: /^Import/ }).click()
  await page.getByLabel('Files to import').setInputFiles(file)
  await expect(dialog(page).getByText(/with the tables samples \(2 rows\), settings \(1 rows\)/)).toBeVisible({ timeout: 30_000 })
  await dialog(page).getByLabel('Table').selectOption('samples')
  await dialog(page).getByLabel('Read as').selectOption('rollouts')
  await dialog(page).getByLabel('completion', { exact: true }).selectOption('resps[0][0]')
  await dialog(page).getByLabel('prompt', { exact: true }).selectOption('doc.asked')
  await dialog(page).getByLabel('ground_truth').selectOption('doc.gold')
  await expect(dialog(page).getByRole('grid', { name: 'First rows' })).toContainText('It is \\boxed{42}')
  await shot(page, 'import-table')
  await dialog(page).getByRole('button', { name: 'Import', exact: true }).click()
  await expect(page.getByText('2 rollouts imported')).toBeVisible({ timeout: 30_000 })
})

test('what cannot be imported says why: a pickle with its recipe, and nothing is left in the workspace', async ({ at }) => {
  const page = await at('#/datasets')
  await dropFiles(page, [
    { name: 'pass_at_k.pkl', bytes: [0x80, 4, 0x95, 0, 0, 0, 0, 0, 0, 0, 0, 0x7d, 0x94, 0x2e] },
    { name: 'notes.txt', text: 'Dear diary,\nnothing happened.\n' },
  ])
  await expect(dialog(page)).toContainText('A pickle is never opened here', { timeout: 30_000 })
  await expect(dialog(page)).toContainText('pickle.load(file)')
  await expect(dialog(page).getByRole('tab', { name: /notes\.txt/ })).toBeVisible()
  await expect(dialog(page).getByRole('button', { name: 'Import', exact: true })).toHaveAttribute('aria-disabled', 'true')
  await page.keyboard.press('Escape')
  await expect(dialog(page)).toHaveCount(0)
})

for (const colorScheme of ['light', 'dark'] as const) {
  test(`nothing stands in the way of assistive technology, ${colorScheme}`, async ({ at, page: tab }) => {
    await tab.emulateMedia({ colorScheme })
    const page = await at('#/datasets?dataset=2')
    const axe = async (): Promise<string[]> =>
      (await new AxeBuilder({ page }).analyze()).violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' | ')}`)
    await expect(page.getByRole('application', { name: 'Difficulty' })).toBeVisible({ timeout: 30_000 })
    expect(await axe()).toEqual([])
    await shot(page, `datasets-${colorScheme}`)
    for (const name of [/^Problems/, /^Overlap/, /^Kept aside/]) {
      await page.getByRole('tab', { name }).click()
      await expect(page.getByRole('tabpanel')).not.toHaveAttribute('aria-busy', 'true')
      expect(await axe()).toEqual([])
    }
    await shot(page, `datasets-kept-${colorScheme}`)
    await dropFiles(page, [
      { name: 'a.jsonl', text: gsm8k },
      { name: '7.jsonl', text: '{"input": "1 + 1?", "output": "it is 2", "gts": "2", "score": 1, "step": 7}' },
    ])
    await expect(dialog(page).getByRole('grid', { name: 'First rows' })).toBeVisible({ timeout: 30_000 })
    expect(await axe()).toEqual([])
    await shot(page, `import-${colorScheme}`)
    await page.keyboard.press('Escape')
  })
}
