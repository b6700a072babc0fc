// Lists, dicts, texts, numbers, True, False and None as Python prints them (repr), and arrays as NumPy does: what pandas puts into a cell of CSV
// that held them. Nothing is run. Left out: sets, bytes, complex numbers, and texts joined by standing side by side.

import type { Json } from './json.ts'

const DEEPEST = 60
const words: { readonly [word: string]: Json } = { None: null, True: true, False: false, nan: null }
const letters = /[A-Za-z]+/y
/** A letter by its number, after the backslash. */
const coded = /x[\da-fA-F]{2}|u[\da-fA-F]{4}|U[\da-fA-F]{8}/y
const ARRAY = 'array('
const escapes: { readonly [letter: string]: string } = {
  n: '\n',
  t: '\t',
  r: '\r',
  '\\': '\\',
  "'": "'",
  '"': '"',
  '0': '\0',
  a: '\x07',
  b: '\b',
  f: '\f',
  v: '\v',
}

/** The value of a literal that fills the text; undefined where it is none. */
export function pythonLiteral(text: string): Json | undefined {
  let at = 0
  const space = (): void => {
    while (/\s/.test(text[at] ?? '')) at++
  }
  const fail = (): never => {
    throw new SyntaxError('no literal')
  }
  const eat = (mark: string): void => {
    space()
    if (!text.startsWith(mark, at)) fail()
    at += mark.length
  }
  const next = (): string => {
    space()
    return text[at] ?? ''
  }

  function quoted(): string {
    const quote = text[at++]!
    let out = ''
    for (;;) {
      const letter = text[at++]
      if (letter === undefined || letter === '\n') return fail()
      if (letter === quote) return out
      if (letter !== '\\') {
        out += letter
        continue
      }
      coded.lastIndex = at
      const code = coded.exec(text)
      if (code !== null) {
        out += String.fromCodePoint(Number.parseInt(code[0].slice(1), 16))
        at += code[0].length
        continue
      }
      const kind = text[at++] ?? ''
      if (kind !== '\n') out += escapes[kind] ?? `\\${kind}`
    }
  }
  function items(close: string, depth: number): Json[] {
    const out: Json[] = []
    while (next() !== close) {
      out.push(value(depth))
      if (next() !== ',') break
      at++
    }
    eat(close)
    return out
  }
  function value(depth: number): Json {
    if (depth > DEEPEST) return fail()
    const first = next()
    if (first === '[' || first === '(') {
      at++
      return items(first === '[' ? ']' : ')', depth + 1)
    }
    if (first === '{') {
      at++
      const entries: [string, Json][] = []
      while (next() !== '}') {
        const key = value(depth + 1)
        eat(':')
        entries.push([typeof key === 'string' ? key : JSON.stringify(key), value(depth + 1)])
        if (next() !== ',') break
        at++
      }
      eat('}')
      return Object.fromEntries(entries)
    }
    if (first === "'" || first === '"') return quoted()
    if (text.startsWith(ARRAY, at)) {
      at += ARRAY.length
      const inner = value(depth + 1)
      const end = /^\s*(?:,\s*dtype=[\w'<>]+\s*)?\)/.exec(text.slice(at, at + 60)) ?? fail()
      at += end[0].length
      return inner
    }
    letters.lastIndex = at
    const [word] = letters.exec(text) ?? ['']
    if (Object.hasOwn(words, word)) {
      at += word.length
      return words[word]!
    }
    const number = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?/.exec(text.slice(at, at + 40))?.[0]
    if (number === undefined) return fail()
    at += number.length
    return Number(number)
  }
  try {
    const found = value(0)
    space()
    return at === text.length ? found : undefined
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof RangeError) return undefined
    throw error
  }
}
