// Rollouts out, in three shapes (the canonical row, TRL's completions, verl's dump) and two formats (JSON Lines, Parquet): one file
// in order, or the trainer's own folder of a file per step. Read back, each gives the same rollouts on the fields that the
// shape has. Memory holds one row group, or one step, however many rollouts there are.

import { join } from 'node:path'
import type { RolloutFormat, RolloutShape } from '../../../src-preload/contract.ts'
import { rolloutFields, toCanonicalRow } from '../canonical.ts'
import type { CanonicalRollout } from '../canonical.ts'
import { refuse } from '../errors.ts'
import type { Json, JsonObject } from '../json.ts'
import { toTrlRow } from '../rollouts/trl.ts'
import { toVerlRow } from '../rollouts/verl.ts'
import { writeAtomically } from './atomicFile.ts'
import type { Sink, Written } from './atomicFile.ts'
import { typeOf, writeParquet } from './parquetFile.ts'
import type { ParquetColumn } from './parquetFile.ts'

export type Rollouts = Iterable<CanonicalRollout> | AsyncIterable<CanonicalRollout>

export interface RolloutsOptions {
  readonly as?: RolloutShape
  readonly format?: RolloutFormat
  /** Into the folder `path`, a file per step as the trainer names them, instead of the one file `path`; needs rollouts in order of step. */
  readonly perStep?: boolean
}

export interface WrittenRollouts {
  readonly files: readonly Written[]
  readonly rollouts: number
}

const columnTypes: { readonly [Key in keyof CanonicalRollout]-?: ParquetColumn['type'] } = {
  schemaVersion: 'INT64',
  runId: 'STRING',
  split: 'STRING',
  step: 'INT64',
  promptId: 'STRING',
  groupId: 'STRING',
  sampleIndex: 'INT64',
  prompt: 'STRING',
  promptMessages: 'JSON',
  completion: 'STRING',
  completionMessages: 'JSON',
  promptTokens: 'INT64',
  completionTokens: 'INT64',
  promptTokenIds: 'JSON',
  completionTokenIds: 'JSON',
  completionLogps: 'JSON',
  finishReason: 'STRING',
  groundTruth: 'JSON',
  extractedAnswer: 'STRING',
  correct: 'BOOLEAN',
  reward: 'DOUBLE',
  rewards: 'JSON',
  advantage: 'DOUBLE',
  advantages: 'JSON',
  used: 'BOOLEAN',
  discardReason: 'STRING',
  startPCorrect: 'DOUBLE',
  startPCorrectN: 'INT64',
  episodes: 'JSON',
  extra: 'JSON',
}

/** The columns of a canonical Parquet file. */
export const canonicalColumns: readonly ParquetColumn[] = Object.entries(columnTypes).map(([key, type]) => ({
  name: rolloutFields[key as keyof CanonicalRollout].name,
  type,
}))
const canonicalTypes = new Map(canonicalColumns.map(({ name, type }) => [name, type]))

interface Shape {
  readonly row: (rollout: CanonicalRollout) => JsonObject
  /** Columns when they are the same in every file; null where they depend on the rows. */
  readonly columns: readonly ParquetColumn[] | null
  /** Types that the trainer's own readers expect. */
  readonly types: { readonly [column: string]: ParquetColumn['type'] }
  /** Columns that come last. */
  readonly last: readonly string[]
  /** The file of a step in the trainer's folder; `ending` is the format's. */
  readonly stepFile: (step: number | undefined, ending: string) => string
}

const shapes: { readonly [S in RolloutShape]: Shape } = {
  canonical: {
    row: toCanonicalRow,
    columns: canonicalColumns,
    types: {},
    last: [],
    stepFile: (step, ending) => `step_${step ?? 'unknown'}.${ending}`,
  },
  trl: {
    row: toTrlRow,
    columns: null,
    types: { step: 'INT64', prompt: 'STRING', completion: 'STRING', advantage: 'DOUBLE' },
    last: ['advantage'],
    stepFile: (step, ending) => join('completions', `completions_${String(step ?? 0).padStart(5, '0')}.${ending}`),
  },
  verl: {
    row: toVerlRow,
    columns: null,
    types: { input: 'STRING', output: 'STRING', score: 'DOUBLE', step: 'INT64' },
    last: [],
    stepFile: (step, ending) => `${step ?? 'unknown'}.${ending}`,
  },
}

/** What rows are written from: asked for once by JSON Lines, and twice by Parquet where the columns have to be found first. */
export type Source = () => Rollouts

const formats: { readonly [F in RolloutFormat]: (sink: Sink, shape: Shape, rows: () => AsyncIterable<JsonObject>) => Promise<void> } = {
  async jsonl(sink, _shape, rows) {
    for await (const row of rows()) await sink.write(`${JSON.stringify(row)}\n`)
  },
  parquet: async (sink, shape, rows) => writeParquet(sink, shape.columns ?? (await columnsOf(shape, rows())), rows()),
}

/** Writes rollouts; `source` gives them anew each time it is called. Throws LabError export.failed, export.empty. */
export async function writeRollouts(
  path: string,
  source: Source,
  { as = 'canonical', format = 'jsonl', perStep = false }: RolloutsOptions = {},
): Promise<WrittenRollouts> {
  const shape = shapes[as]
  const write = perStep ? stepFiles : oneFile
  const written = await write(path, source, shape, format)
  if (written.rollouts === 0) throw refuse('export.empty', 'no rollouts')
  return written
}

async function oneFile(path: string, source: Source, shape: Shape, format: RolloutFormat): Promise<WrittenRollouts> {
  let count = 0
  async function* rows(): AsyncGenerator<JsonObject> {
    count = 0
    for await (const rollout of source()) {
      count++
      yield shape.row(rollout)
    }
    if (count === 0) throw refuse('export.empty', 'no rollouts')
  }
  const written = await writeAtomically(path, (sink) => formats[format](sink, shape, rows))
  return { files: [written], rollouts: count }
}

async function stepFiles(folder: string, source: Source, shape: Shape, format: RolloutFormat): Promise<WrittenRollouts> {
  const files: Written[] = []
  const done = new Set<number | undefined>()
  let group: CanonicalRollout[] = []
  let count = 0
  const finish = async (): Promise<void> => {
    const step = group[0]!.step
    if (done.has(step)) throw new Error(`rollouts of step ${step} come in two places; they must be in order of step`)
    done.add(step)
    const rows = group.map(shape.row)
    files.push(
      await writeAtomically(join(folder, shape.stepFile(step, format)), (sink) => formats[format](sink, shape, () => toAsync(rows))),
    )
    group = []
  }
  for await (const rollout of source()) {
    if (group.length > 0 && group[0]!.step !== rollout.step) await finish()
    group.push(rollout)
    count++
  }
  if (group.length > 0) await finish()
  return { files, rollouts: count }
}

/** Columns in order of first appearance: the shape's own types, then the canonical ones, then what the values are. */
async function columnsOf(shape: Shape, rows: AsyncIterable<JsonObject>): Promise<ParquetColumn[]> {
  const seen = new Map<string, Json>()
  for await (const row of rows) for (const name in row) seen.set(name, wider(seen.get(name) ?? null, row[name]!))
  const typeFor = (name: string, value: Json): ParquetColumn['type'] => {
    const fixed = shape.types[name] ?? (name === 'ground_truth' ? undefined : canonicalTypes.get(name))
    const found = typeOf([value])
    // A reward function's numbers are one type in every file, whole or not.
    return fixed ?? (found === 'INT64' ? 'DOUBLE' : found)
  }
  const names = [...seen.keys()].filter((name) => !shape.last.includes(name))
  return [...names, ...shape.last.filter((name) => seen.has(name))].map((name) => ({ name, type: typeFor(name, seen.get(name)!) }))
}

/** One value that needs the column type both need: a list where their types are not the same. */
function wider(a: Json, b: Json): Json {
  if (a === null || b === null) return a ?? b
  return typeof a === typeof b ? b : []
}

async function* toAsync<T>(items: readonly T[]): AsyncGenerator<T> {
  yield* items
}

/** About how many bytes a file of `total` rollouts would have, from a few of them. */
export async function sizeOfRollouts(
  sample: readonly CanonicalRollout[],
  { as = 'canonical', format = 'jsonl' }: RolloutsOptions,
  total: number,
): Promise<number> {
  if (sample.length === 0) return 0
  const rows = sample.map(shapes[as].row)
  const bytesOf = async (some: readonly JsonObject[]): Promise<number> => {
    let bytes = 0
    await formats[format](
      { write: async (data) => void (bytes += typeof data === 'string' ? Buffer.byteLength(data) : data.length) },
      shapes[as],
      () => toAsync(some),
    )
    return bytes
  }
  // What a file has beside its rows is the same for one and for many.
  const [one, all] = [await bytesOf(rows.slice(0, 1)), await bytesOf(rows)]
  const perRow = rows.length > 1 ? Math.max(0, all - one) / (rows.length - 1) : one
  return one + perRow * (total - 1)
}
