// The two ways to compute a training step, with the same numbers: through one graph of the whole model, which is fastest for small models
// and replays recorded runs to the last bit, and layer by layer, which opens at once and bounds memory for large ones.
import type { Engine } from '../../engine/engine.ts'
import type { ParameterSet } from '../../engine/parameters.ts'
import type { Device } from '../../engine/providers.ts'
import type { Tensor, Tensors } from '../../engine/tensor.ts'
import type { OptimizerSettings, StepResult, TrainerState } from '../../engine/trainer.ts'
import { toOnnx } from '../../graph/onnx.ts'
import type { Graph } from '../../graph/ir.ts'
import type { LlamaConfig } from '../../model/config.ts'
import { answerTerm } from '../../model/branches.ts'
import { layeredModel } from '../../model/layered.ts'
import { GRADIENT_PREFIX, trainGraph } from '../../model/llama.ts'
import type { Loss, LossNeeds } from '../../model/llama.ts'

/** Most bytes of values that are kept between the forward and the backward pass of a micro-batch; what is beyond them is computed again. */
export const KEPT_BYTES = 1.5 * 2 ** 30

export interface TrainingSteps {
  /** Names of what a step may return for each micro-batch: loss, logps, entropy and the sums of the loss. */
  readonly outputs: readonly string[]
  /** One step over the feeds of micro-batches, as for `trainGraph`. */
  step(microbatches: readonly Tensors[], outputs: readonly string[], how: HowToStep): Promise<StepResult>
  /** Copies of the last step's gradients by parameter. */
  gradients(): Record<string, Float32Array>
  state(): TrainerState
  loadState(state: TrainerState): void
  dispose(): void
}

/** Without an optimizer the gradients are computed and the weights stay. */
export interface HowToStep {
  readonly optimizer?: OptimizerSettings
  readonly signal?: AbortSignal
}

export interface TrainingOptions {
  readonly config: LlamaConfig
  readonly parameters: ParameterSet
  readonly loss: Loss
  readonly needs: LossNeeds
  readonly temperature: number
  /** The loss has the term of `answerTerm`, whose inputs come beside the others; one graph alone can have it. */
  readonly followsAnswers?: boolean
  /** Computes one graph; layers are computed on the processor. Default that. */
  readonly device?: Device
}

const outputsOf = ({ outputs }: Graph): string[] => outputs.map(({ name }) => name).filter((name) => !name.startsWith(GRADIENT_PREFIX))

export async function openGraphSteps(
  engine: Engine,
  { config, parameters, loss, needs, temperature, followsAnswers = false, device }: TrainingOptions,
): Promise<TrainingSteps> {
  const graph = trainGraph(config, loss, needs, temperature, followsAnswers ? answerTerm : null)
  const trainer = await engine.createTrainer({
    onnx: toOnnx(graph),
    parameters,
    gradientPrefix: GRADIENT_PREFIX,
    ...(device && { device }),
  })
  return {
    outputs: outputsOf(graph),
    step: (microbatches, outputs, { optimizer, signal }) =>
      trainer.step({ microbatches, outputs, signal, ...(optimizer ? { optimizer } : { apply: false }) }),
    gradients: () => trainer.gradients(),
    state: () => trainer.state(),
    loadState: (state) => trainer.loadState(state),
    dispose: () => trainer.dispose(),
  }
}

/** @param keptBytes most bytes of values kept between forward and backward; 0 computes all of them again */
export async function openLayeredSteps(
  engine: Engine,
  { config, parameters, loss, needs, temperature }: TrainingOptions,
  keptBytes = KEPT_BYTES,
): Promise<TrainingSteps> {
  const model = layeredModel(config, loss, needs, temperature)
  const trainer = await engine.createLayeredTrainer({
    onnx: model.graphs.map((graph) => toOnnx(graph)),
    parameters,
    trained: model.trained,
  })
  const batchOf = (feeds: Tensors) => {
    const [rows, width] = feeds.tokens!.dims as [number, number]
    const shape = { rows, width, scored: feeds.scored!.dims[0]! }
    const { targets, ...rest } = feeds
    return { feeds: { ...rest, chosen: takenAt(targets!, feeds.scored!) }, ...model.plan(shape, model.layersKept(shape, keptBytes)) }
  }
  return {
    outputs: model.outputs,
    step: (microbatches, outputs, { optimizer, signal }) =>
      trainer.step({ microbatches: microbatches.map(batchOf), outputs, signal, ...(optimizer ? { optimizer } : { apply: false }) }),
    gradients: () => trainer.gradients(),
    state: () => trainer.state(),
    loadState: (state) => trainer.loadState(state),
    dispose: () => trainer.dispose(),
  }
}

/** values[places] of flattened whole numbers. */
function takenAt(values: Tensor, places: Tensor): Tensor {
  return { dtype: 'int64', dims: places.dims, data: Int32Array.from(places.data as Int32Array, (place) => Number(values.data[place])) }
}
