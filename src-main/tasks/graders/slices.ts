// Cutting a run of tokens at separators outside all brackets, and the few questions asked of single
// tokens on the way. Pure; knows brackets and words, but nothing of what an answer means.

import { isMathWord } from './notation.ts'
import type { Token } from './tokens.ts'
import { isUnitWord } from './units.ts'

export type Slice = readonly Token[]

const OPEN = new Set(['(', '[', '{', '{{', 'langle', 'lfloor', 'lceil'])
const CLOSE = new Set([')', ']', '}', '}}', 'rangle', 'rfloor', 'rceil'])
const opens = (token: Token): boolean => token.kind !== 'word' && (OPEN.has(token.text) || token.text.startsWith('begin '))
const closes = (token: Token): boolean => token.kind !== 'word' && (CLOSE.has(token.text) || token.text.startsWith('end '))

/** Cuts at separators outside all brackets; `cuts` are the separators met, one fewer than the parts. */
export const split = (tokens: Slice, separates: (token: Token) => boolean): { parts: Slice[]; cuts: Token[] } => {
  const parts: Slice[] = []
  const cuts: Token[] = []
  let depth = 0
  let start = 0
  for (const [at, token] of tokens.entries()) {
    if (opens(token)) depth++
    else if (closes(token)) depth--
    else if (depth === 0 && separates(token)) {
      parts.push(tokens.slice(start, at))
      cuts.push(token)
      start = at + 1
    }
  }
  parts.push(tokens.slice(start))
  return { parts, cuts }
}

/** The place of the bracket that closes the first token, or -1. */
export const closingPlace = (tokens: Slice): number => {
  let depth = 0
  for (const [at, token] of tokens.entries()) {
    if (opens(token)) depth++
    else if (closes(token) && --depth === 0) return at
  }
  return -1
}

export const isMark = (token: Token | undefined, ...texts: readonly string[]): boolean =>
  token !== undefined && token.kind !== 'word' && texts.includes(token.text)
export const isWord = (token: Token | undefined, ...texts: readonly string[]): boolean =>
  token?.kind === 'word' && texts.includes(token.text.toLowerCase())
/** A word of running text: no symbol, function or name in capitals. */
export const isProseWord = (token: Token): boolean =>
  token.kind === 'word' && token.text.length > (token.upright ? 1 : 3) && !isMathWord(token.text) && !/^[A-Z]+$/.test(token.text)

/** Breaks xy into x and y where a short raw run of letters is no function, unit, prose or name in capitals. */
export const separateLetters = (tokens: Slice): Token[] => {
  const inProse = (at: number): boolean =>
    [tokens[at - 1], tokens[at + 1]].some(
      (next) => next?.kind === 'word' && !next.upright && next.text.length > 3 && !isMathWord(next.text),
    )
  return tokens.flatMap((token, at) => {
    const { text } = token
    const keep =
      token.kind !== 'word' || token.upright || text.length < 2 || text.length > 3 || /^[A-Z]+$/.test(text) || !/^[A-Za-z]+$/.test(text)
    if (keep || isMathWord(text) || isWord(token, 'and', 'or', 'per', 'no', 'yes') || (at > 0 && isUnitWord(text))) return [token]
    if (inProse(at)) return [{ ...token, upright: true }]
    return [...text].map((letter, place) => ({ ...token, text: letter, gap: token.gap && place === 0 }))
  })
}

const ENDINGS = ['.', ',', ';', ':', '?', '"', '`', '*', '\\\\']
const BEGINNINGS = [',', ';', ':', '"', '`', '*', '=', 'approx', '\\\\']

/** Without punctuation at the ends. */
export const trim = (tokens: Slice): Slice => {
  let [from, to] = [0, tokens.length]
  while (to > from && isMark(tokens[to - 1], ...ENDINGS)) to--
  while (from < to && isMark(tokens[from], ...BEGINNINGS)) from++
  return tokens.slice(from, to)
}

/** Braces around everything only group. */
export const unwrap = (tokens: Slice): Slice => {
  let inside = trim(tokens)
  while (inside.length > 1 && inside[0]!.text === '{' && closingPlace(inside) === inside.length - 1) inside = trim(inside.slice(1, -1))
  return inside
}

/** How deep brackets are nested. */
export const bracketDepth = (tokens: Slice): number => {
  let [depth, deepest] = [0, 0]
  for (const token of tokens) {
    if (opens(token)) deepest = Math.max(deepest, ++depth)
    else if (closes(token)) depth--
  }
  return deepest
}
