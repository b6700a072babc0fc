// A person's regular expression, for tests of short lines while they type. The window can end no expression that it has begun, so what may
// try without end is refused before: repetitions of what repeats or branches, such as (a+)+ or (a|a)*, and many repetitions beside each other.

/** More repetitions without an upper bound than this, one after another, take too long over a line of text. */
const MOST_REPETITIONS = 2
/** Letters of a line that are looked at. */
const LINE = 200

const SLOW = 'It could try for ever: no repetition of a part that repeats or branches itself, and at most two repetitions, please.'

interface Part {
  readonly branches: boolean
  readonly repeats: boolean
}

/** Whether the time of an expression that compiles is bounded by a low power of the length of a line. */
function isQuick(source: string): boolean {
  const outer: Part[] = []
  let part: Part = { branches: false, repeats: false }
  /** The group that was just closed, to which a repetition would belong. */
  let closed: Part | null = null
  let repetitions = 0
  for (const [token] of source.matchAll(
    /\\(?:[pPkux]\{[^}]*\}|k<[^>]*>|.)|\[(?:\\.|[^\]\\])*\]|\((?:\?(?:[:=!]|<[=!]|<[^>]*>))?|\)|\||[*+]|\{\d+(?:,\d*)?\}|\?|[^]/g,
  )) {
    if (token.startsWith('(')) {
      outer.push(part)
      part = { branches: false, repeats: false }
    } else if (token === ')') {
      closed = part
      const around = outer.pop() ?? part
      part = { branches: around.branches || part.branches, repeats: around.repeats || part.repeats }
      continue
    } else if (token === '|') part = { ...part, branches: true }
    // What may be absent may be tried both ways, as often as it is repeated.
    else if (token === '?') part = { ...part, repeats: true }
    else if (/^[*+]$|^\{\d/.test(token)) {
      if (closed !== null && (closed.repeats || closed.branches)) return false
      if (!/^\{\d+\}$/.test(token)) {
        repetitions++
        part = { ...part, repeats: true }
      }
    }
    closed = null
  }
  return repetitions <= MOST_REPETITIONS
}

/** Tests whether any line of a text matches; letter case counts for nothing. Throws SyntaxError at what is no expression, RangeError at one that might never end. */
export function linePattern(source: string): (text: string) => boolean {
  const expression = new RegExp(source, 'i')
  if (!isQuick(source)) throw new RangeError(SLOW)
  return (text) => text.split('\n').some((line) => expression.test(line.slice(0, LINE)))
}
