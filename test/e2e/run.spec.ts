/** One run: what the health rules say and where they lead, a dozen charts, what failed, its checkpoints, its settings. */
import { expect, type Page } from '@playwright/test'
import { openStore } from '../../src-main/store/openStore.ts'
import { copySample, holdsUp, testsOn } from './workbench.ts'

const FAILED = 1
const INTERRUPTED = 2
const ILL = 3
const EVERY_RULE = [
  'completions.clipped',
  'groups.noSignal',
  'rewards.cancel',
  'reward.hacking',
  'length.tooStrong',
  'progress.flat',
  'entropy.collapse',
  'gradient.spike',
] as const

/** The sample with one run that failed, one that was interrupted and one about which every health rule has spoken. */
function trouble(folder: string): string {
  const copy = copySample(folder)
  const store = openStore(copy, { program: 'test' })
  store.runs.setStatus(FAILED, 'failed', Date.now(), {
    code: 'engine.memory',
    expected: 'room for the activations of 4,096 tokens',
    found: '1.2 GB free',
    next: 'Lower the micro-batch, then resume.',
  })
  store.runs.setStatus(INTERRUPTED, 'interrupted', Date.now())
  for (const [index, code] of EVERY_RULE.entries())
    store.events.add({
      runId: ILL,
      step: 10 * (index + 1),
      kind: 'health',
      level: code === 'entropy.collapse' ? 'error' : 'warn',
      code,
      message: `What ${code} found.`,
      data: { rollouts: { runId: ILL, steps: [10 * (index + 1), 10 * (index + 1)] } },
      atMs: Date.now(),
    })
  store.close()
  return copy
}

const test = testsOn(trouble)
const figure = (page: Page, name: string) => page.getByRole('application', { name, exact: true })

test('a dozen charts stand in four groups, unsmoothed until somebody asks, and the raw line stays', async ({ at }) => {
  const page = await at(`#/run/${ILL}`)
  for (const group of ['Reward and accuracy', 'Length', 'Progress and regret', 'Stability and speed'])
    await expect(page.getByRole('heading', { name: group, exact: true })).toBeVisible()
  await expect(page.locator('.charts figure')).toHaveCount(12)
  await expect(page.getByText('smoothing', { exact: true }).locator('..')).toContainText('off')
  const lines = () => figure(page, 'Entropy').locator('path.line, path').count()
  const raw = await lines()
  await page.getByRole('slider', { name: 'Smoothing of the lines' }).focus()
  await page.keyboard.press('ArrowRight')
  await expect(page).toHaveURL(/smoothing=0\.5/)
  await expect.poll(lines).toBeGreaterThan(raw)
  await page.getByRole('tab', { name: 'Tokens' }).click()
  await expect(page).toHaveURL(/x=tokens/)
})

test('any recorded metric can be looked at, on a logarithmic scale and enlarged; the address keeps it', async ({ at }) => {
  const page = await at(`#/run/${ILL}`)
  const search = page.getByRole('combobox', { name: 'any metric' })
  await search.fill('grad_norm')
  await expect(page).toHaveURL(/metric=grad_norm/)
  await page.reload()
  const own = page.locator('.any')
  await expect(own.getByRole('application')).toBeVisible()
  await own.getByRole('button', { name: /^Figure:/ }).click()
  await page.getByRole('menuitemcheckbox', { name: /Logarithmic scale/ }).click()
  await own.getByRole('button', { name: /^Figure:/ }).click()
  await expect(page.getByRole('menuitemcheckbox', { name: /Logarithmic scale/ })).toBeChecked()
  await page.getByRole('menuitem', { name: 'Enlarge' }).click()
  const large = page.getByRole('dialog').getByRole('application')
  await expect(large).toBeVisible()
  expect((await large.boundingBox())!.height).toBeGreaterThan(400)
  await page.keyboard.press('Escape')
  await search.fill('accuracy')
  await expect(own.getByText('held out', { exact: true }).first()).toBeVisible()
})

test('the newest rollouts of a run stand below its charts and lead to the reader', async ({ at }) => {
  const page = await at(`#/run/${ILL}`)
  const newest = page.getByRole('heading', { name: 'Newest rollouts' }).locator('xpath=ancestor::section[1]')
  await expect(newest.getByRole('listitem')).toHaveCount(4)
  await newest.getByRole('listitem').first().getByRole('link').click()
  await expect(page).toHaveURL(/#\/rollouts\?run=3&.*rollout=\d+/)
})

test('every health rule speaks in words and leads to the rollouts that caused it', async ({ at }) => {
  const page = await at(`#/run/${ILL}`)
  const health = page.getByRole('group', { name: 'Health of the run' })
  await expect(health.getByRole('alert')).toContainText('Entropy has collapsed')
  await holdsUp(page, 'run-health')
  await health.getByText('5 more warnings').click()
  for (const title of [
    'Most answers are cut off',
    'Groups agree, so there is little to learn from',
    'Reward rises, accuracy does not',
    'Shorter, and worse for it',
    'Progress is paid for but does not show',
    'Entropy has collapsed',
    'A spike of the gradient',
  ])
    await expect(health.getByText(title)).toBeVisible()
  await expect(health.getByRole('button', { name: 'Show the rollouts' })).toHaveCount(EVERY_RULE.length)
  await health.getByRole('button', { name: 'Show the rollouts' }).last().click()
  await expect(page).toHaveURL(/#\/rollouts\?run=3&step=10/)
})

test('a run that failed says why and what to do; one that was interrupted can go on', async ({ at }) => {
  const page = await at(`#/run/${FAILED}`)
  await expect(page.getByRole('alert')).toContainText(
    'Expected room for the activations of 4,096 tokens; found 1.2 GB free. Lower the micro-batch, then resume.',
  )
  await expect(page.getByRole('button', { name: 'Resume', exact: true })).toBeVisible()
  await holdsUp(page, 'run-failed')
  await page.evaluate((id) => (location.hash = `#/run/${id}`), INTERRUPTED)
  await expect(page.locator('main').getByText('interrupted', { exact: true })).toBeVisible()
  await expect(page.getByRole('button', { name: 'Resume', exact: true })).toBeVisible()
})

test('every view of a run holds up: evaluations, checkpoints, events, settings', async ({ at }) => {
  const page = await at(`#/run/${ILL}`)
  const views = { Evaluations: 'accuracy @120', Checkpoints: 'resumable', Events: 'What entropy.collapse found.', Settings: 'optimizer.lr' }
  for (const [tab, sign] of Object.entries(views)) {
    await page.getByRole('tab', { name: new RegExp(`^${tab}`) }).click()
    if (tab === 'Checkpoints') await expect(page.getByRole('grid', { name: 'Checkpoints' })).toBeVisible()
    else await expect(page.locator('main').getByText(sign).first()).toBeVisible()
    await holdsUp(page, `run-${tab.toLowerCase()}`)
  }
  await page.getByRole('searchbox', { name: 'Find a setting' }).fill('clipnorm')
  await expect(page.getByText('optimizer.clipNorm')).toBeVisible()
  await expect(page.getByText('optimizer.lr')).toHaveCount(0)
})

test('a run that is not there says so', async ({ at }) => {
  const page = await at('#/run/999')
  await expect(page.getByRole('alert')).toContainText('run.unknown')
})
