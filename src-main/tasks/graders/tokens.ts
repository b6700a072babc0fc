// Written answers as tokens: one linear pass over LaTeX mixed with plain text and Unicode.
// Appearance (spacing, \left, \displaystyle, dollar delimiters) is dropped here, synonyms get one
// spelling, and numbers arrive with their digit groups, decimal commas and repeating digits read.

import { APPEARANCE, SAME_COMMAND, SKIPPED_WITH_ARGUMENT, TEXT_COMMANDS, UNICODE, table } from './notation.ts'
import * as Q from './rational.ts'
import type { Rational } from './rational.ts'

export type Token = {
  readonly kind: 'number' | 'word' | 'command' | 'mark'
  /** Digits as read, the word, the command's name without backslash, or the mark itself ("{{" and "}}" are set braces). */
  readonly text: string
  /** Space stood before it. */
  readonly gap: boolean
  /** It came from \text{...} or an upright font. */
  readonly upright: boolean
  /** Only for numbers. */
  readonly value?: Rational
}

export type Tokens = {
  readonly list: readonly Token[]
  /** A comma was read as a separator of thousands although it could also separate a list: 100,200. */
  readonly ambiguousCommas: boolean
}

/** Answers longer than this are compared as text only. */
export const LONGEST_ANSWER = 2000

const SPACES = /[ \t\r\n~]+/y
const LETTERS = /\p{L}+/uy
const DIGITS = /\d+/y
/** Numerals of programming languages: 0x1F, 0b101, 0o17. */
const PREFIXED = /0(?:x[\da-fA-F]{1,32}|b[01]{1,128}|o[0-7]{1,40})(?![\p{L}\d.^_])/uy
const GROUP = /(?:,|\s?\{ ?, ?\}|\\[,!; :]|[ ~]|,\\[!,] ?|\\[!,],)(\d{3})(?!\d)/y
const DECIMALS = /(?:\.|\{,\}(?!\d{3}(?!\d))|\{\.\})(\d+)/y
const DECIMALS_AFTER_ZERO = /(?:\.|\{,\}|\{\.\})(\d+)/y
const REPEATING = /\.?\\(?:overline|bar|dot)\s*\{?(\d{1,9})\}?|\.\((\d{1,9})\)/y
const EXPONENT = /[eE][+-]?\d{1,4}(?![\d.])/y
const SIMPLE_MARKS = table({ '<=': 'le', '>=': 'ge', '!=': 'ne', '=<': 'le', '=>': 'implies', '->': 'to', '==': '=', '**': '^' })

const OPENING: ReadonlySet<string> = new Set(['(', '[', '{{'])
const CLOSING: ReadonlySet<string> = new Set([')', ']', '}}'])

const matchAt = (pattern: RegExp, text: string, at: number): RegExpExecArray | null => {
  pattern.lastIndex = at
  return pattern.exec(text)
}

/** Replaces Unicode signs by their LaTeX spelling and full-width digits by plain ones. */
const plainSigns = (text: string): string =>
  text.replace(/[^\x00-\x7f]/gu, (sign) => {
    const code = sign.codePointAt(0)!
    if (code >= 0xff10 && code <= 0xff19) return String(code - 0xff10)
    return UNICODE[sign] ?? sign
  })

/** Index of the brace that closes the one at `open`, or -1. */
const closingBrace = (text: string, open: number): number => {
  let depth = 0
  for (let at = open; at < text.length; at++) {
    const sign = text[at]
    if (sign === '\\') at++
    else if (sign === '{') depth++
    else if (sign === '}' && --depth === 0) return at
  }
  return -1
}

/** Tokens of one written answer. `thousands: false` reads 100,200 as a list of two. Total: any text gives tokens. */
export const tokenise = (source: string, thousands = true): Tokens => {
  const list: Token[] = []
  let ambiguousCommas = false
  let depth = 0

  const read = (text: string, upright: boolean): void => {
    const dollars = text.split('$').length - 1 - (text.split('\\$').length - 1)
    const singleDigits = new Set<number>()
    let gap = true
    let at = 0
    const push = (kind: Token['kind'], spelled: string, value?: Rational): void => {
      if (kind === 'mark') depth += OPENING.has(spelled) ? 1 : CLOSING.has(spelled) ? -1 : 0
      list.push(value === undefined ? { kind, text: spelled, gap, upright } : { kind, text: spelled, gap, upright, value })
      gap = false
    }

    const readNumber = (): void => {
      if (singleDigits.has(at)) {
        push('mark', '{')
        push('number', text[at]!, Q.whole(Number(text[at])))
        push('mark', '}')
        at++
        return
      }
      const prefixed = matchAt(PREFIXED, text, at)
      if (prefixed) {
        push('number', prefixed[0], { n: BigInt(prefixed[0]), d: 1n })
        at += prefixed[0].length
        return
      }
      let digits = matchAt(DIGITS, text, at)?.[0] ?? ''
      let end = at + digits.length
      if (digits.length >= 1 && digits.length <= 3 && digits[0] !== '0') {
        const groups: string[] = []
        let next = end
        let plain = false
        for (let group = matchAt(GROUP, text, next); group; group = matchAt(GROUP, text, next)) {
          const separator = group[0]!.slice(0, -3)
          if (separator === ',') plain = true
          if (separator === ' ' && /^\s*\//.test(text.slice(next + group[0]!.length, next + group[0]!.length + 4))) break
          if ((separator === ' ' || separator === '~') && depth > 0) break
          groups.push(group[1]!)
          next += group[0]!.length
        }
        const onlyThousands = groups.some((group) => group.startsWith('0'))
        if (groups.length > 0 && (!plain || onlyThousands || (thousands && depth <= 0))) {
          if (plain && !onlyThousands) ambiguousCommas = true
          digits += groups.join('')
          end = next
        }
      }
      let written = digits
      const decimals = matchAt(digits === '0' ? DECIMALS_AFTER_ZERO : DECIMALS, text, end)
      if (decimals) {
        written += `.${decimals[1]}`
        end += decimals[0].length
      }
      const repeating = written.includes('.') || /[.(]/.test(text[end] ?? '') ? matchAt(REPEATING, text, end) : null
      if (repeating && written.includes('.') !== repeating[0].startsWith('.')) {
        written += `${written.includes('.') ? '' : '.'}[${repeating[1] ?? repeating[2]}]`
        end += repeating[0].length
      }
      const exponent = matchAt(EXPONENT, text, end)
      if (exponent) {
        written += exponent[0]
        end += exponent[0].length
      }
      const value = Q.readDecimal(written)
      if (value === null) push('mark', written)
      else push('number', written, value)
      at = Math.max(end, at + 1)
    }

    const skipSpaces = (): void => {
      at += matchAt(SPACES, text, at)?.[0].length ?? 0
    }

    const braced = (): string | null => {
      skipSpaces()
      if (text[at] !== '{') return null
      const close = closingBrace(text, at)
      if (close < 0) return null
      const inside = text.slice(at + 1, close)
      at = close + 1
      return inside
    }

    // \frac12 and \frac{1}2 take single digits; their places are noted so that the number reader splits there.
    const noteSingleDigits = (): void => {
      let place = at
      for (let argument = 0; argument < 2; argument++) {
        place += matchAt(SPACES, text, place)?.[0].length ?? 0
        if (/\d/.test(text[place] ?? '')) singleDigits.add(place++)
        else if (text[place] === '{') {
          const close = closingBrace(text, place)
          if (close < 0) return
          place = close + 1
        } else return
      }
    }

    const readCommand = (): void => {
      const sign = text[at + 1] ?? ''
      const name = matchAt(LETTERS, text, at + 1)?.[0] ?? ''
      if (name === '') {
        at += 2
        if (sign === '{') push('mark', '{{')
        else if (sign === '}') push('mark', '}}')
        else if (sign === '%' || sign === '$') push('mark', sign)
        else if (sign === '|') push('mark', '|')
        else if (sign === '\\') {
          push('mark', '\\\\')
          at += matchAt(/\[-?[\d.]*(?:pt|em|ex|cm|mm)\]/y, text, at)?.[0].length ?? 0
        } else gap = true
        return
      }
      at += 1 + name.length
      if (APPEARANCE.has(name)) {
        if ((name === 'left' || name === 'right') && text[at] === '.') at++
        gap = true
        return
      }
      if (SKIPPED_WITH_ARGUMENT.has(name)) {
        braced()
        gap = true
        return
      }
      if (TEXT_COMMANDS.has(name)) {
        const inside = braced()
        if (inside !== null) {
          read(inside, true)
          gap = /\s$/.test(inside)
        }
        return
      }
      if (name === 'mathbb' || name === 'Bbb') {
        push('command', `mathbb ${(braced() ?? text[at++] ?? '').trim()}`)
        return
      }
      if (name === 'begin' || name === 'end') {
        push('command', `${name} ${(braced() ?? '').replace('*', '').trim()}`)
        if (name === 'begin' && list.at(-1)!.text === 'begin array') braced()
        return
      }
      const spelled = SAME_COMMAND[name] ?? name
      if (spelled.length === 1 || spelled === '{{' || spelled === '}}') push('mark', spelled)
      else if (spelled === 'and' || spelled === 'or') push('word', spelled)
      else push('command', spelled)
      if (spelled === 'frac' || spelled === 'binom') noteSingleDigits()
    }

    while (at < text.length) {
      const sign = text[at]!
      const pair = SIMPLE_MARKS[text.slice(at, at + 2)]
      if (/[ \t\r\n~]/.test(sign)) {
        skipSpaces()
        gap = true
      } else if (/\d/.test(sign) || (sign === '.' && /\d/.test(text[at + 1] ?? '') && !/[\d]/.test(text[at - 1] ?? ''))) readNumber()
      else if (sign === '\\') readCommand()
      else if (pair !== undefined) {
        push(pair.length === 1 ? 'mark' : 'command', pair)
        at += 2
      } else if (text.startsWith('...', at)) {
        push('command', 'ldots')
        at += 3
      } else if (sign === '$') {
        // An even number of dollar signs delimits mathematics; an odd one is money.
        if (dollars % 2 === 1) push('mark', '$')
        else gap = true
        at++
      } else {
        const word = matchAt(LETTERS, text, at)?.[0]
        if (word !== undefined) {
          push('word', word)
          at += word.length
        } else {
          push('mark', sign)
          at++
        }
      }
    }
  }

  read(plainSigns(source), false)
  return { list, ambiguousCommas }
}

/** Words ignore case; short runs of letters (AB, Aa) may be symbols and keep it. */
const caseless = (word: string): string =>
  /^\p{Lu}?\p{Ll}{2,}$/u.test(word) || word.length > 3 || word === 'No' ? word.toLowerCase() : word

/** One text per spelling: equal for answers that differ only in appearance. */
export const textKey = (tokens: readonly Token[]): string =>
  tokens.map((token) => (token.kind === 'word' ? caseless(token.text) : token.text)).join('\u0001')
