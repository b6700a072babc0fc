// The engine's one error class. A mistake in what was asked for is caught here, in TypeScript, before native code runs;
// what the native part or ONNX Runtime reports arrives as the same class, told apart by `code`.

/** What went wrong, stable across releases. */
export type EngineErrorCode =
  | 'addon-missing' // the native module is not built or not where it should be
  | 'library-missing' // ONNX Runtime's library cannot be loaded
  | 'library-version' // it is not the version that the package says
  | 'device-unavailable' // the execution provider refuses
  | 'bad-model' // the bytes are not a graph that ONNX Runtime accepts
  | 'bad-argument'
  | 'unknown-name'
  | 'missing-input'
  | 'wrong-shape'
  | 'wrong-dtype'
  | 'busy' // something else is using the object
  | 'disposed'
  | 'cancelled'
  | 'out-of-memory'
  | 'runtime' // ONNX Runtime failed while running a graph
  | 'internal' // a bug of ours

export interface EngineErrorDetails {
  readonly expected: string
  readonly found: string
  /** What to do about it. */
  readonly next: string
}

export class EngineError extends Error {
  override readonly name = 'EngineError'
  readonly code: EngineErrorCode
  readonly expected: string
  readonly found: string
  readonly next: string

  constructor(code: EngineErrorCode, details: EngineErrorDetails) {
    super(`Expected ${details.expected}; found ${details.found}. ${details.next}`)
    this.code = code
    this.expected = details.expected
    this.found = details.found
    this.next = details.next
  }
}

/** For each code that native code reports: what was expected, and the next action. The native message is what was found. */
const NATIVE: Readonly<Record<EngineErrorCode, { expected: string; next: string }>> = {
  'addon-missing': { expected: 'the built native module', next: 'Run `npm run build:native`.' },
  'library-missing': { expected: "ONNX Runtime's library", next: 'Reinstall the packages with `npm ci`.' },
  'library-version': { expected: 'the ONNX Runtime version of the installed package', next: 'Reinstall the packages with `npm ci`.' },
  'device-unavailable': { expected: 'a usable device', next: "Use device 'cpu', or check the graphics driver." },
  'bad-model': { expected: 'an ONNX graph that ONNX Runtime accepts', next: 'Check the graph or the file it came from.' },
  'bad-argument': { expected: 'a usable argument', next: 'Correct the call.' },
  'unknown-name': { expected: 'a name that exists', next: 'Check the spelling.' },
  'missing-input': { expected: 'a value for every input', next: 'Feed the missing input.' },
  'wrong-shape': { expected: 'tensors of the declared shapes', next: 'Check dims and data.' },
  'wrong-dtype': { expected: 'tensors of the declared types', next: 'Use float32, int64, int32 or bool as declared.' },
  busy: { expected: 'an idle object', next: 'Wait for the running call, or cancel it.' },
  disposed: { expected: 'a live object', next: 'Create it again.' },
  cancelled: { expected: 'the call to finish', next: 'Nothing was changed; call again when wanted.' },
  'out-of-memory': { expected: 'enough memory', next: 'Use smaller batches or a smaller model.' },
  runtime: { expected: 'the graph to run', next: 'Check the shapes of what was fed.' },
  internal: { expected: 'no such state', next: 'Please report this.' },
}

/** Turns whatever native code threw into an EngineError; other errors pass unchanged. */
export function fromNative(thrown: unknown): unknown {
  if (thrown instanceof EngineError || !(thrown instanceof Error)) return thrown
  const code = (thrown as { code?: unknown }).code
  if (typeof code !== 'string' || !Object.hasOwn(NATIVE, code)) return thrown
  const known = code as EngineErrorCode
  return new EngineError(known, { ...NATIVE[known], found: tidy(thrown.message) })
}

/** ONNX Runtime begins some messages with a source file and function, and ends some with a line break. */
function tidy(message: string): string {
  return message
    .replace(/^\/onnxruntime_src\/\S+ .*? was false\. /s, '')
    .replace(/\s+/g, ' ')
    .replace(/[.\s]+$/, '')
}

/** Calls native code and rethrows its failures as EngineError. */
export function native<Result>(call: () => Result): Result {
  try {
    return call()
  } catch (thrown) {
    throw fromNative(thrown)
  }
}
