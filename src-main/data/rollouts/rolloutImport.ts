// The rollout side of an import: a converter for one file of a known source.

import { basename, dirname, join } from 'node:path'
import type { CanonicalRollout } from '../canonical.ts'
import { refuse } from '../errors.ts'
import type { Converter } from '../converter.ts'
import { datasetRoles, noColumn } from '../datasets/roles.ts'
import { valueAt } from '../json.ts'
import type { JsonObject } from '../json.ts'
import { openRows } from '../read/readRows.ts'
import type { SourceRow } from '../read/reader.ts'
import { reject } from '../rejected.ts'
import type { MapContext, RolloutSource } from './mapping.ts'
import { mapRoles } from './plain.ts'
import { sourceReaders } from './sources.ts'

/** What a map says the rows are, by the roles that it names: `rollouts`, `dataset`, or nothing. */
export function kindOfMap(map: { readonly [role: string]: string }): 'rollouts' | 'dataset' | null {
  const roles = Object.keys(map)
  if (roles.some((role) => mapRoles.includes(role))) return 'rollouts'
  return roles.some((role) => (datasetRoles as readonly string[]).includes(role)) ? 'dataset' : null
}

/** A converter for the rows of `path`. A map is for plain tables: giving one reads the file as such, but for `filter`, which chooses among the filters of lm-evaluation-harness. Throws LabError import.badMap and import.noColumn. */
export async function createRolloutImport(
  path: string,
  source: RolloutSource,
  why: string,
  map: { readonly [role: string]: string },
  sample: readonly JsonObject[],
  signal?: AbortSignal,
): Promise<Converter<CanonicalRollout>> {
  const wrong = Object.keys(map).find((role) => !mapRoles.includes(role) && role !== 'filter')
  if (wrong !== undefined)
    throw refuse(
      'import.badMap',
      `the role "${wrong}"${(datasetRoles as readonly string[]).includes(wrong) ? ', which is one of datasets (--as dataset)' : ''}; the roles of rollouts are ${mapRoles.join(', ')} and filter`,
    )
  for (const [role, column] of Object.entries(map))
    if (role !== 'filter' && sample.length > 0 && !sample.some((row) => valueAt(row, column) !== undefined))
      throw refuse('import.noColumn', noColumn(role, column, sample))
  const chosen: RolloutSource = Object.keys(map).some((role) => role !== 'filter') ? 'plain' : source
  const reader = sourceReaders[chosen]
  const context: MapContext = { path, map, sample, effectiveIds: chosen === 'prime-rl' ? await effectiveIds(path, signal) : null }
  return {
    source: chosen,
    why,
    convert(row: SourceRow) {
      const mapped = reader.read(row.value, context)
      if ('code' in mapped) return { rejected: reject(path, row, mapped.code, mapped.detail, JSON.stringify(row.value)) }
      return { records: mapped }
    },
  }
}

/** Ids of the episodes in `../effective/traces.jsonl`, beside prime-rl's `all/traces.jsonl`; null where there is none. */
async function effectiveIds(path: string, signal?: AbortSignal): Promise<ReadonlySet<string> | null> {
  if (basename(dirname(path)) !== 'all') return null
  const file = await openRows(join(dirname(dirname(path)), 'effective', basename(path)), { signal }).catch(() => null)
  if (file === null) return null
  const ids = new Set<string>()
  for await (const { rows } of file.batches()) for (const { value } of rows) if (typeof value.id === 'string') ids.add(value.id)
  return ids
}
