// Fewer points without hiding any extreme: the series is cut into equal buckets and each keeps its lowest and highest point,
// in order. What is kept was measured; nothing is averaged or moved.

/** Indices to keep of `values`, ascending: all of them when they fit in `points`, else at most two per bucket. */
export function decimate(values: readonly number[], points: number): number[] {
  if (values.length <= points) return values.map((_, index) => index)
  const buckets = Math.max(1, Math.floor(points / 2))
  const kept: number[] = []
  for (let bucket = 0; bucket < buckets; bucket++) {
    const start = Math.floor((bucket * values.length) / buckets)
    const end = Math.floor(((bucket + 1) * values.length) / buckets)
    let lowest = start
    let highest = start
    for (let at = start + 1; at < end; at++) {
      if (values[at]! < values[lowest]!) lowest = at
      if (values[at]! > values[highest]!) highest = at
    }
    kept.push(Math.min(lowest, highest))
    if (lowest !== highest) kept.push(Math.max(lowest, highest))
  }
  return kept
}
