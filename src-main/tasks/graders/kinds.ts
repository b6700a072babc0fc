// The table of graders. Each kind says what it accepts and judges one gold answer against one
// answer, at once where that is certain; where only the computer algebra or a person's regular
// expression can tell, it returns the question for the worker instead of an answer.

import type { Answer } from './answers.ts'
import { readAnswer } from './readAnswer.ts'
import { letterWithText, readChoice } from './choice.ts'
import { compareAnswers } from './compare.ts'
import type { Finding, Pair, Rules, Tolerance } from './compare.ts'
import { exactValue } from './exact.ts'
import { asFraction, toMathJson } from './expression.ts'
import type { Expression, MathJson } from './expression.ts'
import { extractAnswer, extractGold } from './extract.ts'
import { LONGEST_ANSWER, textKey, tokenise } from './tokens.ts'
import type { Token } from './tokens.ts'
import { isUnitLetter, readUnit } from './units.ts'

/** Why an answer was judged as it was; kept with the rollout. */
export type Reason =
  | 'text'
  | 'exact'
  | 'symbolic'
  | 'numeric'
  | 'tolerance'
  | 'choice'
  | 'pattern'
  | 'different'
  | 'decimal-comma'
  | 'no-answer'
  | 'no-gold'
  | 'unreadable'
  | 'form'
  | 'too-long'
  | 'undecided'
  | 'timeout'
  | 'memory'
  | 'bad-pattern'

export type Grade = {
  readonly correct: boolean
  /** The answer found in the text, as written; null when there was none. */
  readonly extracted: string | null
  readonly reason: Reason
}

/** What only the worker can decide. */
export type Question =
  | { readonly ask: 'same'; readonly pairs: readonly (readonly [MathJson, MathJson])[]; readonly symbols: readonly string[] }
  | { readonly ask: 'pattern'; readonly pattern: string; readonly flags: string; readonly text: string; readonly gold: string | null }

export type Judgement = Grade | { readonly correct: null; readonly extracted: string | null; readonly question: Question }

export type GraderOptions = {
  /** Decimal: default relative 1e-6. Math and units: none unless given, then for any two numbers. */
  readonly tolerance?: Tolerance
  /** Math: a bare list such as 1, 2, 3 must keep its order. */
  readonly orderedLists?: boolean
  /** Choice: the texts of options A, B, C, ... */
  readonly choices?: readonly string[]
  /** Regex: the pattern; its first group (or the whole match) must equal the gold answer. Without it the gold answer is the pattern. */
  readonly pattern?: string
  /** Regex: flags such as "i" or "m". */
  readonly flags?: string
  /** `marked`: only boxed, tagged or announced answers count; `safe` (default): a closing sentence with one value does, too. */
  readonly fallback?: 'safe' | 'marked'
}

export type GraderKind = {
  readonly title: string
  /** One sentence for the person who chooses. */
  readonly says: string
  readonly judge: (gold: string, answer: string, options: GraderOptions) => Judgement
}

const wrong = (reason: Reason, extracted: string | null = null): Grade => ({ correct: false, extracted, reason })

const squeeze = (text: string): string => text.trim().replace(/\s+/g, ' ')

const exact: GraderKind = {
  title: 'Exact text',
  says: 'The stated answer must be the same text, apart from spaces at the ends.',
  judge: (gold, answer, options) => {
    const wanted = squeeze(gold.slice(0, 100_000))
    if (wanted === squeeze(answer.slice(0, 100_000))) return { correct: true, extracted: answer.trim(), reason: 'text' }
    const found = extractAnswer(answer, options)
    if (found === null) return wrong('no-answer')
    return squeeze(found) === squeeze(extractGold(gold)) ? { correct: true, extracted: found, reason: 'text' } : wrong('different', found)
  },
}

type Read = { readonly answer: Answer; readonly tokens: readonly Token[]; readonly ambiguous: boolean; readonly text: string }

const read = (text: string): Read => {
  const { list, ambiguousCommas } = tokenise(text)
  return { answer: readAnswer(list), tokens: list, ambiguous: ambiguousCommas, text }
}

/** 5 m with a plain m, read as metres because the other side has a unit. */
const withUnitLetters = (tokens: readonly Token[]): readonly Token[] =>
  tokens.map((token, at) => (at > 0 && token.kind === 'word' && isUnitLetter(token.text) ? { ...token, upright: true } : token))

const hasUnit = (answer: Answer): boolean => answer.kind === 'value' && answer.unit !== undefined && answer.unit.dimension !== ''
const isList = (answer: Answer): boolean => answer.kind === 'list'

const compareReads = (gold: Read, answer: Read, rules: Rules): Finding => {
  const found = compareAnswers(gold.answer, answer.answer, rules)
  if (found !== null) return found
  const asList = (side: Read): Answer => readAnswer(tokenise(side.text, false).list)
  if (answer.ambiguous && !gold.ambiguous && isList(gold.answer)) return compareAnswers(gold.answer, asList(answer), rules)
  if (gold.ambiguous && !answer.ambiguous && isList(answer.answer)) return compareAnswers(asList(gold), answer.answer, rules)
  if (hasUnit(gold.answer) && !hasUnit(answer.answer)) return compareAnswers(gold.answer, readAnswer(withUnitLetters(answer.tokens)), rules)
  if (hasUnit(answer.answer) && !hasUnit(gold.answer)) return compareAnswers(readAnswer(withUnitLetters(gold.tokens)), answer.answer, rules)
  return null
}

/** The pairs left open as a question in neutral symbol names; null if a part is unknown to the computer algebra. */
const questionOf = (pairs: readonly Pair[]): Question | null => {
  const names = new Map<string, string>()
  const rename = (name: string): string => {
    if (!names.has(name)) names.set(name, `v_${names.size}`)
    return names.get(name)!
  }
  const converted = pairs.map(([a, b]) => [toMathJson(a, rename), toMathJson(b, rename)] as const)
  if (converted.some(([a, b]) => a === null || b === null)) return null
  return { ask: 'same', pairs: converted as (readonly [MathJson, MathJson])[], symbols: [...names.values()] }
}

/** 3,5 against 3.5: a comma that may be a decimal one or separate two numbers. Not accepted, but said. */
const isDecimalComma = (gold: string, answer: string): boolean => {
  const [a, b] = [gold, answer].map((text) => text.replace(/[\s$]/g, ''))
  const comma = /^[-−+]?\d+,\d+$/
  return comma.test(a!) !== comma.test(b!) && a!.replace(',', '.') === b!.replace(',', '.')
}

type Form = (answer: Answer) => Answer | null

/** Extracts, reads, and compares under a form that both sides must have. */
const judgeRead = (gold: string, completion: string, options: GraderOptions, rules: Rules, form: Form = (answer) => answer): Judgement => {
  const wanted = extractGold(gold)
  if (wanted === '') return wrong('no-gold')
  const found = extractAnswer(completion, options)
  if (found === null) return wrong('no-answer')
  if (found.length > LONGEST_ANSWER || wanted.length > LONGEST_ANSWER)
    return found === wanted ? { correct: true, extracted: found, reason: 'text' } : wrong('too-long', found)
  const [left, right] = [read(wanted), read(found)]
  if (left.tokens.length === 0) return wrong('no-gold', found)
  if (right.tokens.length === 0) return wrong('no-answer', found)
  const [goldAnswer, answer] = [form(left.answer), form(right.answer)]
  if (goldAnswer === null || answer === null) return wrong('form', found)
  if (textKey(left.tokens) === textKey(right.tokens)) return { correct: true, extracted: found, reason: 'text' }
  const finding = compareReads({ ...left, answer: goldAnswer }, { ...right, answer }, rules)
  if (finding === null && isDecimalComma(wanted, found)) return wrong('decimal-comma', found)
  if (finding === null) return wrong(answer.kind === 'text' && !answer.words ? 'unreadable' : 'different', found)
  if (finding.length === 0) return { correct: true, extracted: found, reason: rules.tolerance ? 'tolerance' : 'exact' }
  const question = questionOf(finding)
  return question === null ? wrong('undecided', found) : { correct: null, extracted: found, question }
}

/** A number written out: 12, -3.5, 7/2, 3 1/2, 1.5 x 10^4; no sums, roots or powers. */
const isLiteral = (x: Expression): boolean => {
  if (asFraction(x) !== null) return true
  if (x.op === 'add')
    return x.args.length === 2 && x.args[0]!.op === 'number' && x.args[1]!.op === 'divide' && asFraction(x.args[1]!) !== null
  if (x.op === 'multiply')
    return x.args.every(
      (part) => asFraction(part) !== null || (part.op === 'power' && part.args.every((piece) => asFraction(piece) !== null)),
    )
  return false
}

const literal: Form = (answer) => (answer.kind === 'value' && isLiteral(answer.expression) ? answer : null)
const wholeLiteral: Form = (answer) => {
  const value = answer.kind === 'value' && isLiteral(answer.expression) ? exactValue(answer.expression) : null
  return value?.d === 1n ? answer : null
}
const value: Form = (answer) => (answer.kind === 'value' ? answer : null)

const PERCENT = readUnit([{ kind: 'mark', text: '%', gap: false, upright: false }])!
const percentLiteral: Form = (answer) => {
  const read = literal(answer)
  return read?.kind === 'value' && read.unit !== undefined && read.unit.dimension !== PERCENT.dimension ? null : read
}

const integer: GraderKind = {
  title: 'Whole number',
  says: 'A whole number; separators of thousands, currency and units around it do not matter.',
  judge: (gold, answer, options) => judgeRead(gold, answer, options, {}, wholeLiteral),
}

const decimal: GraderKind = {
  title: 'Decimal number',
  says: 'A number written out, equal within a tolerance (relative 0.000001 unless set otherwise).',
  judge: (gold, answer, options) => judgeRead(gold, answer, options, { tolerance: options.tolerance ?? { relative: 1e-6 } }, literal),
}

const fraction: GraderKind = {
  title: 'Fraction',
  says: 'A fraction, mixed number or decimal of exactly the same value; 0.333 is not 1/3.',
  judge: (gold, answer, options) => judgeRead(gold, answer, options, {}, literal),
}

const percent: GraderKind = {
  title: 'Percentage',
  says: 'A percentage with or without its sign: 50%, 50 percent, 50, or the ratio 0.5.',
  judge: (gold, answer, options) => {
    const asPercent = /^[^%a-z]*$/i.test(extractGold(gold)) ? `${extractGold(gold)}\\%` : gold
    return judgeRead(asPercent, answer, options, { ...(options.tolerance && { tolerance: options.tolerance }) }, percentLiteral)
  },
}

const units: GraderKind = {
  title: 'Number with units',
  says: 'A number whose unit may be left out; if both name a unit, known units are converted and different ones do not match.',
  judge: (gold, answer, options) => judgeRead(gold, answer, options, { ...(options.tolerance && { tolerance: options.tolerance }) }, value),
}

const GOLD_LETTER = /^(?:\\(?:text|textbf|mathrm)\{)?\(?[A-J]\)?\.?\}?$/

const math: GraderKind = {
  title: 'Mathematics',
  says: 'Equal as mathematics, in LaTeX or plain text: numbers, expressions, sets, intervals, tuples, matrices, equations, inequalities.',
  judge: (gold, answer, options) => {
    const judged = judgeRead(gold, answer, options, {
      ...(options.tolerance && { tolerance: options.tolerance }),
      ...(options.orderedLists && { orderedLists: true }),
    })
    // A gold letter against the letter with its text: D and "D) 12 meters".
    const letter =
      judged.correct === false && judged.extracted !== null && GOLD_LETTER.test(extractGold(gold)) ? letterWithText(judged.extracted) : null
    return letter !== null && letter === readChoice(extractGold(gold))
      ? { correct: true, extracted: judged.extracted, reason: 'choice' }
      : judged
  },
}

const choice: GraderKind = {
  title: 'Multiple choice',
  says: 'The letter of an option, however bracketed, several letters in any order, or the text of the option.',
  judge: (gold, answer, options) => {
    const wanted = readChoice(extractGold(gold), options.choices)
    if (wanted === null) return wrong('no-gold')
    const found = readChoice(answer, options.choices)
    if (found === null) return wrong('no-answer')
    return found === wanted ? { correct: true, extracted: found, reason: 'choice' } : wrong('different', found)
  },
}

const regex: GraderKind = {
  title: 'Regular expression',
  says: 'A regular expression searched in the text; with a pattern of your own, its first group must be the gold answer.',
  judge: (gold, answer, options) => {
    const question: Question = {
      ask: 'pattern',
      pattern: options.pattern ?? gold,
      flags: options.flags ?? '',
      text: answer,
      gold: options.pattern === undefined ? null : gold,
    }
    return { correct: null, extracted: null, question }
  },
}

/** Every grader of this module by name. Task-specific graders (countdown) are handed to createGrader beside them. */
export const graderKinds = { exact, integer, decimal, fraction, percent, units, math, choice, regex } satisfies Record<string, GraderKind>

export type GraderName = keyof typeof graderKinds
