// The starter model: its recipe, and the command that makes it again. The checkpoint ships in resources/starter with its recipe and
// learning curve beside it, so quickstart never has to pretrain.
import { rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { ProgressReport } from '../../../src-preload/contract.ts'
import type { Engine } from '../../engine/engine.ts'
import { saveCheckpoint } from '../../model/checkpoint.ts'
import { parameterCount, parameterSpecs, STARTER_CONFIG } from '../../model/config.ts'
import { createCountdown } from '../../tasks/countdown.ts'
import type { SpokenTask } from '../../tasks/types.ts'
import { pretrain, recipeSteps } from './pretrain.ts'
import type { Pretrained, PretrainPoint, PretrainRecipe } from './pretrain.ts'
import { openProgressMeter } from '../process/progressMeter.ts'

/**
 * The task's wasteful teacher, stopped in the middle of attempts too, so that answering at any moment is familiar, and sometimes thinking
 * on for long, so that forced continuation is not a new world. These habits are there from the first step: learnt in a short second
 * stage they stayed shallow, and a stop in the middle of an attempt halved the chance of a right answer. In the second stage most stops
 * and commands to think on are marked as forced: how to answer after them is learnt, stopping without need is not.
 */
export const STARTER_RECIPE: PretrainRecipe = {
  model: STARTER_CONFIG,
  seed: 1,
  stages: [
    {
      steps: 1_500,
      lr: 2e-3,
      warmupSteps: 100,
      floor: 0.02,
      teacher: { stopEarly: 0.4, stopAnywhere: 0.6, persist: 0.06, persistTokens: 400, recheck: 0.2, repeatFailure: 0.06 },
    },
    {
      steps: 500,
      lr: 1e-3,
      warmupSteps: 50,
      floor: 0.02,
      teacher: {
        stopEarly: 0.4,
        stopAnywhere: 0.7,
        persist: 0.15,
        persistTokens: 400,
        cutPersisted: 0.8,
        muteForced: 0.8,
        recheck: 0.15,
        repeatFailure: 0.05,
      },
    },
  ],
  tracesPerStep: 64,
  beta2: 0.98,
  weightDecay: 0.01,
  clipNorm: 1,
  microbatchTokens: 4_096,
  checkEvery: 500,
  checkProblems: 256,
  settings: { temperature: 1, topK: 0, topP: 1, minP: 0, thinkingTokens: 120, answerTokens: 24 },
}

export interface StarterOptions {
  readonly recipe: PretrainRecipe
  /** Folder that receives the checkpoint; replaced as a whole when training is done. */
  readonly folder: string
  readonly now: () => number
  readonly signal?: AbortSignal
  readonly onProgress: (report: ProgressReport) => void
  readonly onPoint: (point: PretrainPoint) => void
}

/** Trains the starter model and writes the checkpoint (fp16), the recipe and the learning curve. Returns the checkpoint's id. */
export async function makeStarter(engine: Engine, { recipe, folder, now, signal, onProgress, onPoint }: StarterOptions): Promise<string> {
  const meter = openProgressMeter({ job: 'starter', label: 'starter model', total: recipeSteps(recipe), unit: 'steps', now })
  const began = now()
  const made = await pretrain(engine, (teacher) => createCountdown({ maxAnswers: null }, teacher) as SpokenTask, recipe, {
    signal,
    onStep(step, _loss, tokens, point) {
      onProgress(meter.at(step, tokens / ((now() - began) / 1000)))
      if (point) onPoint(point)
    },
  })
  return writeStarter(folder, recipe, made, engine.version)
}

/** Writes the checkpoint (fp16) with its recipe and learning curve to a folder, replacing what was there. Returns the checkpoint's id. */
export async function writeStarter(
  folder: string,
  recipe: PretrainRecipe,
  { tensors, curve }: Pretrained,
  engineVersion: string,
): Promise<string> {
  const scratch = `${folder}.unfinished`
  const saved = await saveCheckpoint(scratch, {
    config: recipe.model,
    tensors: new Map(parameterSpecs(recipe.model).map(({ name, dims }) => [name, { dims, data: tensors.get(name)! }])),
    meta: {
      name: 'starter',
      task: 'countdown-3',
      made: 'imitation of a wasteful teacher, see learning-curve.json; remake with `npm run starter`',
      parameters: parameterCount(recipe.model),
      seed: recipe.seed,
      steps: recipeSteps(recipe),
    },
    dtype: 'F16',
  })
  await writeFile(
    join(saved.path, 'learning-curve.json'),
    `${JSON.stringify({ recipe, engine: `onnxruntime ${engineVersion}`, curve }, null, 1)}\n`,
  )
  await rm(folder, { recursive: true, force: true })
  await rename(saved.path, folder)
  await rm(scratch, { recursive: true, force: true })
  return saved.id
}
