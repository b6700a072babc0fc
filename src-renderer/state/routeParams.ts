/** How one parameter of a link is read from text and written to it. Reading what does not fit gives undefined. */
import { finishReasons } from '../../src-preload/contract.ts'

export interface Param<T> {
  read(written: string): T | undefined
  write(value: T): string
}

const param = <T>(read: (written: string) => T | undefined, write: (value: T) => string = String): Param<T> => ({ read, write })

const whole =
  (least: number) =>
  (written: string): number | undefined =>
    /^\d{1,15}$/.test(written) && Number(written) >= least ? Number(written) : undefined
const finite = (written: string): number | undefined =>
  written.trim() !== '' && Number.isFinite(Number(written)) ? Number(written) : undefined

export const id = param(whole(1))
export const integer = param(whole(0))
export const number = param(finite)
export const text = param<string>((written) => (written === '' ? undefined : written))
export const flag = param<boolean>(
  (written) => ({ yes: true, no: false })[written],
  (value) => (value ? 'yes' : 'no'),
)

/** A run, or the weights that all runs start from. */
export const arm = param<number | 'start'>((written) => (written === 'start' ? 'start' : id.read(written)))

/** `1,2,3`; duplicates are dropped. */
export const ids = param<readonly number[]>(
  (written) => {
    const read = written.split(',').map(whole(1))
    return read.every((each) => each !== undefined) ? [...new Set(read as number[])] : undefined
  },
  (value) => value.join(','),
)

/** `0.5..1`, open at either end: `..1`, `0.5..`. Inclusive. */
export const range = param<[number | null, number | null]>(
  (written) => {
    const found = /^(.*?)\.\.(.*)$/.exec(written)
    if (found === null) return undefined
    const [low, high] = [found[1]!, found[2]!].map((end) => (end === '' ? null : (finite(end) ?? undefined)))
    return low === undefined || high === undefined || (low === null && high === null) ? undefined : [low, high]
  },
  ([low, high]) => `${low ?? ''}..${high ?? ''}`,
)

export const choice = <const T extends string>(...allowed: readonly T[]): Param<T> =>
  param((written) => allowed.find((each) => each === written))
export const finishes = choice(...finishReasons)
