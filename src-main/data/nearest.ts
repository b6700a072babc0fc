// The name that somebody meant: for refusals that say more than that it is not there.

/** The one of `names` most like `wanted`: the same but for case and marks, or the last part of a path, or two letters away; null where none is. */
export function nearest(wanted: string, names: readonly string[]): string | null {
  const bare = (name: string): string => name.toLowerCase().replace(/[^a-z0-9]/g, '')
  const same = names.find((name) => bare(name) === bare(wanted) || name.split(/[.[]/).at(-1)!.toLowerCase() === wanted.toLowerCase())
  return (
    same ??
    names.find(
      (name) => Math.abs(name.length - wanted.length) <= 2 && wanted.length > 2 && distance(name.toLowerCase(), wanted.toLowerCase()) <= 2,
    ) ??
    null
  )
}

/** Letters to add, leave out or change to make one word of the other (Levenshtein). */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, at) => at)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) next.push(Math.min(row[j]! + 1, next[j - 1]! + 1, row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1)))
    row = next
  }
  return row[b.length]!
}
