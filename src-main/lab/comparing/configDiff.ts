// What differs between the settings of runs: nested records flattened to dotted keys, dots inside a key written `\.`. Values are
// equal when their JSON is, so 1 is not "1"; a key that is missing is not one that is null. No run is the reference here.

import type { DiffRow, Json, Run } from '../../../src-preload/contract.ts'

type Cell = DiffRow['cells'][number]

const isRecord = (value: Json): value is { readonly [key: string]: Json } =>
  value !== null && typeof value === 'object' && !Array.isArray(value)

/** Leaves of a value by dotted key; lists and empty records are leaves. */
export function flatten(value: Json, prefix = ''): Map<string, Json> {
  if (!isRecord(value) || Object.keys(value).length === 0) return new Map(prefix === '' ? [] : [[prefix, value]])
  return new Map(
    Object.entries(value).flatMap(([key, child]) => {
      const escaped = key.replaceAll('.', '\\.')
      return [...flatten(child, prefix === '' ? escaped : `${prefix}.${escaped}`)]
    }),
  )
}

const sections: { readonly [S in DiffRow['section']]: (run: Run) => Json } = {
  config: (run) => run.config,
  run: ({ name, method, algorithm, seed, plannedSteps, modelId, datasetId, parentRunId, parentStep, note }) => ({
    name,
    method,
    algorithm,
    seed,
    plannedSteps,
    modelId,
    datasetId,
    parentRunId,
    parentStep,
    note,
  }),
  environment: (run) => run.environment,
}

const sameJson = (a: Cell, b: Cell): boolean => JSON.stringify(a) === JSON.stringify(b)

/** One row per key that any of the runs has: settings first, then what labels a run, then the machine; keys in the order they appear. */
export function configDiff(runs: readonly Run[]): DiffRow[] {
  return (Object.keys(sections) as DiffRow['section'][]).flatMap((section) => {
    const columns = runs.map((run) => flatten(sections[section](run)))
    const keys = [...new Set(columns.flatMap((column) => [...column.keys()]))]
    return keys.map((key): DiffRow => {
      const cells = columns.map((column): Cell => (column.has(key) ? { kind: 'value', value: column.get(key)! } : { kind: 'absent' }))
      return { section, key, cells, differs: cells.some((cell) => !sameJson(cell, cells[0]!)) }
    })
  })
}
