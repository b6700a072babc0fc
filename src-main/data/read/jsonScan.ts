// Finds where each row of a JSON document begins and ends without parsing it: a push-down check of the grammar over raw
// bytes, fed chunk by chunk, so that an array of any length is read in the memory of one row. Because the grammar is
// checked as it goes, a missing quote or brace is noticed at once; the scanner then looks for the next row (an opening
// brace followed by the same first key) and reports the bytes between as one broken row.
// Left out: numbers, literals and escapes, which `JSON.parse` checks when the row is parsed.

/** Rows are the elements of the top-level list, of every list in the top-level object, or the top-level values in sequence. */
export type Shape = 'array' | 'wrapped' | 'sequence'

export interface Found {
  readonly kind: 'row' | 'broken' | 'tooLong' | 'cutOff' | 'afterEnd'
  readonly line: number
  readonly start: number
  readonly end: number
  /** The whole row, or the beginning of what is no row. */
  readonly bytes: Buffer
}

export interface Scanner {
  /** Rows completed by this chunk. */
  feed(chunk: Buffer): Found[]
  /** What was still open at the end of the text; `unclosed` when the document itself was not finished. */
  end(): { found: Found[]; unclosed: boolean }
}

const EXCERPT = 8192
const KEY_LIMIT = 256

// What a byte may begin outside a string.
const SPACE = 1, QUOTE = 2, OPEN = 3, CLOSE = 4, COMMA = 5, COLON = 6, SCALAR = 7
const kindOfByte = new Uint8Array(256)
for (const [kind, characters] of [[SPACE, ' \t\r\n'], [QUOTE, '"'], [OPEN, '{['], [CLOSE, '}]'], [COMMA, ','], [COLON, ':'], [SCALAR, '+-.0123456789eEtrufalsnNIity']] as const) {
  for (const character of characters) kindOfByte[character.charCodeAt(0)] = kind
}

// What came last inside the innermost container.
const NOTHING = 0, AFTER_COMMA = 1, KEY = 2, AFTER_COLON = 3, VALUE = 4, IN_SCALAR = 5

const BRACE = 0x7b
const BRACKET = 0x5b
const outer: Readonly<Record<Shape, readonly number[]>> = { array: [BRACKET], wrapped: [BRACE, BRACKET], sequence: [] }

/** A scanner for a document of the given shape whose text starts at byte `start`. */
export function createScanner(shape: Shape, start: number, maxRowBytes: number): Scanner {
  const rowDepth = outer[shape].length
  let buffer: Buffer = Buffer.alloc(0)
  let base = start // offset of buffer[0]
  let at = 0
  let line = 1
  let stack: number[] = []
  let last = NOTHING
  let inString = false
  let escaped = false
  let row = -1 // index of the current row's first byte, or -1
  let rowLine = 1
  let ended = false
  let after: { line: number; start: number; bytes: Buffer } | null = null
  let firstKey: Buffer | null = null
  /** Set while looking for the next row after a broken one. */
  let broken: { kind: 'broken' | 'tooLong'; start: number; line: number; bytes: Buffer } | null = null

  const here = (index: number): number => base + index
  const inRows = (): boolean => stack.length === rowDepth && (shape !== 'wrapped' || stack[1] === BRACKET)

  function beginRow(index: number): void {
    if (inRows() && row < 0) {
      row = index
      rowLine = line
    }
  }

  function finishRow(end: number, found: Found[]): void {
    if (row < 0 || !inRows()) return
    const bytes = Buffer.from(buffer.subarray(row, end))
    if (bytes[0] === BRACE) firstKey ??= keyAfterBrace(bytes)
    found.push({ kind: 'row', line: rowLine, start: here(row), end: here(end), bytes })
    row = -1
  }

  function breakOff(kind: 'broken' | 'tooLong'): void {
    if (row < 0) {
      row = at
      rowLine = line
    }
    firstKey ??= keyAfterBrace(buffer.subarray(row, row + EXCERPT))
    broken = { kind, start: here(row), line: rowLine, bytes: Buffer.from(buffer.subarray(row, Math.min(buffer.length, row + EXCERPT))) }
    row = -1
    inString = false
    escaped = false
    stack = [...outer[shape]]
    last = AFTER_COMMA
  }

  /** Moves `at` to the next row's brace. False when it is not in the buffer: then everything but a tail may go. */
  function seek(found: Found[]): boolean {
    const candidate = firstKey === null ? -1 : nextBrace(buffer, at, firstKey)
    const stop = candidate >= 0 ? candidate : Math.max(at, buffer.length - KEY_LIMIT * 2)
    line += countLines(buffer, at, stop)
    at = stop
    if (candidate < 0) return false
    found.push(closeBroken(here(candidate)))
    return true
  }

  function closeBroken(end: number): Found {
    const { kind, start: from, line: fromLine, bytes } = broken!
    broken = null
    return { kind, line: fromLine, start: from, end, bytes: bytes.subarray(0, Math.min(bytes.length, end - from)) }
  }

  /** One byte outside strings; false when it may not stand here. */
  function step(byte: number, found: Found[]): boolean {
    const kind = kindOfByte[byte]!
    if (kind === SCALAR) {
      if (last === VALUE || last === KEY || (stack.at(-1) === BRACE && last !== AFTER_COLON && last !== IN_SCALAR)) return false
      beginRow(at)
      last = IN_SCALAR
      return true
    }
    if (last === IN_SCALAR) {
      last = VALUE
      finishRow(at, found)
    }
    if (kind === SPACE) {
      if (byte === 10) line++
      return true
    }
    const inObject = stack.at(-1) === BRACE
    const topLevel = stack.length === 0
    if (kind === QUOTE || kind === OPEN) {
      const wantsValue = inObject ? last === AFTER_COLON : topLevel || last === NOTHING || last === AFTER_COMMA
      const wantsKey = inObject && (last === NOTHING || last === AFTER_COMMA)
      if (!wantsValue && !(kind === QUOTE && wantsKey)) return false
      if (wantsValue) beginRow(at)
      if (kind === QUOTE) {
        inString = true
        last = wantsKey ? KEY : VALUE
      } else {
        stack.push(byte)
        last = NOTHING
      }
      return true
    }
    if (kind === CLOSE) {
      const matches = inObject ? byte === 0x7d : stack.at(-1) === BRACKET && byte === 0x5d
      if (!matches || (last !== VALUE && last !== NOTHING)) return false
      stack.pop()
      last = VALUE
      finishRow(at + 1, found)
      if (stack.length === 0 && shape !== 'sequence') ended = true
      return true
    }
    if (kind === COMMA) {
      if (last !== VALUE && !topLevel) return false
      last = AFTER_COMMA
      return true
    }
    if (kind === COLON) {
      if (last !== KEY) return false
      last = AFTER_COLON
      return true
    }
    return false
  }

  /** Runs through the inside of a string; false at a control character, which JSON does not allow there. */
  function passString(found: Found[]): boolean {
    for (; at < buffer.length; at++) {
      const byte = buffer[at]!
      if (escaped) escaped = false
      else if (byte === 34) {
        inString = false
        at++
        if (last === VALUE) finishRow(at, found)
        return true
      } else if (byte === 92) escaped = true
      else if (byte < 32) return false
    }
    return true
  }

  function scan(found: Found[]): void {
    while (at < buffer.length && !ended) {
      if (broken !== null) {
        if (!seek(found)) return
        continue
      }
      if (row >= 0 && at - row > maxRowBytes) {
        breakOff('tooLong')
        continue
      }
      if (inString) {
        if (!passString(found)) breakOff('broken')
      } else if (step(buffer[at]!, found)) at++
      else breakOff('broken')
    }
  }

  /** Remembers where text begins that follows the end of the document. */
  function passTrailing(): void {
    for (; after === null && at < buffer.length; at++) {
      if (kindOfByte[buffer[at]!] !== SPACE) after = { line, start: here(at), bytes: Buffer.from(buffer.subarray(at, at + EXCERPT)) }
      else if (buffer[at] === 10) line++
    }
    at = buffer.length
  }

  return {
    feed(chunk) {
      const found: Found[] = []
      const keep = row >= 0 ? row : at
      buffer = keep < buffer.length ? Buffer.concat([buffer.subarray(keep), chunk]) : chunk
      base += keep
      at -= keep
      if (row >= 0) row = 0
      scan(found)
      if (ended) passTrailing()
      return found
    },
    end() {
      const found: Found[] = []
      const end = here(buffer.length)
      if (broken !== null) found.push(closeBroken(end))
      else if (after !== null) found.push({ kind: 'afterEnd', ...after, end })
      else if (row >= 0 && last === IN_SCALAR && shape === 'sequence') {
        last = VALUE
        finishRow(buffer.length, found)
      } else if (row >= 0) {
        found.push({ kind: 'cutOff', line: rowLine, start: here(row), end, bytes: Buffer.from(buffer.subarray(row, row + EXCERPT)) })
      }
      return { found, unclosed: !ended && shape !== 'sequence' }
    },
  }
}

/** `"key"` with its quotes, of the object that begins at the first byte; null when there is none to see. */
function keyAfterBrace(bytes: Buffer): Buffer | null {
  const match = /^\{\s*("(?:[^"\\]|\\.){1,200}")\s*:/.exec(bytes.toString('latin1', 0, KEY_LIMIT))
  return match === null ? null : Buffer.from(match[1]!, 'latin1')
}

/** Index of the next brace, at or after `from`, that opens an object with this first key and follows a comma, a bracket or a line end. */
function nextBrace(buffer: Buffer, from: number, key: Buffer): number {
  for (let found = buffer.indexOf(key, from); found >= 0; found = buffer.indexOf(key, found + 1)) {
    let brace = found - 1
    while (brace >= from && kindOfByte[buffer[brace]!] === SPACE) brace--
    if (brace < from || buffer[brace] !== BRACE) continue
    let before = brace - 1
    let newLine = false
    while (before >= 0 && kindOfByte[buffer[before]!] === SPACE) {
      if (buffer[before] === 10) newLine = true
      before--
    }
    if (newLine || before < 0 || buffer[before] === 0x2c || buffer[before] === BRACKET) return brace
  }
  return -1
}

function countLines(buffer: Buffer, from: number, to: number): number {
  let lines = 0
  for (let at = buffer.indexOf(10, from); at >= 0 && at < to; at = buffer.indexOf(10, at + 1)) lines++
  return lines
}
