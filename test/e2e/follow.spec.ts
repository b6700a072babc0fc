/**
 * A run that trains elsewhere, as it comes: its folder is named in the dialog, rows appear within seconds, every way that a folder can stand has its
 * word, and the run's page draws what the files say and what the trainer logged.
 */
import { appendFileSync, copyFileSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { expect, type Page } from '@playwright/test'
import { exportRequest } from '../../src-preload/contract.ts'
import { importInto } from '../../src-main/lab/files/importInto.ts'
import { writeReport } from '../../src-main/lab/comparing/reportFile.ts'
import { openStore } from '../../src-main/store/openStore.ts'
import { copySample, goTo, holdsUp, testsOn } from './workbench.ts'

const test = testsOn(copySample)
test.describe.configure({ mode: 'serial', timeout: 90_000 })

const dialog = (page: Page) => page.getByRole('dialog', { name: 'Follow a folder' })
const figure = (page: Page, name: string) => page.getByRole('application', { name, exact: true })
const row = (n: number, step: number): string =>
  `${JSON.stringify({ input: `${n % 8} + 1?`, output: `<think>try ${n}</think> it is ${n}`, gts: '1', score: (n * 7) % 3 === 0 ? 1 : 0, acc: (n * 7) % 3 === 0 ? 1 : 0, step, completion_tokens: 100 + ((n * 13) % 50) + step })}\n`
const step = (of: number): string => Array.from({ length: 32 }, (_, n) => row(of * 32 + n, of)).join('')
const shot = async (page: Page, name: string): Promise<void> => {
  await page.evaluate(() => new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn))))
  await page.screenshot({ path: test.info().outputPath(`${name}.png`) })
}

test('nothing is followed at first, and a folder that is not there is refused with what to do', async ({ at, workbench }) => {
  const page = await at('#/runs')
  await page.getByRole('button', { name: 'Follow a folder' }).click()
  await expect(dialog(page).getByText('No folder is followed')).toBeVisible()
  await holdsUp(page, 'follow-empty')
  await dialog(page).getByLabel('Folder', { exact: true }).fill(join(workbench.folder, 'nowhere'))
  await dialog(page).getByRole('button', { name: 'Follow', exact: true }).click()
  await expect(dialog(page).getByText('file.missing')).toBeVisible()
  await shot(page, 'follow-refused')
})

test('a folder waits for rows, follows them as they come, and is said to be missing while it is away', async ({ at, workbench }) => {
  const page = await at('#/runs')
  const folder = join(workbench.folder, 'grpo')
  mkdirSync(folder)
  await page.getByRole('button', { name: 'Follow a folder' }).click()
  await dialog(page).getByLabel('Folder', { exact: true }).fill(folder)
  await dialog(page).getByRole('button', { name: 'Follow', exact: true }).click()
  const item = dialog(page).getByRole('listitem', { name: `Followed folder ${folder}` })
  await expect(item).toContainText('waiting for rows')
  writeFileSync(join(folder, '1.jsonl'), step(1))
  await expect(item).toContainText('32 rollouts · step 1', { timeout: 6000 })
  await expect(item).toContainText('following')
  appendFileSync(join(folder, '1.jsonl'), row(999, 1).slice(0, 50))
  writeFileSync(join(folder, '2.jsonl'), step(2))
  await expect(item).toContainText('64 rollouts · step 2', { timeout: 6000 })
  await item.getByText('2 files').click()
  await expect(item).toContainText('its last line is not whole yet')
  renameSync(folder, `${folder}-away`)
  await expect(item).toContainText('folder is missing', { timeout: 6000 })
  renameSync(`${folder}-away`, folder)
  await expect(item).toContainText('following', { timeout: 6000 })
  await expect(item).toContainText('64 rollouts')
})

test('files that cannot be read say why beside those that can, and stopping, following again and forgetting do what they say', async ({
  at,
  workbench,
}) => {
  const problems = join(workbench.folder, 'problems')
  mkdirSync(problems)
  writeFileSync(join(problems, 'p.jsonl'), '{"problem": "2 + 2?", "answer": "4"}\n')
  const page = await at('#/runs')
  await page.getByRole('button', { name: 'Followed folders: 1' }).click()
  await dialog(page).getByLabel('Folder', { exact: true }).fill(problems)
  await dialog(page).getByRole('button', { name: 'Follow', exact: true }).click()
  const item = dialog(page).getByRole('listitem', { name: `Followed folder ${problems}` })
  await expect(item).toContainText('cannot be read', { timeout: 6000 })
  await expect(item).toContainText('follow.notRollouts')
  await expect(dialog(page).getByRole('listitem', { name: /^Followed folder/ })).toHaveCount(2)
  await holdsUp(page, 'follow-full')
  await page.setViewportSize({ width: 480, height: 800 })
  await shot(page, 'follow-narrow')
  expect(await dialog(page).evaluate((element) => element.scrollWidth <= element.clientWidth + 1)).toBe(true)
  await page.setViewportSize({ width: 1280, height: 800 })
  await item.getByRole('button', { name: 'Stop' }).click()
  await expect(item).toContainText('stopped')
  await item.getByRole('button', { name: 'Follow again' }).click()
  await expect(item).toContainText('cannot be read', { timeout: 6000 })
  await item.getByRole('button', { name: `Forget ${problems}` }).click()
  await expect(item).toHaveCount(0)
})

test('the page of the run draws what its rollouts say with how many they are, and what its trainer logged, and goes on as more comes', async ({
  at,
  workbench,
}) => {
  const folder = join(workbench.folder, 'grpo')
  for (let of = 3; of <= 12; of++) writeFileSync(join(folder, `${of}.jsonl`), step(of))
  writeFileSync(
    join(folder, 'metrics.jsonl'),
    Array.from(
      { length: 12 },
      (_, n) => `${JSON.stringify({ step: n + 1, 'actor/entropy': 1 / (n + 1), 'actor/grad_norm': 0.5 + (n % 3) / 10 })}\n`,
    ).join(''),
  )
  copyFileSync(resolve('test/data/events/tensorboardX.tfevents'), join(folder, 'events.out.tfevents.1.host'))
  const page = await at('#/runs')
  await page.getByRole('button', { name: 'Followed folders: 1' }).click()
  const item = dialog(page).getByRole('listitem', { name: `Followed folder ${folder}` })
  await expect(item).toContainText('384 rollouts · step 12', { timeout: 10_000 })
  await item.getByRole('button', { name: /^Open run/ }).click()
  await expect(page.getByRole('heading', { name: 'grpo' })).toBeVisible()
  await expect(page.getByRole('heading', { name: 'What the rollouts of its files say' })).toBeVisible()
  await expect(page.getByRole('heading', { name: 'What its trainer logged' })).toBeVisible()
  for (const name of ['Reward', 'Pass rate', 'Length of completions', 'Rollouts of a step', 'actor/entropy', 'train/reward'])
    await expect(figure(page, name)).toBeVisible()
  await figure(page, 'Reward').focus()
  await page.keyboard.press('End')
  await expect(page.getByText(/n = 32/).first()).toBeVisible()
  await holdsUp(page, 'run-imported')
  await page.setViewportSize({ width: 480, height: 800 })
  await shot(page, 'run-imported-narrow')
  await page.setViewportSize({ width: 1280, height: 800 })
  writeFileSync(join(folder, '13.jsonl'), step(13))
  await expect(page.getByText('416', { exact: true })).toBeVisible({ timeout: 10_000 })
  rmSync(folder, { recursive: true })
  await expect(page.getByText('folder is missing')).toBeVisible({ timeout: 10_000 })
  await expect(figure(page, 'Reward').getByText('n', { exact: true })).toHaveCount(0)
})

test('a rollout is shown with its thinking apart from its answer, as the grader reads them, and one that never stopped thinking with none', async ({
  at,
  workbench,
}) => {
  const folder = join(workbench.folder, 'thoughts')
  mkdirSync(folder)
  const texts = [
    '<think>carry the one</think>It is 12.',
    '<|channel|>analysis<|message|>add them<|end|><|start|>assistant<|channel|>final<|message|>It is 13.<|return|>',
    '<think>and on and on',
  ]
  writeFileSync(
    join(folder, 'rows.jsonl'),
    texts
      .map((output, n) => `${JSON.stringify({ input: `What is ${n} + 12?`, output, gts: String(n + 12), score: 0, step: 1 })}\n`)
      .join(''),
  )
  const page = await at('#/runs')
  await page.getByRole('button', { name: /^Followed folders/ }).click()
  await dialog(page).getByLabel('Folder', { exact: true }).fill(folder)
  await dialog(page).getByRole('button', { name: 'Follow', exact: true }).click()
  const item = dialog(page).getByRole('listitem', { name: `Followed folder ${folder}` })
  await expect(item).toContainText('3 rollouts', { timeout: 10_000 })
  await item.getByRole('button', { name: /^Open run/ }).click()
  await expect(page.getByRole('heading', { name: 'thoughts' })).toBeVisible()
  const runId = Number(/#\/run\/(\d+)/.exec(page.url())![1])
  await page.getByRole('button', { name: 'Read them' }).click()
  const thought = page.getByRole('region', { name: 'Thinking' })
  await expect(thought).toContainText('carry the one')
  await expect(thought).not.toContainText('It is 12.')
  await expect(page.getByText('It is 12.', { exact: true })).toBeVisible()
  await holdsUp(page, 'rollout-thinking')
  for (const [n, words, answer] of [
    [1, 'add them', 'It is 13.'],
    [2, 'and on and on', 'Its thinking never ended, so it gave no answer.'],
  ] as const) {
    await goTo(page, `#/rollouts?run=${runId}&step=1&group=${n}`)
    await expect(thought).toContainText(words)
    await expect(page.getByText(answer, { exact: true })).toBeVisible()
  }
})

test('an imported run stands in Compare beside a run that was trained here', async ({ at }) => {
  const page = await at('#/runs')
  await page.getByRole('button', { name: /^Followed folders/ }).click()
  await dialog(page)
    .getByRole('button', { name: /^Open run.*grpo/ })
    .click()
  await expect(page.getByRole('heading', { name: 'grpo' })).toBeVisible()
  const runId = Number(/#\/run\/(\d+)/.exec(page.url())![1])
  await goTo(page, `#/compare?runs=1,${runId}`)
  await expect(figure(page, 'Pass rate')).toBeVisible({ timeout: 20_000 })
  await shot(page, 'compare-imported')
  await goTo(page, `#/compare?runs=${runId}&metric=reward`)
  await expect(figure(page, 'Reward')).toBeVisible({ timeout: 20_000 })
  await shot(page, 'compare-imported-alone')
})

test('a report of a run that was trained elsewhere opens by itself with its curves and where they are from', async ({
  page,
  workbench,
}) => {
  const store = openStore(join(workbench.folder, 'elsewhere'), { create: true, program: 'test' })
  const file = join(workbench.folder, 'grpo-run.jsonl')
  writeFileSync(file, [1, 2, 3, 4, 5].map(step).join(''))
  const { runId } = await importInto(store, [file], {}, Date.now)
  const report = join(workbench.folder, 'report.html')
  await writeReport(
    report,
    { store, version: '0.0.0', now: Date.now },
    exportRequest.parse({ kind: 'report', runIds: [runId] }) as never,
    () => {},
  )
  store.close()
  await page.goto(pathToFileURL(report).href)
  await expect(page.getByRole('heading', { name: 'grpo-run.jsonl' })).toBeVisible({ timeout: 20_000 })
  await expect(page.getByText(/trained elsewhere: computed here from the rollouts of their files/)).toBeVisible()
  await expect(figure(page, 'Pass rate')).toBeVisible({ timeout: 20_000 })
  await page.getByLabel('Curve', { exact: true }).selectOption('reward')
  await expect(figure(page, 'Reward')).toBeVisible()
  await holdsUp(page, 'report-imported')
})
