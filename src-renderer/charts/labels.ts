/**
 * Places direct labels so that none covers another: a column of labels at the ends of lines, and labels beside dots.
 * The column is solved exactly: with labels sorted and their spacing subtracted, the least-squares positions that keep
 * the order are an isotonic regression, found by pooling adjacent violators (Ayer et al. 1955).
 */

/**
 * Positions as close as possible (squared distance) to `wanted`, at least `gap` apart, inside [low, high], in the
 * order of `wanted`. When the room is too small the gap shrinks to fit.
 */
export function spread(wanted: readonly number[], gap: number, low: number, high: number): readonly number[] {
  const count = wanted.length
  if (count === 0) return []
  const room = Math.max(0, high - low)
  const step = count > 1 ? Math.min(gap, room / (count - 1)) : 0
  const order = wanted.map((_, i) => i).sort((a, b) => wanted[a] - wanted[b] || a - b)

  const pools: { sum: number; size: number }[] = []
  order.forEach((index, rank) => {
    pools.push({ sum: wanted[index] - rank * step, size: 1 })
    for (let top = pools.length - 1; top > 0 && mean(pools[top - 1]) >= mean(pools[top]); top -= 1) {
      const merged = pools.pop() as { sum: number; size: number }
      pools[top - 1].sum += merged.sum
      pools[top - 1].size += merged.size
    }
  })

  const placed = new Array<number>(count)
  let rank = 0
  for (const pool of pools) {
    const base = Math.min(Math.max(mean(pool), low), high - (count - 1) * step)
    for (let k = 0; k < pool.size; k += 1, rank += 1) placed[order[rank]] = base + rank * step
  }
  return placed
}

const mean = (pool: { readonly sum: number; readonly size: number }) => pool.sum / pool.size

export interface Box {
  readonly x: number
  readonly y: number
  readonly width: number
  readonly height: number
}

export interface Anchor {
  readonly x: number
  readonly y: number
  /** Size of the label's text. */
  readonly width: number
  readonly height: number
}

export interface Placed {
  readonly x: number
  readonly y: number
  readonly anchor: 'start' | 'end' | 'middle'
}

const overlap = (a: Box, b: Box) =>
  Math.max(0, Math.min(a.x + a.width, b.x + b.width) - Math.max(a.x, b.x)) *
  Math.max(0, Math.min(a.y + a.height, b.y + b.height) - Math.max(a.y, b.y))

/**
 * A place for the label of each anchor: right, left, above or below it, whichever covers least of the labels already
 * placed, of `obstacles`, and of what lies outside `bounds`. Text positions are (x, vertical middle).
 */
export function placeNear(anchors: readonly Anchor[], obstacles: readonly Box[], bounds: Box, distance = 8): readonly Placed[] {
  const taken: Box[] = [...obstacles]
  return anchors.map((anchor) => {
    const { x, y, width, height } = anchor
    const options: readonly (Placed & { readonly box: Box })[] = [
      { x: x + distance, y, anchor: 'start' as const, box: { x: x + distance, y: y - height / 2, width, height } },
      { x: x - distance, y, anchor: 'end' as const, box: { x: x - distance - width, y: y - height / 2, width, height } },
      { x, y: y - distance - height / 2, anchor: 'middle' as const, box: { x: x - width / 2, y: y - distance - height, width, height } },
      { x, y: y + distance + height / 2, anchor: 'middle' as const, box: { x: x - width / 2, y: y + distance, width, height } },
      { x: x + distance, y: y - height * 0.8, anchor: 'start' as const, box: { x: x + distance, y: y - height * 1.3, width, height } },
      { x: x + distance, y: y + height * 0.8, anchor: 'start' as const, box: { x: x + distance, y: y + height * 0.3, width, height } },
    ]
    const cost = (box: Box) => taken.reduce((sum, other) => sum + overlap(box, other), 0) + 4 * (box.width * box.height - overlap(box, bounds))
    const best = options.reduce((a, b) => (cost(b.box) < cost(a.box) - 0.5 ? b : a))
    taken.push(best.box)
    return { x: best.x, y: best.y, anchor: best.anchor }
  })
}
