// A line plot in characters: enough to see which curve lies above which, with the letter of a series as its mark.

export interface PlotSeries {
  readonly name: string
  /** One character that marks the points. */
  readonly mark: string
  readonly x: readonly number[]
  readonly y: readonly number[]
}

export interface PlotOptions {
  readonly width?: number
  readonly height?: number
  readonly xTitle: string
  readonly yTitle: string
  /** From here on the x axis is extrapolation, marked by a dotted upright. */
  readonly extrapolatedFrom?: number
  readonly yText?: (value: number) => string
}

/** Later series are drawn over earlier ones where they meet. */
export function plotText(series: readonly PlotSeries[], options: PlotOptions): string {
  const width = options.width ?? 64
  const height = options.height ?? 14
  const xs = series.flatMap((one) => one.x)
  const ys = series.flatMap((one) => one.y)
  if (xs.length === 0) return ''
  const [left, right, low, high] = [Math.min(...xs), Math.max(...xs), Math.min(...ys), Math.max(...ys)]
  const column = (x: number): number => Math.round(((x - left) / (right - left || 1)) * (width - 1))
  const row = (y: number): number => Math.round(((high - y) / (high - low || 1)) * (height - 1))
  const cells = Array.from({ length: height }, () => new Array<string>(width).fill(' '))
  if (options.extrapolatedFrom !== undefined && options.extrapolatedFrom > left && options.extrapolatedFrom < right) {
    for (const line of cells) line[column(options.extrapolatedFrom)] = '┊'
  }
  for (const one of series) {
    for (let i = 1; i < one.x.length; i++) {
      const [from, to] = [column(one.x[i - 1]!), column(one.x[i]!)]
      for (let at = from; at <= to; at++) {
        const y = one.y[i - 1]! + ((at - from) / (to - from || 1)) * (one.y[i]! - one.y[i - 1]!)
        cells[row(y)]![at] = '·'
      }
    }
  }
  for (const one of series)
    one.x.forEach((x, i) => {
      cells[row(one.y[i]!)]![column(x)] = one.mark
    })
  const yText = options.yText ?? ((value) => value.toFixed(2))
  const gutter = Math.max(yText(high).length, yText(low).length)
  const lines = cells.map((line, index) => {
    const label =
      index === 0
        ? yText(high)
        : index === height - 1
          ? yText(low)
          : index === Math.floor((height - 1) / 2)
            ? yText(high - ((high - low) * index) / (height - 1))
            : ''
    return `${label.padStart(gutter)} ┤${line.join('').trimEnd()}`
  })
  const ends = `${left}${String(right).padStart(width - String(left).length)}`
  return [
    options.yTitle,
    ...lines,
    `${' '.repeat(gutter)} └${'─'.repeat(width)}`,
    `${' '.repeat(gutter)}  ${ends}`,
    `${' '.repeat(gutter)}  ${options.xTitle}`,
    series.map((one) => `${one.mark} ${one.name}`).join('   '),
  ].join('\n')
}
