/**
 * A run of a model of text in a real browser: its rollouts token by token, in the pieces of its own tokenizer, and its thoughts
 * cut by other rules at places that measuring finds as well.
 */
import { join } from 'node:path'
import { expect } from '@playwright/test'
import { importModel } from '../../src-main/lab/files/importModel.ts'
import { openContext } from '../../src-main/lab/process/openContext.ts'
import { createRun } from '../../src-main/lab/training/createRun.ts'
import { trainRun } from '../../src-main/lab/training/trainRun.ts'
import type { RolloutDetail } from '../../src-preload/contract.ts'
import { textSpec } from '../lab/textSpec.ts'
import { writeLittleText } from '../model/littleText.ts'
import { holdsUp, testsOn } from './workbench.ts'

const onRecord = new Map<number, RolloutDetail>()

/** A workspace with a tiny model of text, trained for two steps on arithmetic in words. */
async function trained(folder: string): Promise<string> {
  const workspace = join(folder, 'workspace')
  const context = openContext({ folder: workspace, create: true, program: 'test' })
  const signal = new AbortController().signal
  await importModel(context.store, writeLittleText(join(folder, 'little.gguf')), { name: 'little', signal, now: Date.now })
  const runId = await createRun(context, textSpec({ name: 'in words' }))
  await trainRun(context, runId)
  const { rollouts } = context.store.rollouts.page({ filter: { runId }, sort: 'place', descending: false, limit: 100, after: null })
  for (const { id } of rollouts) onRecord.set(id, context.store.rollouts.detail(id)!)
  context.close()
  return workspace
}

const test = testsOn(trained)

test('a rollout is read in the pieces of its tokenizer, and the arrow keys walk them', async ({ at }) => {
  const page = await at('#/rollouts?run=1&view=tokens')
  const tokens = page.getByRole('group', { name: 'Tokens of the answer' })
  await expect(tokens).toBeVisible({ timeout: 60_000 })
  const detail = onRecord.get(Number(new URL(page.url().replace('#/', '')).searchParams.get('rollout')))!
  const count = detail.tokens.length
  await expect(tokens.locator('.token')).toHaveCount(count)
  expect((await tokens.textContent())!.replaceAll('⏎\n', '\n').replaceAll('⇥', '\t')).toBe(detail.text)
  const forced = await tokens.locator('.token.forced').allTextContents()
  expect(forced.join('').replaceAll('⏎\n', '\n')).toBe('\nAnswer:')
  await tokens.focus()
  await page.keyboard.press('ArrowRight')
  await expect(page.getByText(`token 1 of ${count}`)).toBeVisible()
  await page.keyboard.press('ArrowRight')
  await expect(tokens.locator('.token.active')).toHaveText((await tokens.locator('.token').nth(1).textContent())!)
  await page.keyboard.press('End')
  await expect(page.getByText(`token ${count} of ${count}`)).toBeVisible()
  await holdsUp(page, 'tokens')
})

test('its thoughts are cut by other rules where measuring every cut finds them too', async ({ at }) => {
  const page = await at('#/thinking?run=1&tab=segmentation')
  const rows = page.getByRole('grid', { name: 'Regret under other rules' }).getByRole('row')
  await expect(rows.filter({ hasText: 'one episode' })).toContainText('100', { timeout: 60_000 })
  await page.getByLabel('Start from').selectOption('windows')
  await page.getByLabel('Size of a window').fill('1')
  const wordByWord = rows.filter({ hasText: 'the rule above' })
  await expect(wordByWord).not.toContainText('100')
  const cuts = async (): Promise<string[]> =>
    (await rows.all()).reduce<Promise<string[]>>(
      async (before, row) => [...(await before), (await row.getByRole('gridcell').allTextContents()).slice(0, 3).join(' · ')],
      Promise.resolve([]),
    )
  const read = await cuts()
  expect(read.filter((row) => /^the rule above · (?!1\.00)/.test(row))).toHaveLength(1)
  await page.getByRole('button', { name: 'Measure J at every cut' }).click()
  await expect(page.getByText(/J measured at every cut/)).toBeVisible({ timeout: 120_000 })
  for (const name of ['every Wait', 'windows of 8', 'windows of 16'])
    await expect(rows.filter({ hasText: name }).first()).toContainText('100')
  expect(await cuts()).toEqual(read)
  await holdsUp(page, 'segmentation')
})
