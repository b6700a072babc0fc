// One optimizer step on a batch of credited rollouts: lay the sequences out, run forward, loss and backward micro-batch by micro-batch,
// and let the engine clip and update. What a loss is comes from rl/, what a graph is from model/; this file only carries tensors.
import type { Engine } from '../../engine/engine.ts'
import type { ParameterSet } from '../../engine/parameters.ts'
import type { Device } from '../../engine/providers.ts'
import type { OptimizerSettings, TrainerState } from '../../engine/trainer.ts'
import { SUM_PREFIX, withPositions } from '../../model/llama.ts'
import type { LlamaConfig } from '../../model/config.ts'
import { lossGraph, lossMetrics, lossSums } from '../../rl/loss.ts'
import type { LossSum } from '../../rl/loss.ts'
import type { LossSpec } from '../../rl/types.ts'
import { noAnswers } from '../../rollout/answerGradient.ts'
import type { AnswerBatch } from '../../rollout/answerGradient.ts'
import { batchByLength, budgetOfVocabulary, DEFAULT_BATCH_LIMITS } from '../../rollout/batches.ts'
import {
  completionPlane,
  forwardedLength,
  noSequence,
  readCompletionPlane,
  sequenceFeeds,
  WIDE_VOCABULARY,
} from '../../rollout/sequences.ts'
import type { Sequence } from '../../rollout/sequences.ts'
import { openGraphSteps, openLayeredSteps } from './trainingSteps.ts'

/** A sequence with what every completion token is paid. All arrays have one entry per completion token. */
export interface PaidSequence extends Sequence {
  readonly advantages: Float32Array
  /** The normaliser; 0 where a token carries no loss. */
  readonly weights: Float32Array
  /** Log-probs under the weights that sampled, at the temperature of the loss; read where the loss has a ratio. */
  readonly sampledLogps?: Float32Array
  /** What the sampler said of its own draws, and which tokens it drew; only measured. */
  readonly drawn?: { readonly logps: Float32Array; readonly sampled: Uint8Array }
  /** Log-probs under the reference; read where the loss pulls towards one. */
  readonly referenceLogps?: Float32Array
}

export interface LearnerResult {
  readonly loss: number
  readonly gradNorm: number
  /** False where a loss or gradient was not finite: the weights are as they were. */
  readonly applied: boolean
  /** Named as in rl/loss.ts, plus `grad_norm`, `train/padding` and `sampling/sampling_logp_difference/*` where it was measured. */
  readonly metrics: Readonly<Record<string, number>>
  /** Log-probs of the completion tokens before the update, per sequence. */
  readonly logps: readonly Float32Array[]
  readonly forwardedTokens: number
}

export interface Learner {
  /** @param answers what else is minimised, of a learner that follows answers */
  step(
    sequences: readonly PaidSequence[],
    optimizer: OptimizerSettings,
    signal?: AbortSignal,
    answers?: readonly AnswerBatch[],
  ): Promise<LearnerResult>
  state(): TrainerState
  loadState(state: TrainerState): void
  /** Forgets the moments: the next step is the first. */
  reset(): void
  dispose(): void
}

/** What answers add to the loss is part of the one graph of the whole model, and training by layers, for wide vocabularies, computes on the processor. */
export const trainsInOneGraph = ({ vocabSize }: LlamaConfig, device: Device, followsAnswers: boolean): boolean =>
  followsAnswers || vocabSize < WIDE_VOCABULARY || device !== 'cpu'

/**
 * Opens the training of a loss over a parameter set, which trains the parameters that the configuration lets train. The policy that is trained is
 * softmax(logits / temperature). Models of wide vocabularies, which are those of text, are trained layer by layer on the processor, and through one
 * graph on any other device.
 * @param microbatchTokens most tokens that are computed at once; a single longer sequence still is
 * @param longest most tokens of a sequence, for the tables of positions; all the model's unless given
 * @param followsAnswers the gradient of J is followed too, through packed branches that come beside the sequences
 * @param device computes the passes; the optimizer's update is the processor's everywhere
 */
export async function openLearner(
  engine: Engine,
  config: LlamaConfig,
  parameters: ParameterSet,
  loss: LossSpec,
  microbatchTokens: number,
  temperature = 1,
  longest = config.maxPositions,
  followsAnswers = false,
  device: Device = 'cpu',
): Promise<Learner> {
  const needs = { oldLogps: loss.ratio !== 'none', refLogps: loss.klBeta > 0 }
  const whole = trainsInOneGraph(config, device, followsAnswers)
  const open = whole ? openGraphSteps : openLayeredSteps
  const tokenBudget = whole ? budgetOfVocabulary(microbatchTokens, config.vocabSize) : microbatchTokens
  const steps = await open(engine, {
    config: withPositions(config, longest),
    parameters,
    loss: (g, values) => lossGraph(g, values, loss),
    needs,
    temperature,
    followsAnswers,
    device,
  })
  const sums = lossSums.map((name) => `${SUM_PREFIX}${name}`).filter((name) => steps.outputs.includes(name))
  return {
    step,
    state: () => steps.state(),
    loadState: (state) => steps.loadState(state),
    reset() {
      const { m, v } = steps.state()
      steps.loadState({ step: 0, m: new Float32Array(m.length), v: new Float32Array(v.length) })
    },
    dispose: () => steps.dispose(),
  }

  async function step(
    sequences: readonly PaidSequence[],
    optimizer: OptimizerSettings,
    signal?: AbortSignal,
    answers: readonly AnswerBatch[] = [],
  ): Promise<LearnerResult> {
    const lengths = sequences.map(forwardedLength)
    const batches = batchByLength(lengths, { ...DEFAULT_BATCH_LIMITS, tokenBudget })
    const microbatches = batches.map((batch) => ({
      ...sequenceFeeds(batch, sequences, config.vocabSize),
      advantages: completionPlane(batch, sequences, (member) => sequences[member]!.advantages),
      weights: completionPlane(batch, sequences, (member) => sequences[member]!.weights),
      ...(needs.oldLogps && { old_logps: completionPlane(batch, sequences, (member) => sequences[member]!.sampledLogps!) }),
      ...(needs.refLogps && { ref_logps: completionPlane(batch, sequences, (member) => sequences[member]!.referenceLogps!) }),
      ...(followsAnswers && noAnswers()),
    }))
    const beside = answers.map(({ feeds }) => ({ ...noSequence(needs), ...feeds }))
    const result = await steps.step([...microbatches, ...beside], ['loss', 'logps', ...sums], { optimizer, signal })
    const logps: Float32Array[] = new Array(sequences.length)
    const totals = batches.map((batch, index) => {
      const outputs = result.outputs[index]!
      readCompletionPlane(outputs.logps!, batch, sequences).forEach((values, row) => {
        logps[batch.members[row]!] = values
      })
      return Object.fromEntries(sums.map((name) => [name.slice(SUM_PREFIX.length), Number(outputs[name]!.data[0])])) as Partial<
        Record<LossSum, number>
      >
    })
    const ofSequences = lengths.reduce((sum, length) => sum + length, 0)
    const computed = batches.reduce((sum, batch) => sum + batch.width * batch.members.length, 0)
    return {
      loss: result.outputs.reduce((sum, outputs) => sum + Number(outputs.loss!.data[0]), 0),
      gradNorm: result.gradNorm,
      applied: result.applied,
      metrics: {
        ...lossMetrics(totals),
        ...(Number.isFinite(result.gradNorm) && { grad_norm: result.gradNorm }),
        'train/padding': 1 - ofSequences / computed,
        ...driftMetrics(sequences, logps),
      },
      logps,
      forwardedTokens: ofSequences + answers.reduce((sum, { tokens }) => sum + tokens, 0),
    }
  }
}

/** How far the trainer's log-probs are from the sampler's, over drawn tokens that carry loss: 0 in exact arithmetic without filters. */
function driftMetrics(sequences: readonly PaidSequence[], logps: readonly Float32Array[]): Record<string, number> {
  let most = 0
  let sum = 0
  let count = 0
  sequences.forEach(({ drawn, weights }, index) => {
    if (!drawn) return
    for (let t = 0; t < weights.length; t++) {
      if (weights[t] === 0 || drawn.sampled[t] === 0) continue
      const difference = Math.abs(logps[index]![t]! - drawn.logps[t]!)
      most = Math.max(most, difference)
      sum += difference
      count++
    }
  })
  return count === 0 ? {} : { 'sampling/sampling_logp_difference/max': most, 'sampling/sampling_logp_difference/mean': sum / count }
}
