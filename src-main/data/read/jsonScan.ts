// Finds where each row of a JSON document begins and ends without parsing it: a push-down check of the grammar over raw
// bytes, fed chunk by chunk, so that an array of any length is read in the memory of one row. Because the grammar is
// checked as it goes, a missing quote or brace is noticed at once; the scanner then looks for the next row (an opening
// brace set like the first row's, with the same first key) and reports the bytes between as one broken row.
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
  /** Set on the first row after a broken one: it may be an object from inside that one. */
  readonly recovered?: true
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
const SPACE = 1,
  QUOTE = 2,
  OPEN = 3,
  CLOSE = 4,
  COMMA = 5,
  COLON = 6,
  SCALAR = 7
const kindOfByte = new Uint8Array(256)
for (const [kind, characters] of [
  [SPACE, ' \t\r\n'],
  [QUOTE, '"'],
  [OPEN, '{['],
  [CLOSE, '}]'],
  [COMMA, ','],
  [COLON, ':'],
  [SCALAR, '+-.0123456789eEtrufalsnNIity'],
] as const) {
  for (const character of characters) kindOfByte[character.charCodeAt(0)] = kind
}

// What came last inside the innermost container.
const NOTHING = 0,
  AFTER_COMMA = 1,
  KEY = 2,
  AFTER_COLON = 3,
  VALUE = 4,
  IN_SCALAR = 5

const BRACE = 0x7b
const BRACKET = 0x5b
const outer: Readonly<Record<Shape, readonly number[]>> = { array: [BRACKET], wrapped: [BRACE, BRACKET], sequence: [] }

/** A scanner for a document of the given shape whose text starts at byte `start`. */
export function createScanner(shape: Shape, start: number, maxRowBytes: number): Scanner {
  const rowDepth = outer[shape].length
  let buffer: Buffer = Buffer.alloc(0)
  let backing: Buffer = Buffer.alloc(0)
  let inBacking = false
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
  let firstKey: Buffer | null = null
  let lead: string | null = null
  let recovering = false
  /** Set while looking for the next row after a broken one. */
  let broken: { kind: 'broken' | 'tooLong' | 'afterEnd'; start: number; line: number; bytes: Buffer } | null = null

  const here = (index: number): number => base + index
  const inRows = (): boolean => stack.length === rowDepth && (shape !== 'wrapped' || stack[1] === BRACKET)

  function beginRow(index: number): void {
    if (inRows() && row < 0) {
      row = index
      rowLine = line
    }
  }

  /** Remembers how a row begins, to find the next one after a broken one. */
  function learn(bytes: Buffer, before: string | null): void {
    firstKey = keyAfterBrace(bytes)
    lead = before
  }

  function finishRow(end: number, found: Found[]): void {
    if (row < 0 || !inRows()) return
    const bytes = Buffer.from(buffer.subarray(row, end))
    if (bytes[0] === BRACE && firstKey === null) learn(bytes, leadOf(buffer, row))
    found.push({ kind: 'row', line: rowLine, start: here(row), end: here(end), bytes, ...(recovering ? { recovered: true } : {}) })
    row = -1
    recovering = false
  }

  function breakOff(kind: 'broken' | 'tooLong' | 'afterEnd'): void {
    if (row < 0) {
      row = at
      rowLine = line
    }
    if (firstKey === null) learn(buffer.subarray(row, row + EXCERPT), leadOf(buffer, row))
    broken = { kind, start: here(row), line: rowLine, bytes: Buffer.from(buffer.subarray(row, Math.min(buffer.length, row + EXCERPT))) }
    row = -1
    inString = false
    escaped = false
    stack = [...outer[shape]]
    last = AFTER_COMMA
  }

  /** Moves `at` to the next row's brace. False when it is not in the buffer: then everything but a tail may go. */
  function seek(found: Found[]): boolean {
    const candidate = firstKey === null ? -1 : nextBrace(buffer, at, firstKey, lead)
    const stop = candidate >= 0 ? candidate : Math.max(at, buffer.length - KEY_LIMIT * 2)
    line += countLines(buffer, at, stop)
    at = stop
    if (candidate < 0) return false
    if (broken!.kind === 'afterEnd') broken!.kind = 'broken'
    found.push(closeBroken(here(candidate)))
    recovering = true
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
    if (stack.length === 0 && rowDepth > 0 && kind !== SPACE && byte !== outer[shape][0]) return false
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

  /** Text after the end: a bracket too many may have ended the document too early, so rows are looked for there as well. */
  function passTrailing(found: Found[]): void {
    for (; at < buffer.length; at++) {
      if (kindOfByte[buffer[at]!] !== SPACE) {
        ended = false
        breakOff('afterEnd')
        return scan(found)
      }
      if (buffer[at] === 10) line++
    }
  }

  /** Makes room for a chunk behind what is kept of the text; grows by doubling, so that a long row is copied seldom. */
  function append(chunk: Buffer): void {
    const keep = row >= 0 ? row : at
    const kept = buffer.length - keep
    const length = kept + chunk.length
    if (kept === 0) {
      buffer = chunk
      inBacking = false
    } else {
      const roomy = backing.length < length ? Buffer.allocUnsafeSlow(Math.max(2 * backing.length, length)) : backing
      if (!inBacking || roomy !== backing || keep > 0) buffer.copy(roomy, 0, keep)
      chunk.copy(roomy, kept)
      backing = roomy
      buffer = backing.subarray(0, length)
      inBacking = true
    }
    base += keep
    at -= keep
    if (row >= 0) row = 0
  }

  return {
    feed(chunk) {
      const found: Found[] = []
      append(chunk)
      scan(found)
      while (ended && at < buffer.length) passTrailing(found)
      return found
    },
    end() {
      const found: Found[] = []
      const end = here(buffer.length)
      const unclosed = !ended && shape !== 'sequence' && broken?.kind !== 'afterEnd'
      if (broken !== null) found.push(closeBroken(end))
      else if (row >= 0 && last === IN_SCALAR && shape === 'sequence') {
        last = VALUE
        finishRow(buffer.length, found)
      } else if (row >= 0) {
        found.push({ kind: 'cutOff', line: rowLine, start: here(row), end, bytes: Buffer.from(buffer.subarray(row, row + EXCERPT)) })
      }
      return { found, unclosed }
    },
  }
}

/** `"key"` with its quotes, of the object that begins at the first byte; null when there is none to see. */
function keyAfterBrace(bytes: Buffer): Buffer | null {
  const match = /^\{\s*("(?:[^"\\]|\\.){1,200}")\s*:/.exec(bytes.toString('latin1', 0, KEY_LIMIT))
  return match === null ? null : Buffer.from(match[1]!, 'latin1')
}

/** The white space between the last line end and a row; null where the row does not begin its line. */
function leadOf(buffer: Buffer, row: number): string | null {
  let from = row
  while (from > 0 && (buffer[from - 1] === 32 || buffer[from - 1] === 9)) from--
  return from > 0 && buffer[from - 1] === 10 ? buffer.toString('latin1', from, row) : null
}

/**
 * Index of the next brace, at or after `from`, that opens an object with this first key and is set like a row: indented as the
 * first one was, or, where rows do not begin their lines, after a closed object and a comma.
 */
function nextBrace(buffer: Buffer, from: number, key: Buffer, lead: string | null): number {
  for (let found = buffer.indexOf(key, from); found >= 0; found = buffer.indexOf(key, found + 1)) {
    let brace = found - 1
    while (brace >= from && kindOfByte[buffer[brace]!] === SPACE) brace--
    if (brace < from || buffer[brace] !== BRACE) continue
    if (lead !== null && leadOf(buffer, brace) === lead) return brace
    const before = buffer.toString('latin1', Math.max(0, brace - KEY_LIMIT), brace).replace(/\s+/g, '')
    if (lead === null && (leadOf(buffer, brace) === '' || /\},?$/.test(before))) return brace
  }
  return -1
}

function countLines(buffer: Buffer, from: number, to: number): number {
  let lines = 0
  for (let at = buffer.indexOf(10, from); at >= 0 && at < to; at = buffer.indexOf(10, at + 1)) lines++
  return lines
}
