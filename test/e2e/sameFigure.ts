/**
 * Compares two SVG texts as pictures: the same elements and words in the same order, numbers within half a pixel and
 * colours within a few levels, so that a browser's rounding is no difference and a moved label is.
 */

const PIECES = /#[0-9a-f]{6}|-?\d+(?:\.\d+)?(?:e-?\d+)?|[^#\d-]+|[#-]/g

/** null when they are the same picture, else where they first differ. */
export function figureDifference(actual: string, expected: string): string | null {
  const a = actual.match(PIECES) ?? []
  const b = expected.match(PIECES) ?? []
  for (let i = 0; i < Math.max(a.length, b.length); i += 1) {
    if (a[i] === b[i] || (a[i] !== undefined && b[i] !== undefined && close(a[i], b[i]))) continue
    const around = (pieces: readonly string[]) => pieces.slice(Math.max(0, i - 8), i + 8).join('')
    return `piece ${i}: expected …${around(b)}…\n          found …${around(a)}…`
  }
  return null
}

function close(a: string, b: string): boolean {
  if (/^#[0-9a-f]{6}$/.test(a) && /^#[0-9a-f]{6}$/.test(b)) {
    return [1, 3, 5].every((at) => Math.abs(parseInt(a.slice(at, at + 2), 16) - parseInt(b.slice(at, at + 2), 16)) <= 3)
  }
  const [x, y] = [Number(a), Number(b)]
  return Number.isFinite(x) && Number.isFinite(y) && Math.abs(x - y) <= 0.5
}
