// The engine: one loaded ONNX Runtime and everything that was made with it. Disposing the engine disposes the rest.
// It deals in graphs and tensors; what a graph means is its caller's business.
import { basename } from 'node:path'
import { loadAddon, locateLibrary, type NativeAddon, type NativeDraws, type RuntimeHandle } from './addon.ts'
import { fail, wholeNumber } from './check.ts'
import { createDecoder, type Decoder, type DecoderOptions } from './decoder.ts'
import { probeDevices, type DeviceReport } from './devices.ts'
import { native } from './errors.ts'
import { Life, Owner } from './life.ts'
import { createParameters, type ParameterSet, type ParameterSpec } from './parameters.ts'
import { drawTokens, type Sampling, type Seed } from './sampling.ts'
import { createSession, type Session, type SessionOptions } from './session.ts'
import {
  createLayeredTrainer,
  createTrainer,
  type LayeredTrainer,
  type LayeredTrainerOptions,
  type Trainer,
  type TrainerOptions,
} from './trainer.ts'

export interface EngineOptions {
  /** Threads that run graphs; default physical cores. All engines of a process share one pool, and the first one decides. */
  readonly threads?: number
  /** ONNX Runtime's library, if not the one that onnxruntime-node ships; its version must be the package's. */
  readonly library?: string
}

export class Engine {
  readonly #addon: NativeAddon
  readonly #life: Life<RuntimeHandle>
  readonly #made = new Owner()
  /** ONNX Runtime's version. */
  readonly version: string
  /** Execution providers in the library, e.g. CPUExecutionProvider. */
  readonly providers: readonly string[]
  readonly threads: number
  /** The file in which a graph says its fixed parameters are: it is there, and is not read. */
  readonly fixedFile: string

  constructor(addon: NativeAddon, handle: RuntimeHandle, library: string) {
    this.#addon = addon
    this.#life = new Life(new Owner(), 'engine', handle, (gone) => addon.disposeRuntime(gone))
    const { version, providers, threads } = addon.describeRuntime(handle)
    this.version = version
    this.providers = providers
    this.threads = threads
    this.fixedFile = basename(library)
  }

  /** The most memory this process has held so far, in bytes; 0 where the system does not say. */
  get peakResidentBytes(): number {
    return native(() => this.#addon.describeRuntime(this.#life.handle).peakResidentBytes)
  }

  /** Native fp32 weights, zero at first. Throws bad-argument, wrong-shape, out-of-memory. */
  createParameters(specs: readonly ParameterSpec[]): ParameterSet {
    void this.#life.handle
    return createParameters(this.#addon, this.#made, specs)
  }

  /** Loads a graph. Rejects with bad-model, bad-argument, device-unavailable, wrong-shape, wrong-dtype. */
  async createSession(onnx: Uint8Array, options: SessionOptions = {}): Promise<Session> {
    return this.#live(await createSession(this.#addon, this.#made, this.#life.handle, onnx, options))
  }

  /** Loads a decode graph. Rejects with bad-model, missing-input, bad-argument, device-unavailable, wrong-shape, out-of-memory. */
  async createDecoder(options: DecoderOptions): Promise<Decoder> {
    return this.#live(await createDecoder(this.#addon, this.#made, this.#life.handle, options))
  }

  /** Loads a training graph. Rejects with bad-model, unknown-name, wrong-shape, bad-argument, device-unavailable. */
  async createTrainer(options: TrainerOptions): Promise<Trainer> {
    return this.#live(await createTrainer(this.#addon, this.#made, this.#life.handle, options))
  }

  /** Loads the graphs of a model that is trained layer by layer. Rejects with bad-model, unknown-name, bad-argument. */
  async createLayeredTrainer(options: LayeredTrainerOptions): Promise<LayeredTrainer> {
    return this.#live(await createLayeredTrainer(this.#addon, this.#made, this.#life.handle, options))
  }

  /** The sampler alone: tokens drawn from one row of logits [V] at consecutive indices. Throws bad-argument, wrong-dtype. */
  drawTokens(logits: Float32Array, sampling: Sampling, seed: Seed, firstIndex: number, draws: number): NativeDraws {
    return drawTokens(this.#addon, logits, sampling, seed, firstIndex, draws)
  }

  /** The four words of one Philox4x32-10 block: key of two words, counter of four. */
  philoxBlock(key: readonly [number, number], counter: readonly [number, number, number, number]): Uint32Array {
    return this.#addon.philoxBlock(...key, ...counter)
  }

  /** What can run a graph here and now, the CPU first. Takes up to some seconds where a graphics driver has to start. */
  devices(): Promise<readonly DeviceReport[]> {
    return probeDevices(this.providers, (onnx, options) => this.createSession(onnx, options))
  }

  /** Disposes everything made with this engine, then the engine. Running calls are cancelled and reject with disposed. */
  dispose(): void {
    this.#made.disposeAll()
    this.#life.dispose()
  }

  [Symbol.dispose](): void {
    this.dispose()
  }

  /** What finished loading after the engine was disposed goes at once. Throws disposed. */
  #live<Object extends { dispose(): void }>(object: Object): Object {
    if (this.#life.disposed) object.dispose()
    void this.#life.handle
    return object
  }
}

/** Loads ONNX Runtime. Throws addon-missing, library-missing, library-version, bad-argument. */
export function openEngine(options: EngineOptions = {}): Engine {
  const threads = wholeNumber('threads', options.threads ?? 0, 0, 1024)
  if (options.library !== undefined && typeof options.library !== 'string') fail('bad-argument', 'library to be a path', options.library)
  const addon = loadAddon()
  const found = locateLibrary()
  const library = options.library ?? found.library
  return new Engine(
    addon,
    native(() => addon.openRuntime({ library, version: found.version, threads })),
    library,
  )
}
