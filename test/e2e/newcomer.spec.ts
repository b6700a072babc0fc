/**
 * The way of a newcomer, on a workspace without anything: a model of text and a file of problems are dropped on the window, both are chosen in
 * the form of a new run, and when the run is done the progress lane of one of its rollouts is read, in words.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, type Page } from '@playwright/test'
import { openStore } from '../../src-main/store/openStore.ts'
import { writeLittleText } from '../model/littleText.ts'
import { goTo, holdsUp, testsOn } from './workbench.ts'

const test = testsOn((folder) => {
  const workspace = join(folder, 'workspace')
  openStore(workspace, { create: true, program: 'test' }).close()
  return workspace
})
test.describe.configure({ mode: 'serial', timeout: 180_000 })

const dialog = (page: Page) => page.getByRole('dialog', { name: 'Import' })
const problems = Array.from({ length: 120 }, (_, n) =>
  JSON.stringify({ question: `How much is ${n} plus ${(n * 7) % 10}?`, answer: `It is\n#### ${n + ((n * 7) % 10)}` }),
).join('\n')

async function drop(page: Page, name: string, bytes: Buffer): Promise<void> {
  const transfer = await page.evaluateHandle(
    ([called, text]) => {
      const data = new DataTransfer()
      data.items.add(new File([Uint8Array.from(atob(text!), (character) => character.charCodeAt(0))], called!))
      return data
    },
    [name, bytes.toString('base64')],
  )
  await page.dispatchEvent('main', 'dragover', { dataTransfer: transfer })
  await expect(page.getByText(/^Let go to take/)).toBeVisible()
  await page.dispatchEvent('main', 'drop', { dataTransfer: transfer })
  await dialog(page).getByRole('button', { name: 'Import', exact: true }).click({ timeout: 30_000 })
}

test('a model and a file of problems are dropped, a run is started, and a rollout is read in words', async ({ at, workbench }) => {
  const page = await at('#/models')
  await drop(page, 'little.gguf', readFileSync(writeLittleText(join(workbench.folder, 'little.gguf'))))
  await expect(page.getByText('A model imported')).toBeVisible({ timeout: 60_000 })
  await drop(page, 'sums.jsonl', Buffer.from(problems))
  await expect(page.getByText('120 problems imported')).toBeVisible({ timeout: 60_000 })

  await goTo(page, '#/new?preset=countdown-mrt-exact')
  await page.getByLabel('Problem set').selectOption('dataset')
  await expect(page.getByText('Choose an imported dataset.')).toBeVisible()
  await page.getByLabel('Dataset', { exact: true }).selectOption({ index: 1 })
  await expect(page.getByText(/The starter knows only the notation/)).toBeVisible()
  await page.getByLabel('Start from').selectOption({ label: 'little.gguf' })
  await expect(page.getByText(/The starter knows only the notation/)).toBeHidden()
  for (const [label, value] of [
    ['Steps', '2'],
    ['Problems per step', '2'],
    ['Group size', '3'],
    ['Thinking budget', '24'],
  ] as const)
    await page.getByLabel(label, { exact: true }).fill(value)
  await page.evaluate(() => document.querySelectorAll('main details').forEach((each) => ((each as HTMLDetailsElement).open = true)))
  await page.getByLabel('Held-out problems').fill('8')
  await page.getByLabel('Rollouts per problem').fill('2')
  await page.getByLabel('Budgets read').fill('8, 24')
  await page.getByLabel('Budgets read').blur()
  await holdsUp(page, 'new-run-of-text')
  await page.getByRole('button', { name: /^Start the run/ }).click()

  await expect(page.getByText(/finished/).first()).toBeVisible({ timeout: 120_000 })
  await goTo(page, '#/rollouts')
  await expect(page.getByRole('heading', { name: /^How much is \d+ plus \d\?$/ })).toBeVisible()
  await expect(page.getByText(/^J/).first()).toBeVisible()
  const asked = page.getByRole('region', { name: 'What it was asked' })
  await expect(asked.getByRole('listitem').filter({ hasText: /^user/ })).toContainText(/How much is \d+ plus \d\?\s+Think step by step/)
  await holdsUp(page, 'rollout-of-text')
  await asked.getByRole('button', { name: 'As it stood' }).click()
  await expect(asked.locator('pre')).toContainText(/<\|im_start\|>user\n/)
  await holdsUp(page, 'rollout-of-text-as-it-stood')

  // Its prompt is longer than the budget and is no part of what regret counts, unless that is asked for.
  await goTo(page, '#/thinking')
  await expect(page.getByLabel('tokens counted')).toHaveValue('thinking')
  await expect(page.getByText(/thinking alone counted\./)).toBeVisible()
  await page.getByLabel('tokens counted').selectOption('all')
  await expect(page.getByText(/prompt, thinking and answer counted\./)).toBeVisible()
  await page.getByLabel('tokens counted').selectOption('thinking')
  await expect(page).not.toHaveURL(/counted/)
})
