// The making of a starting model, small enough for a test: stages one after another, what is measured along the way, and what is written.
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openEngine, type Engine } from '../../src-main/engine/engine.ts'
import { pretrain, recipeSteps, type PretrainPoint, type Pretrained, type PretrainRecipe } from '../../src-main/lab/training/pretrain.ts'
import { makeStarter, STARTER_RECIPE } from '../../src-main/lab/training/starter.ts'
import { loadCheckpoint } from '../../src-main/model/checkpoint.ts'
import { initialWeights, parameterCount } from '../../src-main/model/config.ts'
import { createCountdown } from '../../src-main/tasks/countdown.ts'
import type { SpokenTask } from '../../src-main/tasks/types.ts'
import type { ProgressReport } from '../../src-preload/contract.ts'
import { MICRO_CONFIG } from './micro.ts'

const stage = { steps: 3, lr: 1e-2, warmupSteps: 1, floor: 0.1, teacher: {} }
const RECIPE: PretrainRecipe = {
  ...STARTER_RECIPE,
  model: { ...MICRO_CONFIG, maxPositions: 512 },
  stages: [stage, { ...stage, steps: 2, lr: 1e-3, warmupSteps: 0 }],
  tracesPerStep: 4,
  checkEvery: 2,
  checkProblems: 3,
  settings: { ...STARTER_RECIPE.settings, thinkingTokens: 16, answerTokens: 6 },
}

let folder: string
let engine: Engine
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'mrt-pretrain-'))
  engine = openEngine({})
})
afterAll(() => {
  engine.dispose()
  rmSync(folder, { recursive: true, force: true })
})

type Step = readonly [step: number, loss: number, tokens: number, point: PretrainPoint | null]
async function made(
  recipe: PretrainRecipe,
  taskOf = () => createCountdown({ maxAnswers: null }) as SpokenTask,
): Promise<{ readonly steps: Step[] } & Pretrained> {
  const steps: Step[] = []
  const done = await pretrain(engine, taskOf, recipe, { onStep: (...told) => steps.push(told) })
  return { steps, ...done }
}
const numbersOf = ({ tensors }: Pretrained): number[] => [...tensors.values()].flatMap((values) => Array.from(values.slice(0, 5)))

describe('imitation from random weights', () => {
  it('counts steps and tokens on over its stages, and looks at validation problems every so often and at the end of each', async () => {
    const { steps, curve, tensors } = await made(RECIPE)
    expect(recipeSteps(RECIPE)).toBe(5)
    expect(steps.map(([step, , , point]) => [step, point !== null])).toEqual([
      [1, false],
      [2, true],
      [3, true],
      [4, true],
      [5, true],
    ])
    expect(curve).toEqual(steps.flatMap(([, , , point]) => point ?? []))
    const tokens = steps.map(([, , told]) => told)
    tokens.forEach((told, at) => expect(told - (tokens[at - 1] ?? 0)).toBeGreaterThan(4 * 5))
    for (const { step, loss, accuracy, meanTokens, jStart, jEnd, trainedTokens } of curve) {
      expect([loss, trainedTokens]).toEqual(steps[step - 1]!.slice(1, 3))
      expect(accuracy * 3).toBeCloseTo(Math.round(accuracy * 3), 9)
      expect(meanTokens).toBeGreaterThan(0)
      expect(meanTokens).toBeLessThanOrEqual(16 + 1 + 6)
      for (const J of [jStart, jEnd]) expect([J >= 0, J < 0.1]).toEqual([true, true])
    }
    expect(curve[1]!.step).toBe(3)
    expect(steps[2]![1]).toBeLessThan(steps[0]![1])
    for (const values of tensors.values()) expect(values).toEqual(Float32Array.from(new Float16Array(values)))
  })

  it('gives the same weights for the same recipe and others for another seed, a rate or more traces', async () => {
    const short = { ...RECIPE, stages: [{ ...stage, steps: 1 }], checkProblems: 1 }
    const first = await made(short)
    expect(numbersOf(await made(short))).toEqual(numbersOf(first))
    for (const other of [
      { ...short, seed: 2 },
      { ...short, stages: [{ ...stage, steps: 1, lr: 2e-2 }] },
      { ...short, tracesPerStep: 5 },
    ])
      expect(numbersOf(await made(other))).not.toEqual(numbersOf(first))
    // The first of four steps of warming up takes a quarter of the rate.
    const warming = await made({ ...short, stages: [{ ...stage, steps: 1, lr: 4e-2, warmupSteps: 4 }] })
    const start = [...initialWeights(short.model, short.seed)][0]![1]
    const moved = ({ tensors }: Pretrained): number =>
      Math.max(...[...tensors.values()][0]!.map((value, at) => Math.abs(value - start[at]!)))
    expect(moved(warming) / moved(first)).toBeCloseTo(1, 1)
  })

  it('is refused by a task without a teacher', async () => {
    const untaught = { ...(createCountdown({ maxAnswers: null }) as SpokenTask), teacherTrace: () => null }
    await expect(made(RECIPE, () => untaught)).rejects.toThrow('the task countdown has no teacher')
  })
})

describe('the starter model', () => {
  it('that ships was made by the recipe that makes it again', () => {
    const shipped = join(import.meta.dirname, '../../resources/starter/learning-curve.json')
    expect((JSON.parse(readFileSync(shipped, 'utf8')) as { readonly recipe: PretrainRecipe }).recipe).toEqual(STARTER_RECIPE)
  })

  it('is written with its recipe and its curve, in place of what was there, and nothing is left beside it', async () => {
    const place = join(folder, 'made', 'starter')
    mkdirSync(place, { recursive: true })
    writeFileSync(join(place, 'old'), '')
    const recipe = { ...RECIPE, stages: [{ ...stage, steps: 2 }] }
    const told: ProgressReport[] = []
    const points: PretrainPoint[] = []
    let clock = 0
    const id = await makeStarter(engine, {
      recipe,
      folder: place,
      now: () => (clock += 1000),
      onProgress: (report) => told.push(report),
      onPoint: (point) => points.push(point),
    })
    expect([existsSync(join(place, 'old')), readdirSync(join(folder, 'made'))]).toEqual([false, ['starter']])
    const { config, meta, id: written } = await loadCheckpoint(place)
    expect([written, config]).toEqual([id, recipe.model])
    expect(meta).toMatchObject({
      name: 'starter',
      task: 'countdown-3',
      made: expect.stringContaining('npm run starter') as unknown,
      parameters: parameterCount(recipe.model),
      seed: recipe.seed,
      steps: 2,
    })
    const curve = JSON.parse(readFileSync(join(place, 'learning-curve.json'), 'utf8')) as object
    expect(curve).toEqual({ recipe, engine: `onnxruntime ${engine.version}`, curve: points })
    expect(told.map(({ done, total, job, label, unit }) => [done, total, job, label, unit])).toEqual([
      [1, 2, 'starter', 'starter model', 'steps'],
      [2, 2, 'starter', 'starter model', 'steps'],
    ])
    for (const { tokensPerSecond } of told) expect(tokensPerSecond).toBeGreaterThan(0)
    expect(points.map(({ step }) => step)).toEqual([2])
  })
})
