// A loaded graph: feed tensors, get tensors. Runs off the JavaScript thread; calls made while one is running wait in line.
import { dirname } from 'node:path'
import { locateLibrary } from './addon.ts'
import type { NativeAddon, NativePort, NativeSessionOptions, RuntimeHandle, SessionHandle } from './addon.ts'
import { fail, oneOf, optionalSignal } from './check.ts'
import { cudaLinked } from './cudaLibraries.ts'
import { fromNative, native } from './errors.ts'
import { Life, type Owner } from './life.ts'
import { ParameterSet } from './parameters.ts'
import { devices, type Device } from './providers.ts'
import { checkFeeds, type Tensor, type Tensors } from './tensor.ts'

export interface SessionOptions {
  readonly device?: Device
  /** Inputs named like a parameter read the set's memory and need no feed. */
  readonly parameters?: ParameterSet
  /**
   * Parameters, or parts of ones in blocks, that the graph declares as values in the file `fixedFile`: they cannot be changed while it is open, and the runtime keeps a
   * copy of each, as large again, that its products are faster with. On the processor.
   */
  readonly fixed?: readonly string[]
  /** How far ONNX Runtime may rewrite the graph. Default 'all'. */
  readonly optimization?: 'basic' | 'extended' | 'all'
}

export interface RunOptions {
  readonly signal?: AbortSignal
}

/** ONNX Runtime's GraphOptimizationLevel. */
const OPTIMIZATION = { basic: 1, extended: 2, all: 99 } as const

export class Session {
  /** Declared inputs; `bound` ones read a parameter. */
  readonly inputs: readonly NativePort[]
  readonly outputs: readonly NativePort[]
  readonly #addon: NativeAddon
  readonly #life: Life<SessionHandle>
  #line: Promise<unknown> = Promise.resolve()

  constructor(addon: NativeAddon, owner: Owner, handle: SessionHandle) {
    this.#addon = addon
    this.#life = new Life(owner, 'session', handle, (gone) => addon.disposeSession(gone))
    const { inputs, outputs } = addon.describeSession(handle)
    this.inputs = inputs
    this.outputs = outputs
  }

  /**
   * Runs the graph.
   * @param feeds one tensor for each input that is not bound; leave the arrays alone until the call settles
   * @param outputs names of the wanted outputs; default all
   * @returns copies of the outputs. Rejects with missing-input, unknown-name, wrong-dtype, wrong-shape, busy (a training
   * step is changing the parameters), cancelled, disposed, runtime
   */
  async run(feeds: Tensors, outputs?: readonly string[], options: RunOptions = {}): Promise<Record<string, Tensor>> {
    const signal = optionalSignal(options.signal)
    void this.#life.handle
    const checked = { ...checkFeeds(feeds, this.inputs) }
    const names = outputs === undefined ? this.outputs.map((output) => output.name) : checkOutputs(outputs, this.outputs)
    const turn = this.#line.then(() => this.#life.run((handle) => this.#addon.runSession(handle, checked, names), signal))
    this.#line = turn.catch(() => undefined)
    return (await turn) as Record<string, Tensor>
  }

  /** Cancels what runs or waits (those calls reject with disposed) and frees the graph. */
  dispose(): void {
    this.#life.dispose()
  }

  [Symbol.dispose](): void {
    this.dispose()
  }
}

/** The wanted outputs, each once. Throws bad-argument, unknown-name. */
export function checkOutputs(names: unknown, outputs: readonly NativePort[]): readonly string[] {
  if (!Array.isArray(names)) return fail('bad-argument', 'outputs to be a list of names', names)
  for (const name of names) {
    if (outputs.some((output) => output.name === name)) continue
    fail('unknown-name', `one of the outputs ${outputs.map((output) => output.name).join(', ')}`, name, 'Check the spelling.')
  }
  return [...new Set(names as string[])]
}

/**
 * Checks what is common to everything that loads a graph.
 * @param relaid fixed parameters may change
 */
export function loadArguments(onnx: unknown, options: SessionOptions, relaid = false): { onnx: Uint8Array; options: NativeSessionOptions } {
  if (!(onnx instanceof Uint8Array) || onnx.length === 0) return fail('bad-model', 'the bytes of an ONNX graph', onnx)
  if (options.parameters !== undefined && !(options.parameters instanceof ParameterSet)) {
    return fail('bad-argument', 'parameters to be a ParameterSet', options.parameters)
  }
  const device = oneOf('device', options.device ?? 'cpu', devices)
  const fixed = options.fixed ?? []
  if (fixed.length > 0 && (device !== 'cpu' || options.parameters === undefined))
    return fail('bad-argument', 'fixed parameters of a set, on the processor', device)
  return {
    onnx,
    options: {
      device,
      ...(fixed.length > 0 && { fixed, relaid }),
      ...(device === 'cuda' && { libraries: cudaLinked(dirname(locateLibrary().library)) }),
      optimization: OPTIMIZATION[oneOf('optimization', options.optimization ?? 'all', ['basic', 'extended', 'all'])],
    },
  }
}

/** Loads a graph. Rejects with bad-model, bad-argument, device-unavailable, wrong-shape or wrong-dtype (against the parameters). */
export async function createSession(
  addon: NativeAddon,
  owner: Owner,
  runtime: RuntimeHandle,
  onnx: Uint8Array,
  options: SessionOptions,
): Promise<Session> {
  const checked = loadArguments(onnx, options)
  const job = native(() => addon.createSession(runtime, checked.onnx, checked.options, options.parameters?.handle))
  try {
    return new Session(addon, owner, await job.promise)
  } catch (thrown) {
    throw fromNative(thrown)
  }
}
