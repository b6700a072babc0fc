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
  /** From the point to its label. */
  readonly distance: number
}

export interface Placed {
  readonly x: number
  readonly y: number
  readonly anchor: 'start' | 'end' | 'middle'
}

const overlap = (a: Box, b: Box) =>
  Math.max(0, Math.min(a.x + a.width, b.x + b.width) - Math.max(a.x, b.x)) *
  Math.max(0, Math.min(a.y + a.height, b.y + b.height) - Math.max(a.y, b.y))

/** Directions a label may stand in, best first: across (-1 left, 0 centred, 1 right) and down. */
const directions: readonly (readonly [dx: -1 | 0 | 1, dy: number])[] = [
  [1, 0],
  [1, -0.8],
  [1, 0.8],
  [-1, 0],
  [-1, -0.8],
  [-1, 0.8],
  [0, -1],
  [0, 1],
  [1, -1.7],
  [-1, -1.7],
  [1, 1.7],
  [-1, 1.7],
  [0, -2],
  [0, 2],
]

/**
 * A place for the label of each anchor, whichever of fourteen covers least: other labels cost most, then what lies
 * outside `bounds`, then `obstacles`. Text positions are (x, vertical middle).
 */
export function placeNear(anchors: readonly Anchor[], obstacles: readonly Box[], bounds: Box): readonly Placed[] {
  const labels: Box[] = []
  return anchors.map(({ x, y, width, height, distance }) => {
    const options = directions.map(([dx, dy]) => {
      const middle = y + dy * height + (dx === 0 ? Math.sign(dy) * distance * 0.6 : 0)
      const left = dx > 0 ? x + distance : dx < 0 ? x - distance - width : x - width / 2
      return {
        x: x + dx * distance,
        y: middle,
        anchor: (['end', 'middle', 'start'] as const)[dx + 1],
        box: { x: left, y: middle - height / 2, width, height },
      }
    })
    const sum = (box: Box, others: readonly Box[]) => others.reduce((total, other) => total + overlap(box, other), 0)
    const costs = options.map(
      ({ box }, rank) => 8 * sum(box, labels) + 4 * (width * height - overlap(box, bounds)) + sum(box, obstacles) + rank,
    )
    const best = options[costs.indexOf(Math.min(...costs))]
    labels.push(best.box)
    return { x: best.x, y: best.y, anchor: best.anchor }
  })
}
