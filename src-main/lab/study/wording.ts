// Figures and tables in the words of a study's report.
import type { StudyFigure } from './figures.ts'

/** Below this many seeds the noise of training is hardly covered. */
export const FEW_SEEDS = 5

export const percent = (value: number, digits = 1): string => (value * 100).toFixed(digits).replace('-', '−')
export const signed = (value: number, digits = 1): string => `${value >= 0 ? '+' : ''}${percent(value, digits)}`
export const points = ({ value, low, high }: StudyFigure): string => `${signed(value)} points (${signed(low)} to ${signed(high)})`
export const decimals = ({ value, low, high }: StudyFigure, digits: number): string =>
  `${number(value, digits)} (${number(low, digits)} to ${number(high, digits)})`
export const number = (value: number, digits: number): string => value.toFixed(digits).replace('-', '−')
/** A number of things, with commas between thousands. */
export const count = (value: number): string => Math.round(value).toLocaleString('en-US')
/** A mean with its interval, which does not reach below 0 or beyond what the quantity can be. */
export const spread = ({ value, low, high }: StudyFigure, digits: number, scale = 1, most = Infinity): string => {
  const [from, to] = [Math.max(0, low), Math.min(most, high)]
  return `${number(value * scale, digits)} (${number(from * scale, digits)}–${number(to * scale, digits)})`
}
export const pText = (p: number): string => (p < 0.001 ? 'p < 0.001' : `p = ${p.toFixed(3)}`)
export const plural = (count: number, one: string): string => `${count} ${one}${count === 1 ? '' : 's'}`
export const table = (header: readonly string[], rows: readonly (readonly string[])[]): string =>
  [`| ${header.join(' | ')} |`, `|${header.map(() => '---').join('|')}|`, ...rows.map((row) => `| ${row.join(' | ')} |`)].join('\n')

export function hours(ms: number): string {
  const minutes = Math.round(ms / 60_000)
  return minutes < 60 ? plural(minutes, 'minute') : `${Math.floor(minutes / 60)} h ${minutes % 60} min`
}
