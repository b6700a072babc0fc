// Imitation of the wasteful teacher from random weights: how the starter model is made, reproducibly from a seed and a recipe.
// Nothing is reinforced here; what the model learns to waste is what the methods compared later may learn to save.
import type { Engine } from '../engine/engine.ts'
import { schedule } from '../engine/schedules.ts'
import { initialWeights, parameterSpecs } from '../model/config.ts'
import type { LlamaConfig } from '../model/config.ts'
import { createRng, deriveSeed } from '../numeric/rng.ts'
import { createMethod, creditBatch } from '../rl/algorithms.ts'
import { tokenWeights } from '../rl/tokenWeights.ts'
import { createWeights, openPolicy } from '../rollout/policy.ts'
import { sampleRollouts } from '../rollout/sample.ts'
import type { SampleSettings } from '../rollout/sample.ts'
import { exactMu } from '../rollout/exactMu.ts'
import type { Problem, Task } from '../tasks/types.ts'
import { demonstration, gradedRollout } from './gather.ts'
import { openLearner } from './learner.ts'
import { trainingPool } from './tasks.ts'

export interface PretrainRecipe {
  readonly model: LlamaConfig
  readonly seed: number
  readonly steps: number
  readonly tracesPerStep: number
  readonly lr: number
  readonly warmupSteps: number
  /** What the cosine ends at, as a factor of the peak. */
  readonly floor: number
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

/** @param onStep hears every step; a point is given where the model was checked */
export async function pretrain(engine: Engine, task: Task, recipe: PretrainRecipe, onStep: (step: number, loss: number, trainedTokens: number, point: PretrainPoint | null) => void, signal?: AbortSignal): Promise<Pretrained> {
  const parameters = createWeights(engine, recipe.model, initialWeights(recipe.model, recipe.seed))
  const method = createMethod('sft')
  const learner = await openLearner(engine, recipe.model, parameters, method.algorithm.loss(method.options), recipe.microbatchTokens)
  const policy = await openPolicy(engine, recipe.model, parameters, { rows: 256, maxLength: 512 })
  const pool = trainingPool(task)
  const validation = task.problems('validation', recipe.checkProblems, deriveSeed(0, 'validation'))
  const rate = schedule({ name: 'cosine', warmupSteps: recipe.warmupSteps, totalSteps: recipe.steps, floor: recipe.floor })
  const curve: PretrainPoint[] = []
  let trainedTokens = 0
  try {
    for (let step = 1; step <= recipe.steps; step++) {
      signal?.throwIfAborted()
      const entries = demonstrations(task, pool, recipe, step)
      const credits = creditBatch(method, entries.map((entry) => gradedRollout(entry, entry.rollout.boundaries, null)), { budgetTokens: recipe.settings.thinkingTokens, seed: recipe.seed })
      const weights = tokenWeights(credits, 'token-mean', recipe.settings.thinkingTokens)
      const result = await learner.step(
        entries.map((entry, index) => ({ prompt: entry.rollout.prompt, completion: entry.rollout.tokens, advantages: credits[index]!.advantage, weights: weights[index]! })),
        { lr: recipe.lr * rate(step - 1), beta1: 0.9, beta2: recipe.beta2, eps: 1e-8, weightDecay: recipe.weightDecay, clipNorm: recipe.clipNorm }, signal)
      trainedTokens += result.forwardedTokens
      const checked = step % recipe.checkEvery === 0 || step === recipe.steps
      const point = checked ? { step, loss: result.loss, ...await check(), trainedTokens } : null
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
    const rollouts = await sampleRollouts(policy.decoder, task.format, validation.map((problem, index) => ({ prompt: problem.promptTokens, seed: deriveSeed(recipe.seed, 'check', index) })), recipe.settings, { signal })
    const mu = await exactMu(rollouts.map((rollout, index) => ({ prompt: rollout.prompt, completion: rollout.tokens, cuts: [0, rollout.thinkEnd], answers: task.answerTrie(validation[index]!)! })), task.format.terminationSuffix, (feeds) => policy.branches.run(feeds))
    const average = (of: (index: number) => number): number => rollouts.reduce((sum, _, index) => sum + of(index), 0) / rollouts.length
    return {
      accuracy: average((index) => Number(task.grade(validation[index]!, rollouts[index]!.tokens).correct)),
      meanTokens: average((index) => rollouts[index]!.tokens.length),
      jStart: average((index) => mu.J[index]![0]!),
      jEnd: average((index) => mu.J[index]![1]!),
    }
  }
}

function demonstrations(task: Task, pool: readonly Problem[], recipe: PretrainRecipe, step: number) {
  const rng = createRng(deriveSeed(recipe.seed, 'demonstrations', step))
  return Array.from({ length: recipe.tracesPerStep }, (_, group) => {
    const problem = rng.pick(pool)
    const trace = task.teacherTrace(problem, rng)
    if (!trace) throw new Error(`the task ${task.name} has no teacher`)
    return { problem, group, sample: 0, rollout: demonstration(problem, trace.completion, task.format), grade: task.grade(problem, trace.completion) }
  })
}
