// Progress on a terminal: one line that rewrites itself where a person watches, and a plain line now and then where a file does.
// Everything goes to stderr, so that what a command prints on stdout can be piped.
import type { ProgressReport } from '../../src-preload/contract.ts'

export interface ProgressLine {
  show(report: ProgressReport): void
  /** Ends the current line and prints a sentence of its own. */
  say(text: string): void
  close(): void
}

export interface Terminal {
  write(text: string): unknown
  readonly isTTY?: boolean
  readonly columns?: number
}

const REDRAW_MS = 100
const PLAIN_MS = 5_000
const BAR_WIDTH = 24

export function openProgress(terminal: Terminal = process.stderr, now: () => number = Date.now): ProgressLine {
  const live = terminal.isTTY === true
  let last = -Infinity
  let open = false
  let job = ''
  const clear = (): void => {
    if (open) terminal.write('\r\u001b[2K')
    open = false
  }
  return {
    show(report) {
      const finished = report.total !== null && report.done >= report.total
      const changed = report.job !== job
      if (!changed && !finished && now() - last < (live ? REDRAW_MS : PLAIN_MS)) return
      last = now()
      job = report.job
      const line = progressText(report)
      if (live) {
        terminal.write(`\r\u001b[2K${line.slice(0, (terminal.columns ?? 100) - 1)}`)
        open = true
      } else terminal.write(`${line}\n`)
    },
    say(text) {
      clear()
      terminal.write(`${text}\n`)
    },
    close: clear,
  }
}

/** `MRT-exact, seed 1  ██████░░░░  12/40 steps  0:31 left  18.2k tokens/s  1.1 GB` */
export function progressText(report: ProgressReport): string {
  const share = report.total ? Math.min(1, report.done / report.total) : null
  const filled = share === null ? 0 : Math.round(share * BAR_WIDTH)
  const parts = [
    report.label,
    share === null ? '' : `${'█'.repeat(filled)}${'░'.repeat(BAR_WIDTH - filled)}`,
    report.total === null ? `${report.done} ${report.unit}` : `${report.done}/${report.total} ${report.unit}`,
    report.etaMs === null ? '' : `${durationText(report.etaMs)} left`,
    report.tokensPerSecond === null ? '' : `${countText(report.tokensPerSecond)} tokens/s`,
    report.memoryBytes === null ? '' : bytesText(report.memoryBytes),
  ]
  return parts.filter((part) => part !== '').join('  ')
}

/** 75 000 ms is `1:15`; over an hour `2:03:10`. */
export function durationText(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000))
  const two = (value: number): string => String(value).padStart(2, '0')
  const hours = Math.floor(seconds / 3600)
  const minutes = Math.floor(seconds / 60) % 60
  return hours > 0 ? `${hours}:${two(minutes)}:${two(seconds % 60)}` : `${minutes}:${two(seconds % 60)}`
}

/** 18 230 is `18.2k`. */
export function countText(value: number): string {
  for (const [size, unit] of [
    [1e9, 'G'],
    [1e6, 'M'],
    [1e3, 'k'],
  ] as const)
    if (Math.abs(value) >= size) return `${(value / size).toFixed(1)}${unit}`
  return value.toFixed(0)
}

export function bytesText(bytes: number): string {
  return bytes >= 1e9 ? `${(bytes / 1e9).toFixed(1)} GB` : `${(bytes / 1e6).toFixed(0)} MB`
}
