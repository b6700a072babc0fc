// The worker thread behind limitedWorker.ts: computer algebra and people's regular expressions run
// here, because either may take forever; the thread is then simply ended from outside.
// Two expressions count as the same only if they agree to 40 digits at every sample point where
// both have a value; a symbolic proof is reported as such but never replaces that check.

import { parentPort } from 'node:worker_threads'
import type { ComputeEngine } from '@cortex-js/compute-engine'
import type { MathJson } from './expression.ts'
import type { Question, Reason } from './kinds.ts'

export type Reply = { readonly correct: boolean; readonly extracted: string | null; readonly reason: Reason }

const DIGITS = 60
const AGREEMENT = 1e-40
/** A proof is only a better label for an agreement already found, so it gets little time. */
const PROOF_MS = 200
// Sample values per symbol: positive rationals of no special relation (signs were tried in numeric.ts), then whole numbers.
const POINTS: readonly ((symbol: number) => MathJson)[] = [
  (s) => ['Divide', 1009 + 211 * s, 613],
  (s) => ['Divide', 877 + 97 * s, 1201 + 31 * s],
  (s) => ['Divide', 2003 + 401 * s, 809],
  (s) => ['Divide', 499 + 53 * s, 331],
  (s) => ['Divide', 211 + 41 * s, 503],
  (s) => ['Divide', 97 + 29 * s, 617],
  (s) => 3 + 2 * s,
  (s) => 4 + 3 * s,
  (s) => 7 + s,
]
const COUNTERS = ['Factorial', 'Binomial']
/** Factorials and binomials count: they are compared at whole numbers, larger symbols first so that n >= k. */
const COUNTING: typeof POINTS = [
  (s) => Math.max(1, 9 - 2 * s),
  (s) => Math.max(2, 12 - 3 * s),
  (s) => Math.max(3, 8 - s),
  (s) => Math.max(1, 15 - 4 * s),
]

let engine: ComputeEngine | undefined

const openEngine = async (): Promise<ComputeEngine> => {
  if (engine === undefined) {
    const { ComputeEngine: Engine } = await import('@cortex-js/compute-engine')
    engine = new Engine({ precision: DIGITS })
  }
  return engine
}

type Verdict = 'symbolic' | 'numeric' | 'different' | 'undecided'

const substitute = (x: MathJson, symbols: readonly string[], point: (symbol: number) => MathJson): MathJson => {
  if (typeof x === 'string') return symbols.includes(x) ? point(symbols.indexOf(x)) : x
  return Array.isArray(x) ? x.map((part: MathJson, at) => (at === 0 ? part : substitute(part, symbols, point))) : x
}

const mentions = (x: MathJson, names: readonly string[]): boolean =>
  typeof x === 'string' ? names.includes(x) : Array.isArray(x) && x.some((part: MathJson) => mentions(part, names))

/** Size of a value's real and imaginary parts, NaN where it has none. */
const sizes = (ce: ComputeEngine, x: MathJson): { size: number; imaginary: number } => {
  const value = ce.box(x as Parameters<ComputeEngine['box']>[0]).N()
  const imaginary = Number.isNaN(value.im) ? 0 : Math.abs(value.im)
  return { size: Math.hypot(value.re, imaginary), imaginary }
}

/** True for a proof that a - b = 0; the literal zero, because the library's own test for zero has a tolerance. */
const isProved = (ce: ComputeEngine, a: MathJson, b: MathJson): boolean => {
  try {
    return ce.withTimeLimit(PROOF_MS, () => ce.box(['Subtract', a, b] as Parameters<ComputeEngine['box']>[0]).simplify().json) === 0
  } catch {
    return false
  }
}

const compare = (ce: ComputeEngine, a: MathJson, b: MathJson, symbols: readonly string[]): Verdict => {
  const complex = mentions(a, ['ImaginaryUnit']) || mentions(b, ['ImaginaryUnit'])
  const points = mentions(a, COUNTERS) || mentions(b, COUNTERS) ? COUNTING : POINTS
  let agreed = 0
  let vanished = false
  for (const point of symbols.length === 0 ? points.slice(0, 1) : points) {
    const [left, right] = [substitute(a, symbols, point), substitute(b, symbols, point)]
    const [one, other] = [sizes(ce, left), sizes(ce, right)]
    if (Number.isNaN(one.size + other.size)) continue
    if (!complex && one.imaginary + other.imaginary > AGREEMENT) continue
    // Relative, so that numbers beyond the range of doubles on either side are told apart like all others.
    const { size: gap } = sizes(ce, ['Subtract', ['Divide', left, right], 1])
    if (!(gap < AGREEMENT)) {
      if (!Number.isFinite(one.size + other.size) && !Number.isFinite(gap)) continue
      if (Math.max(one.size, other.size) >= AGREEMENT) return 'different'
      vanished = true
    }
    agreed++
  }
  if (agreed < (symbols.length === 0 ? 1 : 3)) return 'undecided'
  // Two values too small to be told from zero need the proof.
  return isProved(ce, a, b) ? 'symbolic' : vanished ? 'undecided' : 'numeric'
}

const answerSame = async (question: Extract<Question, { ask: 'same' }>): Promise<Reply> => {
  const ce = await openEngine()
  let reason: Reason = 'symbolic'
  for (const [a, b] of question.pairs) {
    const verdict = compare(ce, a, b, question.symbols)
    if (verdict === 'different' || verdict === 'undecided') return { correct: false, extracted: null, reason: verdict }
    if (verdict === 'numeric') reason = 'numeric'
  }
  return { correct: true, extracted: null, reason }
}

const answerPattern = (question: Extract<Question, { ask: 'pattern' }>): Reply => {
  let pattern: RegExp
  try {
    pattern = new RegExp(question.pattern, question.flags)
  } catch {
    return { correct: false, extracted: null, reason: 'bad-pattern' }
  }
  const match = pattern.exec(question.text)
  if (match === null) return { correct: false, extracted: null, reason: 'no-answer' }
  const extracted = match[1] ?? match[0]
  const correct = question.gold === null || extracted.trim() === question.gold.trim()
  return { correct, extracted, reason: correct ? 'pattern' : 'different' }
}

const answer = async (message: Question | 'start' | 'algebra'): Promise<Reply | 'open'> => {
  if (message === 'algebra') await openEngine()
  if (message === 'start' || message === 'algebra') return 'open'
  return message.ask === 'same' ? answerSame(message) : answerPattern(message)
}

parentPort!.on('message', (message: Question | 'start' | 'algebra') => {
  answer(message).then(
    (reply) => parentPort!.postMessage(reply),
    (problem: unknown) => {
      // An expression the library itself stumbles over is undecided; a library that does not load is our failure.
      if (message === 'start' || message === 'algebra') throw problem
      parentPort!.postMessage({ correct: false, extracted: null, reason: 'undecided' } satisfies Reply)
    },
  )
})
