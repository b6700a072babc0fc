// The whole native surface in one place, typed, and where its two files are found: our own module and the ONNX Runtime
// library that onnxruntime-node ships. Nothing is loaded when this file is imported; `openEngine` asks for it.
import { existsSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { EngineError } from './errors.ts'

/** Work that runs on a thread of its own. `cancel` may be called at any time, also after the end. */
export interface NativeJob<Result> {
  readonly promise: Promise<Result>
  cancel(): void
}

declare const kind: unique symbol
/** An opaque native object. */
export interface NativeHandle<Kind extends string> {
  readonly [kind]: Kind
}
export type RuntimeHandle = NativeHandle<'runtime'>
export type ParametersHandle = NativeHandle<'parameters'>
export type SessionHandle = NativeHandle<'session'>
export type DecoderHandle = NativeHandle<'decoder'>
export type TrainerHandle = NativeHandle<'trainer'>

export interface NativeTensor {
  readonly dtype: string
  readonly dims: readonly number[]
  readonly data: ArrayBufferView
}

export interface NativeDecoderShape {
  readonly layers: number
  readonly kvHeads: number
  readonly headDim: number
  readonly maxLength: number
  readonly vocabulary: number
  readonly rows: number
}

export interface NativeSampling {
  readonly temperature: number
  readonly topK: number
  readonly topP: number
  readonly minP: number
  readonly greedy: boolean
}

export interface NativeRequest extends NativeSampling {
  readonly source: number
  readonly length: number
  readonly suffix: Int32Array
  readonly seed: readonly [low: number, high: number]
  readonly maxNewTokens: number
  readonly stopTokens: Int32Array
  readonly prefixThinkingTokens: number
  readonly keep: boolean
  readonly thinking:
    | {
        readonly closers: readonly Int32Array[]
        readonly endTokens: Int32Array
        readonly budget: number
        readonly answerTokens: number
        readonly minimum: number
        readonly extendTokens: Int32Array
        readonly answerStops: Int32Array
      }
    | undefined
}

export interface NativeCompletion {
  readonly tokens: Int32Array
  readonly logps: Float32Array
  readonly samplingLogps: Float32Array
  readonly sampled: Uint8Array
  readonly finish: 'stop' | 'length' | 'cancelled' | 'nonfinite'
  readonly cache?: Float32Array
}

export interface NativeDecodeProgress {
  readonly finished: number
  readonly total: number
  readonly active: number
  readonly tokens: number
  readonly steps: number
}

export interface NativeOptimizer {
  readonly lr: number
  readonly beta1: number
  readonly beta2: number
  readonly eps: number
  readonly weightDecay: number
  readonly clipNorm: number
}

export interface NativeStepResult {
  readonly outputs: Record<string, NativeTensor>[]
  readonly gradNorm: number
  readonly gradNorms: Record<string, number>
  readonly clipped: boolean
  readonly outcome: 'applied' | 'gradients-only' | 'nonfinite-loss' | 'nonfinite-gradient'
  readonly step: number
}

export interface NativeTrainProgress {
  /** Micro-batches. */
  readonly finished: number
  readonly total: number
}

export interface NativeDraws {
  readonly finite: boolean
  readonly tokens: Int32Array
  readonly logps: Float32Array
  readonly samplingLogps: Float32Array
}

/** An input or output of a run, and the value there: all of it, or `rows` of its first axis. */
export interface NativeWire {
  readonly port: string
  readonly value: string
  readonly from?: number
  readonly rows?: number
}

/** One run of a session of a layered trainer. */
export interface NativeRun {
  readonly session: number
  readonly inputs: readonly NativeWire[]
  readonly weights: readonly NativeWire[]
  readonly outputs: readonly NativeWire[]
  readonly gradients: readonly NativeWire[]
  readonly drops: readonly string[]
}

export interface NativeLayeredBatch {
  readonly feeds: Readonly<Record<string, NativeTensor>>
  readonly rooms: readonly { readonly name: string; readonly dims: readonly number[] }[]
  readonly runs: readonly NativeRun[]
}

/** An input or output of a graph. A string in `dims` is a symbol ('?' when unnamed); `bound` inputs read a parameter. */
export interface NativePort {
  readonly name: string
  readonly dtype: string
  readonly dims: readonly (number | string)[]
  readonly bound: boolean
}

export interface NativeSessionOptions {
  readonly device: string
  /** ONNX Runtime's GraphOptimizationLevel. */
  readonly optimization: number
  /** Paths of what the device's provider links to. */
  readonly libraries?: readonly string[]
  /** Parameters that the graph declares as values in the library's file. */
  readonly fixed?: readonly string[]
  /** They may change; a decoder then loads its graph anew. */
  readonly relaid?: boolean
}

export interface NativeSpec {
  readonly name: string
  readonly dims: readonly number[]
  readonly decay: boolean
}

export interface NativeAddon {
  openRuntime(options: { library: string; version: string; threads: number }): RuntimeHandle
  disposeRuntime(runtime: RuntimeHandle): void
  describeRuntime(runtime: RuntimeHandle): { version: string; providers: string[]; threads: number; peakResidentBytes: number }
  philoxBlock(key0: number, key1: number, c0: number, c1: number, c2: number, c3: number): Uint32Array

  createParameters(specs: readonly NativeSpec[]): ParametersHandle
  disposeParameters(set: ParametersHandle): void
  setParameter(set: ParametersHandle, name: string, values: Float32Array): void
  getParameter(set: ParametersHandle, name: string): Float32Array
  snapshotParameters(set: ParametersHandle): Float32Array
  loadParameters(set: ParametersHandle, dense: Float32Array): void
  copyParameters(set: ParametersHandle, from: ParametersHandle): void
  lerpParameters(set: ParametersHandle, towards: ParametersHandle, t: number): void
  cloneParameters(set: ParametersHandle): ParametersHandle
  checksumParameters(set: ParametersHandle): string
  parametersBytes(set: ParametersHandle): number
  parametersChanges(set: ParametersHandle): number

  createSession(
    runtime: RuntimeHandle,
    onnx: Uint8Array,
    options: NativeSessionOptions,
    parameters: ParametersHandle | undefined,
  ): NativeJob<SessionHandle>
  disposeSession(session: SessionHandle): void
  describeSession(session: SessionHandle): { inputs: NativePort[]; outputs: NativePort[] }
  runSession(
    session: SessionHandle,
    feeds: Readonly<Record<string, NativeTensor>>,
    outputs: readonly string[],
  ): NativeJob<Record<string, NativeTensor>>

  createDecoder(
    runtime: RuntimeHandle,
    onnx: Uint8Array,
    options: NativeSessionOptions,
    parameters: ParametersHandle,
    shape: NativeDecoderShape,
  ): NativeJob<DecoderHandle>
  disposeDecoder(decoder: DecoderHandle): void
  forgetDecoder(decoder: DecoderHandle): void
  decoderBytes(decoder: DecoderHandle): number
  generate(
    decoder: DecoderHandle,
    sources: readonly Int32Array[],
    requests: readonly NativeRequest[],
    listener: ((progress: NativeDecodeProgress) => void) | undefined,
    keepBytes: number,
  ): NativeJob<NativeCompletion[]>
  drawTokens(logits: Float32Array, rule: NativeSampling, keyLow: number, keyHigh: number, firstIndex: number, draws: number): NativeDraws

  createTrainer(
    runtime: RuntimeHandle,
    onnx: Uint8Array,
    options: NativeSessionOptions,
    parameters: ParametersHandle,
    gradientPrefix: string,
  ): NativeJob<TrainerHandle>
  createLayeredTrainer(
    runtime: RuntimeHandle,
    onnx: readonly Uint8Array[],
    options: NativeSessionOptions,
    parameters: ParametersHandle,
    trained: readonly string[],
  ): NativeJob<TrainerHandle>
  disposeTrainer(trainer: TrainerHandle): void
  /** Ports where one graph gives all gradients. */
  describeTrainer(trainer: TrainerHandle): {
    inputs?: NativePort[]
    outputs?: NativePort[]
    trained: { name: string; elements: number }[]
    bytes: number
  }
  trainStep(
    trainer: TrainerHandle,
    microbatches: readonly Readonly<Record<string, NativeTensor>>[],
    outputs: readonly string[],
    optimizer: NativeOptimizer,
    apply: boolean,
    listener: ((progress: NativeTrainProgress) => void) | undefined,
  ): NativeJob<NativeStepResult>
  layeredStep(
    trainer: TrainerHandle,
    microbatches: readonly NativeLayeredBatch[],
    outputs: readonly string[],
    optimizer: NativeOptimizer,
    apply: boolean,
    listener: ((progress: NativeTrainProgress) => void) | undefined,
  ): NativeJob<NativeStepResult>
  trainerGradients(trainer: TrainerHandle): Float32Array
  trainerState(trainer: TrainerHandle): { step: number; m: Float32Array; v: Float32Array }
  loadTrainerState(trainer: TrainerHandle, step: number, m: Float32Array, v: Float32Array): void
}

const ADDON = join('native', 'build', 'Release', 'mrt_native.node')

/** The real file behind a path inside a packaged application: the system's loader cannot look into an archive. */
export function unpacked(path: string): string {
  return path.replace(/app\.asar(?=[\\/])/, 'app.asar.unpacked')
}

/** Finds the native module in this file's folder or one above it. Throws addon-missing. */
function locateAddon(): string {
  let folder = dirname(fileURLToPath(import.meta.url))
  for (;;) {
    const path = unpacked(join(folder, ADDON))
    if (existsSync(path)) return path
    const parent = dirname(folder)
    if (parent === folder) break
    folder = parent
  }
  throw new EngineError('addon-missing', {
    expected: `the native module ${ADDON}`,
    found: 'no such file',
    next: 'Run `npm run build:native`.',
  })
}

/** Loads the native module. Throws addon-missing. */
export function loadAddon(): NativeAddon {
  const path = locateAddon()
  try {
    return createRequire(import.meta.url)(path) as NativeAddon
  } catch (error) {
    throw new EngineError('addon-missing', {
      expected: `a loadable native module at ${path}`,
      found: error instanceof Error ? error.message : String(error),
      next: 'Run `npm run build:native`.',
    })
  }
}

const LIBRARY_NAME: Readonly<Record<string, string>> = {
  linux: 'libonnxruntime.so.1',
  darwin: 'libonnxruntime.1.dylib',
  win32: 'onnxruntime.dll',
}

/** Path and version of the ONNX Runtime library that belongs to the installed onnxruntime-node. Throws library-missing. */
export function locateLibrary(): { library: string; version: string } {
  const name = LIBRARY_NAME[process.platform]
  const manifest = createRequire(import.meta.url).resolve('onnxruntime-node/package.json')
  const library = unpacked(join(dirname(manifest), 'bin', 'napi-v6', process.platform, process.arch, name ?? ''))
  if (name === undefined || !existsSync(library)) {
    throw new EngineError('library-missing', {
      expected: `ONNX Runtime for ${process.platform} ${process.arch}`,
      found: `no ${library}`,
      next: 'Use a platform that onnxruntime-node supports, or reinstall with `npm ci`.',
    })
  }
  const { version } = JSON.parse(readFileSync(manifest, 'utf8')) as { version: string }
  return { library, version }
}
