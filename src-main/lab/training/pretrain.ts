// Imitation of the wasteful teacher from random weights: how the starter model is made, reproducibly from a seed and a recipe.
// Nothing is reinforced here; what the model learns to waste is what the methods compared later may learn to save.
import type { Engine } from '../../engine/engine.ts'
import { schedule } from '../../engine/schedules.ts'
import { initialWeights, parameterSpecs } from '../../model/config.ts'
import type { LlamaConfig } from '../../model/config.ts'
import { createRng, deriveSeed } from '../../numeric/rng.ts'
import { createMethod, creditBatch } from '../../rl/algorithms.ts'
import { tokenWeights } from '../../rl/tokenWeights.ts'
import { createWeights, openPolicy } from '../../rollout/policy.ts'
import { sampleRollouts } from '../../rollout/sample.ts'
import type { SampleSettings } from '../../rollout/sample.ts'
import { exactMu } from '../../rollout/exactMu.ts'
import type { Problem, SpokenTask } from '../../tasks/types.ts'
import { demonstration, gradedRollout } from './gather.ts'
import { openLearner } from './learner.ts'
import { trainingPool } from './tasks.ts'

/** A stretch of training with one teacher and one learning-rate curve; the optimizer starts afresh. */
export interface PretrainStage {
  readonly steps: number
  readonly lr: number
  readonly warmupSteps: number
  /** What the cosine ends at, as a factor of the peak. */
  readonly floor: number
  /** The teacher's habits, where they differ from the task's own. */
  readonly teacher: Readonly<Record<string, number>>
}

export interface PretrainRecipe {
  readonly model: LlamaConfig
  readonly seed: number
  readonly stages: readonly PretrainStage[]
  readonly tracesPerStep: number
  readonly beta2: number
  readonly weightDecay: number
  readonly clipNorm: number
  readonly microbatchTokens: number
  /** Steps between looks at the validation problems. */
  readonly checkEvery: number
  readonly checkProblems: number
  readonly settings: SampleSettings
}

export interface PretrainPoint {
  readonly step: number
  readonly loss: number
  /** Share of right answers of one rollout per validation problem, temperature 1. */
  readonly accuracy: number
  readonly meanTokens: number
  /** Mean J at the empty think block: what the model answers without thinking. */
  readonly jStart: number
  /** Mean J at the end of its own thinking. */
  readonly jEnd: number
  readonly trainedTokens: number
}

export interface Pretrained {
  readonly tensors: Map<string, Float32Array>
  readonly curve: readonly PretrainPoint[]
}

export interface PretrainListener {
  readonly onStep: (step: number, loss: number, trainedTokens: number, point: PretrainPoint | null) => void
  readonly signal?: AbortSignal
}

/** Steps of a whole recipe. */
export const recipeSteps = (recipe: PretrainRecipe): number => recipe.stages.reduce((sum, { steps }) => sum + steps, 0)

/**
 * Runs every stage of a recipe from random weights. A stage starts from what the one before it would have shipped: weights rounded to fp16.
 * @param taskFor the task with a teacher of these habits
 */
export async function pretrain(
  engine: Engine,
  taskFor: (teacher: PretrainStage['teacher']) => SpokenTask,
  recipe: PretrainRecipe,
  listener: PretrainListener,
): Promise<Pretrained> {
  let weights = initialWeights(recipe.model, recipe.seed)
  const curve: PretrainPoint[] = []
  let firstStep = 1
  let trainedTokens = 0
  for (const stage of recipe.stages) {
    const done = await pretrainStage(engine, taskFor(stage.teacher), recipe, stage, { weights, firstStep, trainedTokens }, listener)
    weights = new Map([...done.tensors].map(([name, values]) => [name, Float32Array.from(new Float16Array(values))]))
    curve.push(...done.curve)
    firstStep += stage.steps
    trainedTokens = done.curve.at(-1)!.trainedTokens
  }
  return { tensors: weights, curve }
}

export interface StageStart {
  readonly weights: ReadonlyMap<string, Float32Array>
  /** Steps count on over stages. */
  readonly firstStep: number
  readonly trainedTokens: number
}

/** Runs one stage; demonstrations depend on the recipe's seed and the step alone. */
export async function pretrainStage(
  engine: Engine,
  task: SpokenTask,
  recipe: PretrainRecipe,
  stage: PretrainStage,
  start: StageStart,
  { onStep, signal }: PretrainListener,
): Promise<Pretrained> {
  const parameters = createWeights(engine, recipe.model, start.weights)
  const method = createMethod('sft')
  const learner = await openLearner(engine, recipe.model, parameters, method.algorithm.loss(method.options), recipe.microbatchTokens)
  const policy = await openPolicy(engine, recipe.model, parameters, { rows: 256, maxLength: 512 })
  const pool = trainingPool(task, 'imitation')
  const validation = task.problems('validation', recipe.checkProblems, deriveSeed(0, 'validation'))
  const rate = schedule({ name: 'cosine', warmupSteps: stage.warmupSteps, totalSteps: stage.steps, floor: stage.floor })
  const curve: PretrainPoint[] = []
  let { trainedTokens } = start
  try {
    for (let done = 1; done <= stage.steps; done++) {
      signal?.throwIfAborted()
      const step = start.firstStep + done - 1
      const entries = demonstrations(task, pool, recipe, step)
      const credits = creditBatch(
        method,
        entries.map((entry) => gradedRollout(entry, entry.rollout.boundaries, null)),
        { budgetTokens: recipe.settings.thinkingTokens, seed: recipe.seed, done: 0 },
      )
      const weights = tokenWeights(credits, 'token-mean', recipe.settings.thinkingTokens)
      const result = await learner.step(
        entries.map((entry, index) => ({
          prompt: entry.rollout.prompt,
          completion: entry.rollout.tokens,
          advantages: credits[index]!.advantage,
          weights: weights[index]!,
        })),
        {
          lr: stage.lr * rate(done - 1),
          beta1: 0.9,
          beta2: recipe.beta2,
          eps: 1e-8,
          weightDecay: recipe.weightDecay,
          clipNorm: recipe.clipNorm,
        },
        signal,
      )
      trainedTokens += result.forwardedTokens
      const checked = step % recipe.checkEvery === 0 || done === stage.steps
      const point = checked ? { step, loss: result.loss, ...(await check()), trainedTokens } : null
      if (point) curve.push(point)
      onStep(step, result.loss, trainedTokens, point)
    }
    return { tensors: new Map(parameterSpecs(recipe.model).map(({ name }) => [name, parameters.get(name)])), curve }
  } finally {
    learner.dispose()
    policy.dispose()
    parameters.dispose()
  }

  async function check(): Promise<Pick<PretrainPoint, 'accuracy' | 'meanTokens' | 'jStart' | 'jEnd'>> {
    const rollouts = await sampleRollouts(
      policy.decoder,
      task.format,
      validation.map((problem, index) => ({ prompt: problem.promptTokens, seed: deriveSeed(recipe.seed, 'check', index) })),
      recipe.settings,
      { signal },
    )
    const mu = await exactMu(
      rollouts.map((rollout, index) => ({
        prompt: rollout.prompt,
        completion: rollout.tokens,
        cuts: [0, rollout.thinkEnd],
        answers: task.answerTrie(validation[index]!)!,
      })),
      task.format.terminationSuffix,
      (feeds, read) => policy.branches.run(feeds, read),
    )
    const average = (of: (index: number) => number): number => rollouts.reduce((sum, _, index) => sum + of(index), 0) / rollouts.length
    return {
      accuracy: average((index) => Number(task.grade(validation[index]!, rollouts[index]!.tokens).correct)),
      meanTokens: average((index) => rollouts[index]!.tokens.length),
      jStart: average((index) => mu.J[index]![0]!),
      jEnd: average((index) => mu.J[index]![1]!),
    }
  }
}

function demonstrations(task: SpokenTask, pool: readonly Problem[], recipe: PretrainRecipe, step: number) {
  const rng = createRng(deriveSeed(recipe.seed, 'demonstrations', step))
  return Array.from({ length: recipe.tracesPerStep }, (_, group) => {
    const problem = rng.pick(pool)
    const trace = task.teacherTrace(problem, rng)
    if (!trace) throw new Error(`the task ${task.name} has no teacher`)
    return { problem, group, sample: 0, rollout: demonstration(problem, trace, task.format), grade: task.grade(problem, trace.completion) }
  })
}
