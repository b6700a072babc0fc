/** What a metric is called and how it is written, from the lab's own glossary; names with parts match patterns such as `ttc/regret@<budget>`. */
import type { MetricDescription } from '../../../src-preload/contract.ts'
import type { QuantityName } from '../../charts/quantity.ts'

const quantityOf: Readonly<Record<MetricDescription['unit'], QuantityName>> = {
  '': 'number',
  tokens: 'tokens',
  share: 'fraction',
  nats: 'nats',
  ms: 'number',
  'tokens/s': 'rate',
  bytes: 'bytes',
}

export interface Metric {
  readonly name: string
  readonly title: string
  readonly meaning: string
  readonly quantity: QuantityName
  readonly section: string
}

/** The values of the `<...>` parts of `name` under `pattern`, or null. */
function partsOf(pattern: string, name: string): readonly string[] | null {
  const source = pattern
    .split(/<[^>]+>/)
    .map((piece) => piece.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'))
    .join('([^/@]+)')
  return new RegExp(`^${source}$`).exec(name)?.slice(1) ?? null
}

export function metricNamed(all: readonly MetricDescription[], name: string): Metric {
  const exact = all.find((each) => each.name === name)
  const found = exact ?? all.find((each) => each.name.includes('<') && partsOf(each.name, name) !== null)
  if (found === undefined) return { name, title: name, meaning: '', quantity: 'number', section: 'other' }
  const parts = exact ? [] : (partsOf(found.name, name) ?? [])
  return {
    name,
    title: [found.title, ...parts.map((part) => part.replaceAll('_', ' '))].join(' '),
    meaning: found.meaning,
    quantity: quantityOf[found.unit],
    section: found.section,
  }
}
