// How fast does the native loop write tokens? Against the same decode graph driven from JavaScript through onnxruntime-node, with the
// cache kept in three ways (jsDecoder.ts). The native side samples, stops and records log-probs; the JavaScript side only calls `run()` with
// the tokens that the native side drew, so what is left out favours the reference. The native loop is also timed with the runtime's attention in
// place of ours. Equality: the log-prob of every drawn token.
import { openEngine } from '../src-main/engine/engine.ts'
import type { Engine } from '../src-main/engine/engine.ts'
import type { Completion } from '../src-main/engine/decoder.ts'
import type { ParameterSet } from '../src-main/engine/parameters.ts'
import { toOnnx } from '../src-main/graph/onnx.ts'
import { decodeGraph } from '../src-main/model/llama.ts'
import { decodeModel } from '../src-main/model/onnx.ts'
import { createWeights } from '../src-main/rollout/policy.ts'
import { openJsDecoder } from './jsDecoder.ts'
import type { CacheStyle, JsDecoder } from './jsDecoder.ts'
import { benchWeights } from './models.ts'
import type { Weights } from './models.ts'
import { clock, contest, figure, gain } from './question.ts'
import type { Answer, Figure, Question } from './question.ts'
import { openWriter, prompts, write } from './writing.ts'

/** Positions of the cache; a completion fills all of them. */
const POSITIONS = 256
const ROWS = [1, 4, 16, 64, 128, 256]
/** JavaScript steps timed at once, around the middle position, where a step costs what it costs on average. */
const WINDOW = 16
const STYLES: readonly CacheStyle[] = ['growing', 'whole', 'inPlace']

export const question: Question = {
  title: 'decode: the native loop against onnxruntime-node driven from JavaScript',
  async ask() {
    const engine = openEngine()
    const weights = benchWeights()
    const parameters = createWeights(engine, weights.config, weights.tensors)
    const js = await openJsDecoder(weights, engine.threads)
    const compared = await againstJavaScript(engine, weights, parameters, js, 64)
    const single = await againstJavaScript(engine, weights, parameters, js, 1)
    const speeds: Figure[] = []
    for (const rows of ROWS) speeds.push(await speed(engine, weights, parameters, rows))
    await js.dispose()
    engine.dispose()
    return {
      checks: [...compared.checks, ...single.checks],
      figures: [...compared.figures, ...single.figures, ...speeds],
      ratios: [...compared.ratios, ...single.ratios],
    }
  },
}

async function againstJavaScript(engine: Engine, weights: Weights, parameters: ParameterSet, js: JsDecoder, rows: number): Promise<Answer> {
  const decoder = await openWriter(engine, weights.config, parameters, { onnx: decodeModel(weights.config), rows, positions: POSITIONS })
  const theirs = await openWriter(engine, weights.config, parameters, {
    onnx: toOnnx(decodeGraph(weights.config)),
    rows,
    positions: POSITIONS,
  })
  const written = await write(decoder, rows, POSITIONS)
  await write(theirs, rows, POSITIONS)
  const steps = written[0]!.tokens.length
  const difference = await largestDifference(js, weights.config.vocabSize, written)

  const from = Math.floor((steps - WINDOW) / 2)
  const head = headChunk(written, from)
  const native: number[] = []
  const runtime: number[] = []
  const times: Record<CacheStyle, number[]> = { growing: [], whole: [], inPlace: [] }
  for (let round = 0; round < 3; round++) {
    native.push((await clock(() => write(decoder, rows, POSITIONS))) / steps)
    runtime.push((await clock(() => write(theirs, rows, POSITIONS))) / steps)
    for (const style of STYLES) {
      js.reset(rows, POSITIONS, style)
      await js.feed(head)
      times[style].push(
        (await clock(async () => {
          for (let step = from; step < from + WINDOW; step++) await js.feed(drawnAt(written, step))
        })) / WINDOW,
      )
    }
  }
  decoder.dispose()
  theirs.dispose()
  const at = `batch ${rows}`
  return {
    checks: [{ what: `${at}: log-probs of ${rows * steps} drawn tokens`, difference, limit: 1e-4 }],
    figures: [
      figure(`${at}: native, sampling included`, 'ms per step', native),
      figure(`${at}: native, with the attention of the runtime`, 'ms per step', runtime),
      figure(`${at}: JavaScript, cache grows`, 'ms per step', times.growing),
      figure(`${at}: JavaScript, whole cache passed on`, 'ms per step', times.whole),
      figure(`${at}: JavaScript, cache in place`, 'ms per step', times.inPlace),
    ],
    ratios: [
      gain(`${at}: native against the attention of the runtime`, native, runtime),
      gain(`${at}: native against a cache that grows`, native, times.growing),
      gain(`${at}: native against the whole cache passed on`, native, times.whole, rows === 64 ? { atLeast: 5 } : null),
      gain(`${at}: native against a cache in place`, native, times.inPlace),
    ],
  }
}

/** Over every step and row: |log-prob of the drawn token from JavaScript's logits - the one that the native loop recorded|. */
async function largestDifference(js: JsDecoder, vocabulary: number, written: readonly Completion[]): Promise<number> {
  js.reset(written.length, POSITIONS, 'inPlace')
  let most = 0
  for (let step = 0; step < written[0]!.tokens.length; step++) {
    const logits = await js.feed(step === 0 ? headChunk(written, 0) : drawnAt(written, step - 1))
    written.forEach(({ tokens, logps }, row) => {
      const own = logits.subarray(row * vocabulary, (row + 1) * vocabulary)
      most = Math.max(most, Math.abs(logp(own, tokens[step]!) - logps[step]!))
    })
  }
  return most
}

function logp(logits: Float32Array, token: number): number {
  const largest = logits.reduce((most, value) => Math.max(most, value), -Infinity)
  return logits[token]! - largest - Math.log(logits.reduce((sum, value) => sum + Math.exp(value - largest), 0))
}

/** Prompts and the first `count` drawn tokens, [rows, 2 + count]. */
function headChunk(written: readonly Completion[], count: number): Int32Array {
  return Int32Array.from(prompts(written.length).flatMap((prompt, row) => [...prompt, ...written[row]!.tokens.subarray(0, count)]))
}

function drawnAt(written: readonly Completion[], step: number): Int32Array {
  return Int32Array.from(written, ({ tokens }) => tokens[step]!)
}

async function speed(engine: Engine, weights: Weights, parameters: ParameterSet, rows: number): Promise<Figure> {
  const decoder = await openWriter(engine, weights.config, parameters, { onnx: decodeModel(weights.config), rows, positions: POSITIONS })
  const { native } = await contest({ native: () => write(decoder, rows, POSITIONS) }, rows > 64 ? 2 : 3)
  decoder.dispose()
  return figure(
    `native, ${rows} rows`,
    'tokens per second',
    native.map((ms) => (rows * (POSITIONS - 1)) / (ms / 1000)),
  )
}
