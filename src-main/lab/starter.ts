// The starter model: its recipe, and the command that makes it again. The checkpoint ships in resources/starter with its recipe and
// learning curve beside it, so quickstart never has to pretrain.
import { mkdir, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { ProgressReport } from '../../src-preload/contract.ts'
import type { Engine } from '../engine/engine.ts'
import { saveCheckpoint } from '../model/checkpoint.ts'
import { parameterCount, parameterSpecs, STARTER_CONFIG } from '../model/config.ts'
import { createCountdown } from '../tasks/countdown.ts'
import type { TeacherOptions } from '../tasks/countdown/teacher.ts'
import type { Task } from '../tasks/types.ts'
import { pretrain } from './pretrain.ts'
import type { PretrainPoint, PretrainRecipe } from './pretrain.ts'
import { openProgressMeter } from './progressMeter.ts'

/**
 * The teacher of the starter model wastes, and is stopped at boundaries and in the middle of attempts so that answering at any moment is
 * familiar; a few traces think on for long, so that forced continuation beyond the usual length is not a new world.
 */
export const STARTER_TEACHER: Partial<TeacherOptions> = { stopEarly: 0.35, stopAnywhere: 0.5, persist: 0.08, persistTokens: 400, recheck: 0.2, repeatFailure: 0.06 }

export const STARTER_RECIPE: PretrainRecipe = {
  model: STARTER_CONFIG,
  seed: 1,
  steps: 3_200,
  tracesPerStep: 128,
  lr: 2.5e-3,
  warmupSteps: 100,
  floor: 0.02,
  beta2: 0.98,
  weightDecay: 0.01,
  clipNorm: 1,
  microbatchTokens: 4_096,
  checkEvery: 200,
  checkProblems: 512,
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
  const task = createCountdown({}, STARTER_TEACHER) as Task
  const meter = openProgressMeter({ job: 'starter', label: 'starter model', total: recipe.steps, unit: 'steps', now })
  const began = now()
  const { tensors, curve } = await pretrain(engine, task, recipe, (step, _loss, tokens, point) => {
    onProgress(meter.at(step, tokens / ((now() - began) / 1000)))
    if (point) onPoint(point)
  }, signal)
  const scratch = `${folder}.unfinished`
  const saved = await saveCheckpoint(scratch, {
    config: recipe.model,
    tensors: new Map(parameterSpecs(recipe.model).map(({ name, dims }) => [name, { dims, data: tensors.get(name)! }])),
    meta: { name: 'starter', task: 'countdown-3', made: 'imitation of a wasteful teacher, see learning-curve.json; remake with `npm run starter`', parameters: parameterCount(recipe.model), seed: recipe.seed, steps: recipe.steps },
    dtype: 'F16',
  })
  await writeFile(join(saved.path, 'learning-curve.json'), `${JSON.stringify({ recipe, teacher: STARTER_TEACHER, engine: `onnxruntime ${engine.version}`, curve }, null, 1)}\n`)
  await mkdir(join(folder, '..'), { recursive: true })
  await rm(folder, { recursive: true, force: true })
  await rename(saved.path, folder)
  await rm(scratch, { recursive: true, force: true })
  return saved.id
}
