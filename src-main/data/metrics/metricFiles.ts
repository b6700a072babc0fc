// What trainers log of their steps: JSON lines of numbers with a step (metrics.jsonl, the file logger of verl, histories of wandb), and the event
// files of TensorBoard. Both only grow, and are read on from where reading ended. A number without a step says nothing here and is counted.

import { open } from 'node:fs/promises'
import { refuse, refuseSystem } from '../errors.ts'
import { isObject, parseJson } from '../json.ts'
import type { Json, JsonObject } from '../json.ts'
import { createNoteBook } from '../notes.ts'
import { MAX_ROW_BYTES } from '../read/reader.ts'
import { readJsonl } from '../read/jsonl.ts'
import { openSource } from '../read/source.ts'
import { recogniseRollouts } from '../rollouts/sources.ts'
import { readEventRecords } from './eventFile.ts'

export interface StatedStep {
  readonly step: number
  readonly metrics: { readonly [name: string]: number }
}

export interface StatedBatch {
  readonly stated: readonly StatedStep[]
  /** First byte after it, and its line or record, counted from 1. */
  readonly readTo: number
  readonly line: number
  /** Lines that are no JSON or name no step. */
  readonly rejected: number
}

const HEAD_BYTES = 1 << 16
const LOOKED_AT = 20
const EVENT_BYTES = 1 << 20
/** A text in a line of metrics: a date, a name. A longer one is what a model wrote. */
const LONGEST_TEXT = 64
const STEPS = ['step', '_step', 'global_step', 'train/global_step', 'trainer/global_step', 'training/global_step', 'iteration'] as const

/** Files of curves, for the page of formats: read where a folder is followed, beside its rollouts. */
export const curveForms = [
  {
    title: 'Metrics by step',
    files: 'metrics.jsonl, trainer logs and the like: JSON Lines whose rows name a step',
    example: [
      { step: 1, reward: 0.25, 'completions/mean_length': 180, note: 'warm-up' },
      { global_step: 2, train: { reward: 0.3 }, loss: 0.01 },
      { iteration: 3, reward: 0.35 },
    ],
    fields: {
      [STEPS.join(', ')]: 'the step, whichever comes first',
      'a number': 'a curve under its name; those of nested records are joined by `/`',
      'anything else': 'left out',
    },
  },
  {
    title: 'TensorBoard',
    files: 'events.out.tfevents.*: records of scalars, as tensorboardX and torch.utils.tensorboard write them',
    example: null,
    fields: {
      tag: 'the name of the curve',
      step: 'the step',
      'simple_value, tensor': 'the value, where it is one finite number',
      'images, histograms, texts': 'left out',
    },
  },
] as const

/** The metrics of a line, names of nested ones joined by `/`; null where it names no step. Values that are no finite numbers are left out. */
export function statedOf(row: JsonObject): StatedStep | null {
  const name = STEPS.find((each) => typeof row[each] === 'number' && Number.isInteger(row[each]) && row[each] >= 0)
  if (name === undefined) return null
  const metrics: Record<string, number> = {}
  const gather = (part: JsonObject, prefix: string): void => {
    for (const [key, value] of Object.entries(part)) {
      if (typeof value === 'number' && Number.isFinite(value) && !(prefix === '' && (STEPS as readonly string[]).includes(key)))
        metrics[prefix + key] = value
      // The file logger of verl keeps all of them under `data`.
      if (isObject(value)) gather(value, prefix === '' && key === 'data' ? '' : `${prefix}${key}/`)
    }
  }
  gather(row, '')
  return { step: row[name] as number, metrics }
}

/** Whether the first lines are metrics and no rollouts. False for what cannot be read, or has no whole line yet. */
export async function isMetricsFile(path: string): Promise<boolean> {
  const handle = await open(path).catch(() => null)
  if (handle === null) return false
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(HEAD_BYTES), 0, HEAD_BYTES, 0)
    const lines = buffer
      .toString('utf8', 0, bytesRead)
      .split('\n')
      .slice(0, -1)
      .filter((line) => line.trim() !== '')
      .slice(0, LOOKED_AT)
    const rows = lines.map(parsed)
    if (rows.length === 0 || !rows.every(isObject)) return false
    return (
      rows.every(couldBeMetrics) &&
      rows.some((row) => Object.keys(statedOf(row)?.metrics ?? {}).length > 0) &&
      recogniseRollouts(rows, path) === null
    )
  } finally {
    await handle.close()
  }
}

function parsed(line: string): Json {
  try {
    return parseJson(line)
  } catch {
    return null
  }
}

const couldBeMetrics = (row: JsonObject): boolean =>
  statedOf(row) !== null &&
  Object.values(row).every((value) => !Array.isArray(value) && !(typeof value === 'string' && value.length > LONGEST_TEXT))

/** Lines of metrics from a place on. A last line that is not whole is left. Throws LabError file.missing, file.unreadable. */
export async function* readMetrics(path: string, from: { readonly byte: number; readonly line: number }): AsyncGenerator<StatedBatch> {
  const notes = createNoteBook()
  const source = await openSource(path, { notes, from })
  let [readTo, line] = [from.byte, from.line]
  for await (const { rows, rejected } of readJsonl(source, { notes, maxRowBytes: MAX_ROW_BYTES })) {
    const stated: StatedStep[] = []
    let lost = 0
    for (const each of [...rows, ...rejected].sort((a, b) => a.line - b.line)) {
      const ended = each.end! < source.size
      if ('code' in each && !ended) continue
      ;[readTo, line] = ended ? [each.end! + 1, each.line + 1] : [each.end!, each.line]
      const found = 'code' in each ? null : statedOf(each.value)
      if (found === null) lost++
      else stated.push(found)
    }
    yield { stated, readTo, line, rejected: lost }
  }
}

/** Numbers of an event file from a byte on that begins a record. Throws LabError file.missing, file.unreadable, events.damaged. */
export async function* readEvents(path: string, from: number, line = 1): AsyncGenerator<StatedBatch> {
  const handle = await open(path).catch((error: unknown) => {
    throw refuseSystem(error, path)
  })
  try {
    let readTo = from
    let record = line
    for (let length = EVENT_BYTES; ;) {
      const { buffer, bytesRead } = await handle.read(Buffer.alloc(length), 0, length, readTo)
      const { scalars, records, bytes, damage } = readEventRecords(buffer.subarray(0, bytesRead))
      if (records > 0) {
        readTo += bytes
        record += records
        const finite = scalars.filter(({ step, value }) => step >= 0 && Number.isFinite(value))
        yield {
          stated: finite.map(({ tag, step, value }) => ({ step, metrics: { [tag]: value } })),
          readTo,
          line: record,
          rejected: scalars.length - finite.length,
        }
      }
      if (damage !== null) throw refuse('events.damaged', `${damage} at byte ${readTo} of ${path}`)
      if (bytesRead < length) return
      // A record that is longer than what was read.
      length = records === 0 ? length * 4 : EVENT_BYTES
    }
  } finally {
    await handle.close()
  }
}
