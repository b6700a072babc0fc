// Rollouts out: the canonical row as JSON Lines or Parquet, TRL's folder of completions, verl's folder of step files. Read
// back, each gives the same rollouts on the fields that the shape has.

import { join } from 'node:path'
import { rolloutFields, toCanonicalRow } from '../canonical.ts'
import type { CanonicalRollout } from '../canonical.ts'
import { refuse } from '../errors.ts'
import type { JsonObject } from '../json.ts'
import { toTrlRow } from '../rollouts/trl.ts'
import { toVerlRow } from '../rollouts/verl.ts'
import { writeAtomically } from './atomicFile.ts'
import type { Written } from './atomicFile.ts'
import { typeOf, writeParquet } from './parquetFile.ts'
import type { ParquetColumn } from './parquetFile.ts'

export const rolloutShapes = ['jsonl', 'parquet', 'trl', 'verl'] as const
export type RolloutShape = (typeof rolloutShapes)[number]

export type Rollouts = Iterable<CanonicalRollout> | AsyncIterable<CanonicalRollout>

export interface WrittenRollouts {
  readonly files: readonly Written[]
  readonly rollouts: number
}

const columnTypes: { readonly [Key in keyof CanonicalRollout]-?: ParquetColumn['type'] } = {
  schemaVersion: 'INT64', runId: 'STRING', split: 'STRING', step: 'INT64', promptId: 'STRING', groupId: 'STRING', sampleIndex: 'INT64',
  prompt: 'STRING', promptMessages: 'JSON', completion: 'STRING', completionMessages: 'JSON', promptTokens: 'INT64', completionTokens: 'INT64',
  promptTokenIds: 'JSON', completionTokenIds: 'JSON', completionLogps: 'JSON', finishReason: 'STRING', groundTruth: 'JSON', extractedAnswer: 'STRING',
  correct: 'BOOLEAN', reward: 'DOUBLE', rewards: 'JSON', advantage: 'DOUBLE', advantages: 'JSON', used: 'BOOLEAN', discardReason: 'STRING',
  startPCorrect: 'DOUBLE', startPCorrectN: 'INT64', episodes: 'JSON', extra: 'JSON',
}

/** The columns of a canonical Parquet file. */
export const canonicalColumns: readonly ParquetColumn[] = Object.entries(columnTypes).map(([key, type]) => ({ name: rolloutFields[key as keyof CanonicalRollout].name, type }))

/**
 * Writes rollouts. `jsonl` and `parquet` write the file `path`; `trl` and `verl` write one file per step into the folder
 * `path` and need rollouts in order of step. Throws LabError export.failed, export.empty.
 */
export async function writeRollouts(path: string, rollouts: Rollouts, shape: RolloutShape): Promise<WrittenRollouts> {
  return writers[shape](path, rollouts)
}

const writers: { readonly [Shape in RolloutShape]: (path: string, rollouts: Rollouts) => Promise<WrittenRollouts> } = {
  jsonl: (path, rollouts) => oneFile(path, rollouts, async (sink, rows) => {
    for await (const row of rows) await sink.write(`${JSON.stringify(row)}\n`)
  }),
  parquet: (path, rollouts) => oneFile(path, rollouts, (sink, rows) => writeParquet(sink, canonicalColumns, rows)),
  trl: (folder, rollouts) => stepFiles(rollouts, (step) => join(folder, 'completions', `completions_${String(step ?? 0).padStart(5, '0')}.parquet`), async (sink, group) => {
    const rows = group.map(toTrlRow)
    await writeParquet(sink, trlColumns(rows), toAsync(rows))
  }),
  verl: (folder, rollouts) => stepFiles(rollouts, (step) => join(folder, step === undefined ? 'unknown.jsonl' : `${step}.jsonl`), async (sink, group) => {
    for (const rollout of group) await sink.write(`${JSON.stringify(toVerlRow(rollout))}\n`)
  }),
}

type Produce<Rows> = (sink: { write(data: string | Uint8Array): Promise<void> }, rows: Rows) => Promise<void>

async function oneFile(path: string, rollouts: Rollouts, produce: Produce<AsyncIterable<JsonObject>>): Promise<WrittenRollouts> {
  let count = 0
  async function* rows(): AsyncGenerator<JsonObject> {
    for await (const rollout of rollouts) {
      count++
      yield toCanonicalRow(rollout)
    }
    if (count === 0) throw refuse('export.empty', 'no rollouts')
  }
  const written = await writeAtomically(path, (sink) => produce(sink, rows()))
  return { files: [written], rollouts: count }
}

async function stepFiles(rollouts: Rollouts, nameOf: (step: number | undefined) => string, produce: Produce<readonly CanonicalRollout[]>): Promise<WrittenRollouts> {
  const files: Written[] = []
  const done = new Set<number | undefined>()
  let group: CanonicalRollout[] = []
  let count = 0
  const finish = async (): Promise<void> => {
    const step = group[0]!.step
    if (done.has(step)) throw new Error(`rollouts of step ${step} come in two places; they must be in order of step`)
    done.add(step)
    files.push(await writeAtomically(nameOf(step), (sink) => produce(sink, group)))
    group = []
  }
  for await (const rollout of rollouts) {
    if (group.length > 0 && group[0]!.step !== rollout.step) await finish()
    group.push(rollout)
    count++
  }
  if (group.length > 0) await finish()
  if (count === 0) throw refuse('export.empty', 'no rollouts')
  return { files, rollouts: count }
}

const canonicalTypes = new Map(canonicalColumns.map(({ name, type }) => [name, type]))

/** Columns of one step of TRL's table: its own first and last, a number column per reward function, then what else the rows have. */
function trlColumns(rows: readonly JsonObject[]): ParquetColumn[] {
  const names = [...new Set(rows.flatMap((row) => Object.keys(row)))]
  const ordered = [...names.filter((name) => name !== 'advantage'), 'advantage']
  return ordered.map((name) => ({ name, type: canonicalTypes.get(name) ?? (typeOf(rows.map((row) => row[name])) === 'JSON' ? 'JSON' : 'DOUBLE') }))
}

async function* toAsync<T>(items: readonly T[]): AsyncGenerator<T> {
  yield* items
}
