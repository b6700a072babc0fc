/**
 * Finding a command by typing some of its letters: every word typed must appear in order, word starts count most.
 * Small lists only (hundreds), so no index.
 */

export interface Match {
  /** Higher is better. */
  readonly score: number
  /** Indices of the matched letters, for showing why. */
  readonly letters: readonly number[]
}

/** null when `query` is not contained in `text` as an ordered subsequence. An empty query matches everything. */
export function match(query: string, text: string): Match | null {
  const wanted = query.toLowerCase().replaceAll(' ', '')
  const lower = text.toLowerCase()
  const whole = lower.indexOf(query.toLowerCase().trim())
  if (wanted !== '' && whole >= 0) {
    const length = query.trim().length
    return {
      score: 100 + (isStart(text, whole) ? 50 : 0) - whole - text.length * 0.1,
      letters: Array.from({ length }, (_, i) => whole + i),
    }
  }
  const letters: number[] = []
  let score = 0
  let from = 0
  for (const letter of wanted) {
    const starts = next(lower, letter, from, (i) => isStart(text, i))
    const any = lower.indexOf(letter, from)
    if (any < 0) return null
    const at = any === from && letters.length > 0 ? any : starts >= 0 ? starts : any
    score += at === from && letters.length > 0 ? 6 : isStart(text, at) ? 8 : 1
    letters.push(at)
    from = at + 1
  }
  return { score: score - text.length * 0.1, letters }
}

const isStart = (text: string, i: number) => i === 0 || /[\s/:,(-]/.test(text[i - 1])

function next(text: string, letter: string, from: number, good: (i: number) => boolean): number {
  for (let i = text.indexOf(letter, from); i >= 0; i = text.indexOf(letter, i + 1)) if (good(i)) return i
  return -1
}

/** The items that match, best first; order is kept among equals and for an empty query. */
export function search<T>(
  query: string,
  items: readonly T[],
  text: (item: T) => string,
): readonly { readonly item: T; readonly letters: readonly number[] }[] {
  return items
    .flatMap((item, i) => {
      const found = match(query, text(item))
      return found ? [{ item, i, ...found }] : []
    })
    .sort((a, b) => (query.trim() === '' ? 0 : b.score - a.score) || a.i - b.i)
    .map(({ item, letters }) => ({ item, letters }))
}
