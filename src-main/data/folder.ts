// A dropped folder: a model, a workspace, or the dump of a trainer, told by the names in it; and the files to read from it,
// in order of step. Names are looked at, and what small files beside the rows say of them: the head of a README (configurations and splits of
// a dataset on Hugging Face), state.json and dataset_dict.json (what `save_to_disk` wrote). Hidden files, and files deeper than six levels, are left alone.

import { readdir, readFile, stat } from 'node:fs/promises'
import { basename, join, relative, sep } from 'node:path'
import { LabError } from '../../src-preload/contract.ts'
import { refuse, refuseSystem } from './errors.ts'
import { configurationsOf, patternTest } from './frontMatter.ts'
import { isObject, parseJson } from './json.ts'
import type { Json } from './json.ts'
import { torchRecipe } from './recipes.ts'
import { addressOf, memberBytes, membersOf } from './read/archive.ts'
import type { RolloutSource } from './rollouts/mapping.ts'

const DEPTH = 6
const MOST_FILES = 20_000
/** Longest small file that is read for what it says about the rows. */
const ABOUT_LIMIT = 1 << 20

export interface FolderPlan {
  readonly kind: 'model' | 'workspace' | 'rows' | 'unknown'
  /** Set where the names alone say so. */
  readonly source: RolloutSource | null
  readonly why: string
  /** Files to read, in order. */
  readonly files: readonly string[]
  /** Files of rows that are not part of it. */
  readonly skipped: readonly string[]
  /** Splits of files where something beside them says so; those that paths name are not here. */
  readonly splits: ReadonlyMap<string, string>
}

/** Layouts of trainers: which files are rollouts, and what to leave out of those. */
const layouts: readonly {
  readonly source: RolloutSource
  readonly what: string
  takes(path: string, all: ReadonlySet<string>): boolean
}[] = [
  { source: 'trl', what: 'completions_*.parquet of TRL', takes: (path) => /(^|\/)completions_\d+\.parquet$/.test(path) },
  {
    source: 'prime-rl',
    what: 'traces.jsonl of prime-rl',
    takes: (path, all) =>
      /(^|\/)traces\.jsonl(\.gz|\.zst)?$/.test(path) &&
      !(/\/effective\/traces\.jsonl/.test(path) && all.has(path.replace('/effective/', '/all/'))),
  },
  { source: 'tinker', what: 'rollout summaries of Tinker', takes: (path) => /_rollout_summaries\.jsonl(\.gz|\.zst)?$/.test(path) },
  { source: 'open-instruct', what: 'rollout shards of open-instruct', takes: (path) => /_rollouts_\d{6}\.jsonl(\.gz|\.zst)?$/.test(path) },
  {
    source: 'verifiers',
    what: 'results.jsonl with metadata.json of verifiers',
    takes: (path, all) =>
      /(^|\/)results\.jsonl(\.gz|\.zst)?$/.test(path) && all.has(path.replace(/results\.jsonl(\.gz|\.zst)?$/, 'metadata.json')),
  },
  {
    source: 'nemo-rl',
    what: 'files of NeMo-RL that are named by their step',
    takes: (path) => /(^|\/)(train|val)_data_step\d+\.jsonl(\.gz|\.zst)?$/.test(path),
  },
  {
    source: 'skyrl',
    what: 'evaluations that SkyRL dumped',
    takes: (path) => /(^|\/)global_step_\d+_evals\/[^/]+\.jsonl(\.gz|\.zst)?$/.test(path) && !/(^|\/)aggregated_results\.jsonl/.test(path),
  },
  { source: 'nemo-skills', what: 'outputs of NeMo-Skills', takes: (path) => /(^|\/)output-rs\d+\.jsonl(\.gz|\.zst)?$/.test(path) },
  { source: 'verl', what: 'files of verl that are named by their step', takes: (path) => /(^|\/)\d+\.jsonl(\.gz|\.zst)?$/.test(path) },
]

const rowFile = /\.(jsonl|ndjson|json|csv|tsv|parquet|arrow|arrows|feather)(\.gz|\.zst)?$/i
const archiveFile = /\.(eval|zip|tar|tgz|tar\.gz|tar\.zst)$/i
const databaseFile = /\.(db|sqlite|sqlite3)$/i
const notRows =
  /^(.*_metadata|metadata|config|metrics|summary|state|trainer_state|dataset_infos?|dataset_dict|generation_config|tokenizer.*|package.*)\.(jsonl?|csv)$/i

/** What a folder holds. Throws LabError file.missing, file.unreadable. */
export async function planFolder(folder: string): Promise<FolderPlan> {
  const inside = (path: string): string => join(folder, path.split('/').join(sep))
  const names = await listFiles(folder)
  const plan = await planPaths(names, inside, async (path) =>
    (await stat(inside(path))).size > ABOUT_LIMIT ? '' : await readFile(inside(path), 'utf8'),
  )
  if (plan.kind === 'model' || plan.kind === 'workspace') return plan
  const databases = names
    .filter((name) => databaseFile.test(name))
    .map((name) => `${inside(name)} (a database; import it by its own path, with its table)`)
  const packed = names
    .filter((name) => archiveFile.test(name))
    .sort(byNumbers)
    .map(inside)
  const whole = { ...plan, skipped: [...plan.skipped, ...databases] }
  if (packed.length === 0) return whole
  return plan.source === null ? withArchives(whole, packed) : { ...whole, skipped: [...whole.skipped, ...packed] }
}

/** The plan with what the archives in its folder hold, logs of Inspect above all; those that hold no rows are named. */
async function withArchives(plan: FolderPlan, packed: readonly string[]): Promise<FolderPlan> {
  const files = [...plan.files]
  const skipped = [...plan.skipped]
  const splits = new Map(plan.splits)
  const sources = new Set<RolloutSource | null>(plan.files.length > 0 ? [null] : [])
  let held = 0
  for (const path of packed) {
    try {
      const inner = await planArchive(path)
      if (inner.kind !== 'rows') {
        skipped.push(`${path} (${inner.why})`)
        continue
      }
      held++
      files.push(...inner.files)
      skipped.push(...inner.skipped)
      sources.add(inner.source)
      for (const [file, split] of inner.splits) splits.set(file, split)
    } catch (error) {
      if (!(error instanceof LabError)) throw error
      skipped.push(`${path} (${error.found})`)
    }
  }
  if (held === 0) return { ...plan, skipped }
  const [only] = sources
  return {
    kind: 'rows',
    source: sources.size === 1 ? only! : null,
    why: plan.files.length > 0 ? `${plan.why} and ${held} archives` : `it holds ${held} archives of rows`,
    files,
    skipped,
    splits,
  }
}

/** What an archive holds, by the names in it; a log of Inspect by its samples alone. Throws LabError file.archive, file.gzipTooLarge, and file.workbook, file.pickle, file.unknown for zips that are no archives of files. */
export async function planArchive(archive: string): Promise<FolderPlan> {
  const names = (await membersOf(archive)).map(({ name }) => name).filter((name) => !/(^|\/)(\.(?!\.?\/)|__MACOSX\/)/.test(name))
  const inside = (name: string): string => addressOf(archive, name)
  if (names.includes('xl/workbook.xml') || names.includes('word/document.xml') || names.includes('content.xml'))
    throw refuse('file.workbook', `${archive} is a workbook or document of an office program`)
  if (names.some((name) => /(^|\/)data\.pkl$/.test(name)))
    throw refuse('file.pickle', `${archive} is a file of PyTorch, a pickle in a zip`, { more: torchRecipe(archive) })
  if (names.length > 0 && names.every((name) => name.endsWith('.npy')))
    throw refuse('file.unknown', `${archive} holds arrays of NumPy (${names.slice(0, 5).join(', ')})`)
  const samples = names.includes('header.json') ? names.filter((name) => /^samples\/[^/]+\.json$/.test(name)).sort(byNumbers) : []
  if (samples.length > 0)
    return {
      kind: 'rows',
      source: 'inspect',
      why: `it is a log of Inspect with ${samples.length} samples`,
      files: samples.map(inside),
      skipped: [],
      splits: new Map(),
    }
  return planPaths(names, inside, async (name) => {
    const bytes = await memberBytes(archive, name)
    return bytes.length > ABOUT_LIMIT ? '' : bytes.toString('utf8')
  })
}

/** Text of a small file; '' for one that is not small. */
type ReadSmall = (path: string) => Promise<string>

async function planPaths(paths: readonly string[], inside: (path: string) => string, read: ReadSmall): Promise<FolderPlan> {
  const names = new Set(paths)
  const nothing = { source: null, files: [], skipped: [], splits: new Map<string, string>() }
  if (names.has('workspace.db')) return { ...nothing, kind: 'workspace', why: 'it holds workspace.db' }
  const weights = paths.find((path) => !path.includes('/') && /(\.safetensors|\.gguf|\.onnx|^pytorch_model.*\.bin)$/.test(path))
  if (names.has('config.json') && weights !== undefined) return { ...nothing, kind: 'model', why: `it holds config.json and ${weights}` }
  if (names.has('checkpoint.json') && weights !== undefined)
    return { ...nothing, kind: 'model', why: `it is a checkpoint of this program (${weights})` }
  const candidates = paths.filter((path) => rowFile.test(path) && !notRows.test(basename(path)))
  for (const { source, what, takes } of layouts) {
    const taken = paths.filter((path) => takes(path, names)).sort(byNumbers)
    if (taken.length === 0) continue
    return {
      ...nothing,
      kind: 'rows',
      source,
      why: `it holds ${taken.length} ${what}`,
      files: taken.map(inside),
      skipped: candidates.filter((path) => !taken.includes(path)).map(inside),
    }
  }
  if (candidates.length === 0)
    return {
      ...nothing,
      kind: 'unknown',
      why: paths.length === 0 ? 'it is empty' : `none of its ${paths.length} files is a table, JSON or a model`,
    }
  const chosen = (await savedToDisk(paths, candidates, read)) ??
    (await described(names, candidates, read)) ?? {
      why: `it holds ${candidates.length} files of rows`,
      files: candidates,
      skipped: [],
      splits: new Map<string, string>(),
    }
  return {
    kind: 'rows',
    source: null,
    why: chosen.why,
    files: [...chosen.files].sort(byNumbers).map(inside),
    skipped: chosen.skipped.map(({ path, why }) => `${inside(path)} (${why})`),
    splits: new Map([...chosen.splits].map(([path, split]) => [inside(path), split])),
  }
}

interface Chosen {
  readonly why: string
  readonly files: readonly string[]
  readonly skipped: readonly { readonly path: string; readonly why: string }[]
  readonly splits: ReadonlyMap<string, string>
}

const folderOf = (path: string): string => path.slice(0, Math.max(0, path.lastIndexOf('/')))
const within = (folder: string, name: string): string => (folder === '' ? name : `${folder}/${name}`)

async function smallJson(path: string, read: ReadSmall): Promise<Json> {
  try {
    return parseJson(await read(path))
  } catch {
    return null
  }
}

/** What `save_to_disk` of Hugging Face datasets wrote: the Arrow files that each state.json lists; what was cached beside them is left out. Null where there is none. */
async function savedToDisk(paths: readonly string[], candidates: readonly string[], read: ReadSmall): Promise<Chosen | null> {
  const states = paths.filter((path) => basename(path) === 'state.json')
  const files: string[] = []
  const splits = new Map<string, string>()
  for (const path of states) {
    const state = await smallJson(path, read)
    const listed =
      isObject(state) && Array.isArray(state._data_files)
        ? (state._data_files as readonly Json[])
            .flatMap((each) => (isObject(each) && typeof each.filename === 'string' ? [within(folderOf(path), each.filename)] : []))
            .filter((each) => candidates.includes(each))
        : []
    const dict = await smallJson(within(folderOf(folderOf(path)), 'dataset_dict.json'), read)
    const own = basename(folderOf(path))
    const split =
      isObject(dict) && Array.isArray(dict.splits) && (dict.splits as readonly Json[]).includes(own)
        ? own
        : isObject(state) && typeof state._split === 'string' && state._split !== ''
          ? state._split
          : undefined
    for (const file of listed) {
      files.push(file)
      if (split !== undefined) splits.set(file, split)
    }
  }
  if (files.length === 0) return null
  return {
    why: `it holds ${files.length} Arrow files that save_to_disk wrote`,
    files,
    splits,
    skipped: candidates.filter((path) => !files.includes(path)).map((path) => ({ path, why: 'no state.json lists it' })),
  }
}

/** The files of the default configuration that the README of a dataset describes, with their splits; null where it describes none that are here. */
async function described(names: ReadonlySet<string>, candidates: readonly string[], read: ReadSmall): Promise<Chosen | null> {
  const readme = ['README.md', 'readme.md'].find((name) => names.has(name))
  if (readme === undefined) return null
  const configurations = configurationsOf(await read(readme).catch(() => ''))
  const found = configurations
    .map((each) => ({
      ...each,
      found: candidates.flatMap((path) => {
        const file = each.files.find(({ pattern }) => patternTest(pattern)(path))
        return file === undefined ? [] : [[path, file.split] as const]
      }),
    }))
    .filter(({ found: some }) => some.length > 0)
  const chosen = found.find(({ isDefault }) => isDefault) ?? found.find(({ name }) => name === 'default') ?? found[0]
  if (chosen === undefined) return null
  const splits = new Map(chosen.found)
  const ofOther = (path: string): string =>
    found.find((each) => each !== chosen && each.found.some(([other]) => other === path))?.name ?? ''
  return {
    why: `its README names ${splits.size} files of the configuration ${chosen.name}`,
    files: [...splits.keys()],
    splits,
    skipped: candidates
      .filter((path) => !splits.has(path))
      .map((path) => ({
        path,
        why:
          ofOther(path) === ''
            ? `the README does not name it for the configuration ${chosen.name}`
            : `it is of the configuration ${ofOther(path)}; import it by its own path`,
      })),
  }
}

/** Paths inside the folder, with forward slashes. */
export async function listFiles(folder: string): Promise<string[]> {
  const found: string[] = []
  async function walk(at: string, depth: number): Promise<void> {
    const entries = await readdir(at, { withFileTypes: true }).catch((error: unknown) => {
      throw refuseSystem(error, at)
    })
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
