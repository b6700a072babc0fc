// Training steps on native memory: forward and backward on each micro-batch, gradients added up, clipped by their global
// norm, AdamW in place (Loshchilov and Hutter 2019, algorithm 2). The weights change only at the end of a step whose losses
// and gradients are all finite; a cancelled or failed step leaves them as they were.
import type {
  NativeAddon,
  NativeJob,
  NativeLayeredBatch,
  NativePort,
  NativeStepResult,
  NativeTrainProgress,
  RuntimeHandle,
  TrainerHandle,
} from './addon.ts'
import { fail, finiteNumber, float32Array, optionalSignal, record, wholeNumber } from './check.ts'
import { fromNative, native } from './errors.ts'
import { Life, type Owner } from './life.ts'
import { ParameterSet } from './parameters.ts'
import type { Device } from './providers.ts'
import { checkOutputs, loadArguments } from './session.ts'
import { checkFeeds, type Tensor, type Tensors } from './tensor.ts'

export interface TrainerOptions {
  /** A graph with an output `gradientPrefix + name` for each parameter to train; others stay fixed. An output `loss` is watched. */
  readonly onnx: Uint8Array
  readonly parameters: ParameterSet
  /** Default 'grad/'. */
  readonly gradientPrefix?: string
  readonly device?: Device
  readonly optimization?: 'basic' | 'extended' | 'all'
}

export interface OptimizerSettings {
  readonly lr: number
  /** Default 0.9. */
  readonly beta1?: number
  /** Default 0.999. */
  readonly beta2?: number
  /** Default 1e-8. */
  readonly eps?: number
  /** Decoupled; for parameters with `decay`. Default 0. */
  readonly weightDecay?: number
  /** Most global norm of the gradient. Default 0: no clipping. */
  readonly clipNorm?: number
}

interface StepInputs<Batch> {
  /** Feeds of each micro-batch; leave the arrays alone until the call settles. Gradients are summed, not averaged. */
  readonly microbatches: readonly Batch[]
  /** Outputs to return for each micro-batch. Default none. */
  readonly outputs?: readonly string[]
  readonly signal?: AbortSignal
  /** Called at most every 50 ms. */
  readonly onProgress?: (progress: NativeTrainProgress) => void
}

/** With `apply: false` the gradients are computed and kept for `gradients()`, the weights stay. */
export type StepOptions<Batch = Tensors> = StepInputs<Batch> &
  ({ readonly apply?: true; readonly optimizer: OptimizerSettings } | { readonly apply: false; readonly optimizer?: OptimizerSettings })

export interface StepResult {
  /** Whether the weights were updated. */
  readonly applied: boolean
  /** Why not, where they were not. */
  readonly reason?: 'gradients-only' | 'nonfinite-loss' | 'nonfinite-gradient'
  /** Per micro-batch. */
  readonly outputs: readonly Record<string, Tensor>[]
  /** Global norm before clipping. */
  readonly gradNorm: number
  /** By parameter. */
  readonly gradNorms: Readonly<Record<string, number>>
  readonly clipped: boolean
  /** Updates so far. */
  readonly step: number
}

/** AdamW's moments over all trained parameters in order, and the number of updates. */
export interface TrainerState {
  readonly step: number
  readonly m: Float32Array
  readonly v: Float32Array
}

const NO_UPDATE: OptimizerSettings = { lr: 0 }

/** What trainers of every kind share: the optimizer's state, the gradients of the last step, a life. */
abstract class AnyTrainer {
  /** The trained parameters, in the order of `state()`. */
  readonly trained: readonly { readonly name: string; readonly elements: number }[]
  protected readonly addon: NativeAddon
  protected readonly life: Life<TrainerHandle>
  readonly #elements: number

  constructor(addon: NativeAddon, owner: Owner, handle: TrainerHandle) {
    this.addon = addon
    this.life = new Life(owner, 'trainer', handle, (gone) => addon.disposeTrainer(gone))
    this.trained = addon.describeTrainer(handle).trained
    this.#elements = this.trained.reduce((sum, { elements }) => sum + elements, 0)
  }

  /** Native bytes: gradients and moments, without what ONNX Runtime needs while a graph runs. */
  get bytes(): number {
    return native(() => this.addon.describeTrainer(this.life.handle).bytes)
  }

  /** Copies of the last step's gradients, summed over its micro-batches and not clipped, by parameter. Throws busy. */
  gradients(): Record<string, Float32Array> {
    this.life.requireIdle()
    const dense = native(() => this.addon.trainerGradients(this.life.handle))
    let at = 0
    return Object.fromEntries(this.trained.map(({ name, elements }) => [name, dense.subarray(at, (at += elements))]))
  }

  /** A copy of the optimizer's state. Throws busy. */
  state(): TrainerState {
    this.life.requireIdle()
    return native(() => this.addon.trainerState(this.life.handle))
  }

  /** Takes back what `state` gave. Throws busy, bad-argument, wrong-shape. */
  loadState(state: TrainerState): void {
    this.life.requireIdle()
    const step = wholeNumber('step', state.step, 0, Number.MAX_SAFE_INTEGER)
    const m = float32Array('m', state.m, this.#elements)
    const v = float32Array('v', state.v, this.#elements)
    native(() => this.addon.loadTrainerState(this.life.handle, step, m, v))
  }

  /** A running step rejects with disposed, unless it has moved the weights already. */
  dispose(): void {
    this.life.dispose()
  }

  [Symbol.dispose](): void {
    this.dispose()
  }

  protected async settled(
    { apply = true, optimizer, signal }: Pick<StepOptions<unknown>, 'apply' | 'optimizer' | 'signal'>,
    start: (handle: TrainerHandle, optimizer: Required<OptimizerSettings>, apply: boolean) => NativeJob<NativeStepResult>,
  ): Promise<StepResult> {
    const rule = checkOptimizer(apply ? optimizer : NO_UPDATE)
    const { outcome, ...result } = await this.life.run((handle) => start(handle, rule, apply), signal, true)
    const outputs = result.outputs as Record<string, Tensor>[]
    return outcome === 'applied' ? { applied: true, ...result, outputs } : { applied: false, reason: outcome, ...result, outputs }
  }

  protected checkStep({ microbatches, signal }: Pick<StepOptions<unknown>, 'microbatches' | 'signal'>): void {
    optionalSignal(signal)
    void this.life.handle
    if (!Array.isArray(microbatches) || microbatches.length === 0) fail('bad-argument', 'at least one micro-batch', microbatches)
  }
}

/** Trains through one graph that holds the whole model. */
export class Trainer extends AnyTrainer {
  readonly inputs: readonly NativePort[]
  readonly outputs: readonly NativePort[]
  readonly #prefix: string

  constructor(addon: NativeAddon, owner: Owner, handle: TrainerHandle, prefix: string) {
    super(addon, owner, handle)
    const { inputs, outputs } = addon.describeTrainer(handle)
    this.inputs = inputs!
    this.outputs = outputs!
    this.#prefix = prefix
  }

  /**
   * One step. Rejects with bad-argument, missing-input, unknown-name, wrong-dtype, wrong-shape, busy (this trainer is
   * running, or something else uses the parameters), cancelled, disposed, runtime; the weights are then unchanged.
   */
  async step(options: StepOptions): Promise<StepResult> {
    this.checkStep(options)
    const microbatches = options.microbatches.map((feeds) => checkFeeds(feeds, this.inputs))
    const names = checkOutputs(options.outputs ?? [], this.outputs)
    const gradient = names.find((name) => name.startsWith(this.#prefix))
    if (gradient !== undefined) fail('bad-argument', 'outputs other than gradients', gradient, 'Use gradients().')
    return this.settled(options, (handle, optimizer, apply) =>
      this.addon.trainStep(handle, microbatches, names, optimizer, apply, options.onProgress),
    )
  }
}

/** A micro-batch of a layered trainer: tensors by name, and what is run on them in which order. */
export type LayeredBatch = NativeLayeredBatch

/** Trains through a chain of graphs, each run as often as its plan says; weights are read where the parameters have them. On the CPU. */
export class LayeredTrainer extends AnyTrainer {
  /**
   * One step. `outputs` names values that are there at the end of every micro-batch, `loss` among them. Rejects with bad-argument (a plan
   * reads what is not there), busy, cancelled, disposed, runtime; the weights are then unchanged.
   */
  async step(options: StepOptions<LayeredBatch>): Promise<StepResult> {
    this.checkStep(options)
    const names = [...new Set(options.outputs ?? [])]
    return this.settled(options, (handle, optimizer, apply) =>
      this.addon.layeredStep(handle, options.microbatches, names, optimizer, apply, options.onProgress),
    )
  }
}

function checkOptimizer(settings: unknown): Required<OptimizerSettings> {
  const given = record('optimizer', settings) as Partial<OptimizerSettings>
  const checked = {
    lr: finiteNumber('optimizer.lr', given.lr, 0),
    beta1: finiteNumber('optimizer.beta1', given.beta1 ?? 0.9, 0, 1),
    beta2: finiteNumber('optimizer.beta2', given.beta2 ?? 0.999, 0, 1),
    eps: finiteNumber('optimizer.eps', given.eps ?? 1e-8, 0),
    weightDecay: finiteNumber('optimizer.weightDecay', given.weightDecay ?? 0, 0),
    clipNorm: finiteNumber('optimizer.clipNorm', given.clipNorm ?? 0, 0),
  }
  for (const beta of ['beta1', 'beta2'] as const) {
    if (checked[beta] === 1) fail('bad-argument', `optimizer.${beta} to be below 1`, 1)
  }
  return checked
}

/** Loads a training graph. Rejects with bad-model, unknown-name, wrong-shape, bad-argument, device-unavailable. */
export async function createTrainer(addon: NativeAddon, owner: Owner, runtime: RuntimeHandle, options: TrainerOptions): Promise<Trainer> {
  const checked = loadArguments(options.onnx, options)
  if (!(options.parameters instanceof ParameterSet)) fail('bad-argument', 'parameters to be a ParameterSet', options.parameters)
  const prefix = options.gradientPrefix ?? 'grad/'
  if (typeof prefix !== 'string' || prefix === '') fail('bad-argument', 'gradientPrefix to be a text', prefix)
  const job = native(() => addon.createTrainer(runtime, checked.onnx, checked.options, options.parameters.handle, prefix))
  try {
    return new Trainer(addon, owner, await job.promise, prefix)
  } catch (thrown) {
    throw fromNative(thrown)
  }
}

export interface LayeredTrainerOptions {
  /** The graphs that plans run, by their place. Inputs named in a plan's `weights` read parameters; none is bound by its name. */
  readonly onnx: readonly Uint8Array[]
  readonly parameters: ParameterSet
  /** Names of the parameters that train; plans add to their gradients. */
  readonly trained: readonly string[]
}

/** Loads the graphs of a layered trainer. Rejects with bad-model, unknown-name, bad-argument. */
export async function createLayeredTrainer(
  addon: NativeAddon,
  owner: Owner,
  runtime: RuntimeHandle,
  { onnx, parameters, trained }: LayeredTrainerOptions,
): Promise<LayeredTrainer> {
  if (onnx.length === 0) fail('bad-argument', 'at least one graph', onnx)
  const checked = onnx.map((each) => loadArguments(each, { parameters }))
  const job = native(() =>
    addon.createLayeredTrainer(
      runtime,
      checked.map((each) => each.onnx),
      checked[0]!.options,
      parameters.handle,
      trained,
    ),
  )
  try {
    return new LayeredTrainer(addon, owner, await job.promise)
  } catch (thrown) {
    throw fromNative(thrown)
  }
}
