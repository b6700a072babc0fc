/**
 * The Models page in a real browser: the starter model with its provenance, checkpoints to branch from, a dropped Hugging Face folder
 * that becomes a model or is refused with the reason, and the self-test of the processor.
 */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import AxeBuilder from '@axe-core/playwright'
import { expect, type Page } from '@playwright/test'
import { initialWeights, parameterSpecs, STARTER_CONFIG } from '../../src-main/model/config.ts'
import { writeSafetensors } from '../../src-main/model/safetensors.ts'
import { copySample, testsOn } from './workbench.ts'

const test = testsOn(copySample, { arrived: (page) => expect(page.getByRole('heading', { name: 'Models', level: 1 })).toBeVisible() })
test.describe.configure({ mode: 'serial', timeout: 60_000 })

const stated = {
  architectures: ['LlamaForCausalLM'],
  model_type: 'llama',
  vocab_size: STARTER_CONFIG.vocabSize,
  hidden_size: STARTER_CONFIG.hiddenSize,
  intermediate_size: STARTER_CONFIG.intermediateSize,
  num_hidden_layers: STARTER_CONFIG.layers,
  num_attention_heads: STARTER_CONFIG.heads,
  num_key_value_heads: STARTER_CONFIG.kvHeads,
  head_dim: STARTER_CONFIG.headDim,
  rms_norm_eps: STARTER_CONFIG.rmsEps,
  max_position_embeddings: STARTER_CONFIG.maxPositions,
  tie_word_embeddings: true,
}
async function modelFolder(at: string, changes: object = {}): Promise<string> {
  mkdirSync(at)
  writeFileSync(join(at, 'config.json'), JSON.stringify({ ...stated, ...changes }))
  writeFileSync(join(at, 'README.md'), '---\nlicense: apache-2.0\n---\n')
  const weights = initialWeights(STARTER_CONFIG, 5)
  await writeSafetensors(
    join(at, 'model.safetensors'),
    new Map(parameterSpecs(STARTER_CONFIG).map(({ name, dims }) => [name, { dims, data: weights.get(name)! }])),
  )
  return at
}
const dialog = (page: Page) => page.getByRole('dialog', { name: 'Import' })
async function lookAt(page: Page, path: string): Promise<void> {
  await page.getByRole('button', { name: /^Import/ }).click()
  await dialog(page).getByLabel('Or a path').fill(path)
  await dialog(page).getByRole('button', { name: 'Look' }).click()
  await expect(dialog(page).getByText('it holds config.json and model.safetensors')).toBeVisible()
}

test('the starter model stands with its shape, its origin and the checkpoints that runs left', async ({ at }) => {
  const page = await at('#/models')
  await expect(page.getByRole('grid', { name: 'Models', exact: true })).toContainText('starter')
  await expect(page.getByText('840,832 parameters')).toBeVisible()
  await expect(page.getByRole('grid', { name: 'Checkpoints of runs' }).getByRole('button', { name: 'Branch' })).toHaveCount(3)
})

test('a Hugging Face folder becomes a model that a run can start from', async ({ at, workbench }) => {
  const page = await at('#/models')
  await lookAt(page, await modelFolder(join(workbench.folder, 'tiny-llama')))
  await dialog(page).getByRole('button', { name: 'Import', exact: true }).click()
  await expect(page.getByText('A model imported')).toBeVisible({ timeout: 30_000 })
  await page.getByRole('button', { name: 'Open', exact: true }).click()
  await expect(page.getByRole('heading', { name: 'tiny-llama' })).toBeVisible()
  await expect(page.getByText('apache-2.0')).toBeVisible()
  await page.getByRole('button', { name: 'Start a run from it' }).click()
  await expect(page).toHaveURL(/new\?weights=model/)
  await expect(page.getByLabel('Start from')).toHaveValue(/^model:\d+$/)
})

test('a model of another family is refused with what is different', async ({ at, workbench }) => {
  const page = await at('#/models')
  await lookAt(page, await modelFolder(join(workbench.folder, 'other-family'), { mlp_bias: true }))
  await dialog(page).getByRole('button', { name: 'Import', exact: true }).click()
  await expect(page.getByText(/biases in the feed-forward part/)).toBeVisible({ timeout: 30_000 })
})

test('the processor passes its self-test', async ({ at }) => {
  const page = await at('#/models')
  await page.getByRole('button', { name: 'Test', exact: true }).click()
  await expect(page.getByText('The processor computes as it should')).toBeVisible({ timeout: 45_000 })
})

for (const colorScheme of ['light', 'dark'] as const) {
  test(`nothing stands in the way of assistive technology, ${colorScheme}`, async ({ at, page: tab }) => {
    await tab.emulateMedia({ colorScheme })
    const page = await at('#/models')
    await expect(page.getByRole('grid', { name: 'Checkpoints of runs' })).toBeVisible({ timeout: 30_000 })
    const { violations } = await new AxeBuilder({ page }).analyze()
    expect(violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' | ')}`)).toEqual([])
    await page.evaluate(() => new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn))))
    await page.screenshot({ path: test.info().outputPath(`models-${colorScheme}.png`) })
  })
}
