/**
 * What differs between the settings of runs: nested records flattened to dotted paths, compared by type, most telling
 * first as given. Values that differ only in spelling (1e-4 and 0.0001, key order) are equal.
 */
import { ABSENT, exponent, fixed, significant } from '../charts/format.ts'

export type Config = Readonly<Record<string, unknown>>

export interface DiffRow {
  readonly path: string
  readonly values: readonly unknown[]
  readonly differs: boolean
}

const isRecord = (value: unknown): value is Config => typeof value === 'object' && value !== null && !Array.isArray(value)

/** Dotted paths of everything that is not itself a record. An empty record counts as a value. */
export function flatten(config: Config, prefix = ''): ReadonlyMap<string, unknown> {
  const flat = new Map<string, unknown>()
  for (const [key, value] of Object.entries(config)) {
    const path = prefix ? `${prefix}.${key}` : key
    if (isRecord(value) && Object.keys(value).length > 0) for (const [inner, of] of flatten(value, path)) flat.set(inner, of)
    else flat.set(path, value)
  }
  return flat
}

const canonical = (value: unknown): unknown =>
  Array.isArray(value)
    ? value.map(canonical)
    : isRecord(value)
      ? Object.fromEntries(
          Object.entries(value)
            .sort()
            .map(([k, v]) => [k, canonical(v)]),
        )
      : value

/** Equal as settings: same type and value, whatever the order of keys. Missing equals only missing. */
export const sameSetting = (a: unknown, b: unknown): boolean => JSON.stringify(canonical(a)) === JSON.stringify(canonical(b))

/**
 * One row per path that occurs anywhere, in order of first appearance. `ignore` names paths (or their leading part)
 * that say nothing about the experiment, such as names and dates.
 */
export function configDiff(configs: readonly Config[], ignore: readonly string[] = []): readonly DiffRow[] {
  const flats = configs.map((config) => flatten(config))
  const paths = [...new Set(flats.flatMap((flat) => [...flat.keys()]))].filter(
    (path) => !ignore.some((name) => path === name || path.startsWith(`${name}.`)),
  )
  return paths.map((path) => {
    const values = flats.map((flat) => flat.get(path))
    return { path, values, differs: values.some((value) => !sameSetting(value, values[0])) }
  })
}

/** A setting as read: switches as on and off, small numbers with an exponent, lists joined, missing as a dash. */
export function settingText(value: unknown): string {
  if (value === undefined) return ABSENT
  if (value === null) return 'none'
  if (typeof value === 'boolean') return value ? 'on' : 'off'
  if (typeof value === 'number') {
    if (Number.isInteger(value)) return fixed(value)
    return Math.abs(value) < 1e-3
      ? exponent(value, 4)
      : significant(value, 6)
          .replace(/(\.\d*?)0+$/, '$1')
          .replace(/\.$/, '')
  }
  if (Array.isArray(value)) return value.length === 0 ? 'empty list' : value.map(settingText).join(', ')
  return typeof value === 'string' ? value : JSON.stringify(value)
}

/** How a number moved against the baseline: ×2, ÷4, +0.2; empty where that says nothing. */
export function settingChange(value: unknown, base: unknown): string {
  if (typeof value !== 'number' || typeof base !== 'number' || value === base) return ''
  if (base === 0 || value === 0 || Math.sign(value) !== Math.sign(base)) return ''
  const ratio = value / base
  const factor = ratio >= 1 ? ratio : 1 / ratio
  return `${ratio >= 1 ? '×' : '÷'}${significant(factor, 3)
    .replace(/(\.\d*?)0+$/, '$1')
    .replace(/\.$/, '')}`
}
