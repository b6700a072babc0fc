/** Figures and choices of the Thinking page as they are read. */
import type { ComparatorName, Figure } from '../../../src-preload/contract.ts'
import { fixed, interval, signed } from '../../charts/format.ts'

export const comparatorTitles: Readonly<Record<ComparatorName, string>> = {
  oracle: 'perfect from token zero',
  best: 'the best checkpoint',
  sufficient: 'the smallest sufficient budget of each problem',
  equal: 'equal spend',
}

type Maybe = Figure | null | undefined

export const text = (figure: Maybe, digits: number, factor = 1): string => fixed(figure ? figure.value * factor : null, digits)
export const change = (figure: Maybe, digits: number, factor = 1): string => signed(figure ? figure.value * factor : null, digits)
export const around = (figure: Maybe, digits: number, factor = 1): string =>
  figure && figure.low !== null && figure.high !== null
    ? interval(figure.value * factor, figure.low * factor, figure.high * factor, digits)
    : ''
export const bounds = (figure: Maybe): readonly [number, number] | null =>
  figure && figure.low !== null && figure.high !== null ? [figure.low, figure.high] : null
export const point = (x: number, figure: Figure) => ({ x, y: figure.value, lo: figure.low, hi: figure.high })

export const count = (n: number, one: string, many = `${one}s`): string => `${fixed(n)} ${n === 1 ? one : many}`
