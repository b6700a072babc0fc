// The page about the starter prints what ships beside the weights, and nothing else.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { parameterCount, STARTER_CONFIG } from '../../src-main/model/config.ts'
import { recipeSteps } from '../../src-main/lab/training/pretrain.ts'
import type { PretrainPoint, PretrainRecipe } from '../../src-main/lab/training/pretrain.ts'
import { STARTER_RECIPE } from '../../src-main/lab/training/starter.ts'

const root = join(import.meta.dirname, '../..')
const page = readFileSync(join(root, 'docs/starter.md'), 'utf8')
const { recipe, curve } = JSON.parse(readFileSync(join(root, 'resources/starter/learning-curve.json'), 'utf8')) as {
  recipe: PretrainRecipe
  curve: PretrainPoint[]
}

describe('the page about the starter model', () => {
  it('shows the learning curve that ships with the weights, row by row', () => {
    const rows = curve.map(
      ({ step, accuracy, meanTokens, jStart, jEnd }) =>
        `| ${step.toLocaleString('en')} | ${(accuracy * 100).toFixed(1)} % | ${meanTokens.toFixed(1)} | ${jStart.toFixed(3)} | ${jEnd.toFixed(3)} |`,
    )
    expect(page.split('\n').filter((line) => /^\| [\d,]+ \|/.test(line))).toEqual(rows)
  })

  it('says how large it is and how long it was taught, by the recipe that makes it again', () => {
    expect(recipe).toEqual(STARTER_RECIPE)
    expect(page).toContain(`${parameterCount(STARTER_CONFIG).toLocaleString('en')} parameters`)
    expect(page).toContain(`${recipeSteps(recipe).toLocaleString('en')} steps of ${recipe.tracesPerStep}`)
  })
})
