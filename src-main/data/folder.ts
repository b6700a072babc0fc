// A dropped folder: a model, a workspace, or the dump of a trainer, told by the names in it; and the files to read from it,
// in order of step. Only names are looked at here. Hidden files, and files deeper than six levels, are left alone.

import { readdir } from 'node:fs/promises'
import { basename, join, relative, sep } from 'node:path'
import { refuseSystem } from './errors.ts'
import { addressOf, membersOf } from './read/archive.ts'
import type { RolloutSource } from './rollouts/mapping.ts'

const DEPTH = 6
const MOST_FILES = 20_000

export interface FolderPlan {
  readonly kind: 'model' | 'workspace' | 'rows' | 'unknown'
  /** Set where the names alone say so. */
  readonly source: RolloutSource | null
  readonly why: string
  /** Files to read, in order. */
  readonly files: readonly string[]
  /** Files of rows that are not part of it. */
  readonly skipped: readonly string[]
}

/** Layouts of trainers: which files are rollouts, and what to leave out of those. */
const layouts: readonly { readonly source: RolloutSource; readonly what: string; takes(path: string, all: ReadonlySet<string>): boolean }[] = [
  { source: 'trl', what: 'completions_*.parquet of TRL', takes: (path) => /(^|\/)completions_\d+\.parquet$/.test(path) },
  {
    source: 'prime-rl',
    what: 'traces.jsonl of prime-rl',
    takes: (path, all) => /(^|\/)traces\.jsonl(\.gz|\.zst)?$/.test(path) && !(/\/effective\/traces\.jsonl/.test(path) && all.has(path.replace('/effective/', '/all/'))),
  },
  { source: 'tinker', what: 'rollout summaries of Tinker', takes: (path) => /_rollout_summaries\.jsonl(\.gz|\.zst)?$/.test(path) },
  { source: 'open-instruct', what: 'rollout shards of open-instruct', takes: (path) => /_rollouts_\d{6}\.jsonl(\.gz|\.zst)?$/.test(path) },
  { source: 'verifiers', what: 'results.jsonl with metadata.json of verifiers', takes: (path, all) => /(^|\/)results\.jsonl(\.gz|\.zst)?$/.test(path) && all.has(path.replace(/results\.jsonl(\.gz|\.zst)?$/, 'metadata.json')) },
  { source: 'verl', what: 'files of verl that are named by their step', takes: (path) => /(^|\/)\d+\.jsonl(\.gz|\.zst)?$/.test(path) },
]

const rowFile = /\.(jsonl|ndjson|json|csv|tsv|parquet)(\.gz|\.zst)?$/i
const notRows = /^(.*_metadata|metadata|config|metrics|summary|state|trainer_state|dataset_infos?|generation_config|tokenizer.*|package.*)\.(jsonl?|csv)$/i

/** What a folder holds. Throws LabError file.missing, file.unreadable. */
export async function planFolder(folder: string): Promise<FolderPlan> {
  return planPaths(await listFiles(folder), (path) => join(folder, path.split('/').join(sep)))
}

/** What an archive holds, by the names in it; a log of Inspect by its samples alone. Throws LabError file.archive, file.gzipTooLarge. */
export async function planArchive(archive: string): Promise<FolderPlan> {
  const names = (await membersOf(archive)).map(({ name }) => name).filter((name) => !/(^|\/)(\.(?!\.?\/)|__MACOSX\/)/.test(name))
  const inside = (name: string): string => addressOf(archive, name)
  const samples = names.includes('header.json') ? names.filter((name) => /^samples\/[^/]+\.json$/.test(name)).sort(byNumbers) : []
  if (samples.length > 0) return { kind: 'rows', source: 'inspect', why: `it is a log of Inspect with ${samples.length} samples`, files: samples.map(inside), skipped: [] }
  return planPaths(names, inside)
}

function planPaths(paths: readonly string[], inside: (path: string) => string): FolderPlan {
  const names = new Set(paths)
  const nothing = { source: null, files: [], skipped: [] }
  if (names.has('workspace.db')) return { ...nothing, kind: 'workspace', why: 'it holds workspace.db' }
  const weights = paths.find((path) => !path.includes('/') && /(\.safetensors|\.gguf|\.onnx|^pytorch_model.*\.bin)$/.test(path))
  if (names.has('config.json') && weights !== undefined) return { ...nothing, kind: 'model', why: `it holds config.json and ${weights}` }
  if (names.has('checkpoint.json') && weights !== undefined) return { ...nothing, kind: 'model', why: `it is a checkpoint of this program (${weights})` }
  const candidates = paths.filter((path) => rowFile.test(path) && !notRows.test(basename(path)))
  for (const { source, what, takes } of layouts) {
    const taken = paths.filter((path) => takes(path, names)).sort(byNumbers)
    if (taken.length === 0) continue
    return { kind: 'rows', source, why: `it holds ${taken.length} ${what}`, files: taken.map(inside), skipped: candidates.filter((path) => !taken.includes(path)).map(inside) }
  }
  if (candidates.length === 0) return { ...nothing, kind: 'unknown', why: paths.length === 0 ? 'it is empty' : `none of its ${paths.length} files is a table, JSON or a model` }
  return { kind: 'rows', source: null, why: `it holds ${candidates.length} files of rows`, files: candidates.sort(byNumbers).map(inside), skipped: [] }
}

/** Paths inside the folder, with forward slashes. */
async function listFiles(folder: string): Promise<string[]> {
  const found: string[] = []
  async function walk(at: string, depth: number): Promise<void> {
    const entries = await readdir(at, { withFileTypes: true }).catch((error: unknown) => { throw refuseSystem(error, at) })
    for (const entry of entries) {
      if (entry.name.startsWith('.') || found.length >= MOST_FILES) continue
      const path = join(at, entry.name)
      if (entry.isDirectory()) {
        if (depth < DEPTH) await walk(path, depth + 1)
      } else if (entry.isFile()) found.push(relative(folder, path).split(sep).join('/'))
    }
  }
  await walk(folder, 1)
  return found
}

/** Order of names in which 9 comes before 10. */
export function byNumbers(a: string, b: string): number {
  return a.localeCompare(b, 'en', { numeric: true })
}
