// One look at a followed folder: which of its files have something new, and which of them is another by now. A log that was rotated, a file that
// was moved and a copy that was made before its original was cut are told by what was read of them.
import { readdir, stat } from 'node:fs/promises'
import { basename, join, relative, sep } from 'node:path'
import { byNumbers, listFiles, planFolder } from '../../data/folder.ts'
import { isMetricsFile } from '../../data/metrics/metricFiles.ts'
import type { RolloutSource } from '../../data/rollouts/mapping.ts'
import type { FollowedFile, FollowRecord } from '../../store/follows.ts'
import type { Store } from '../../store/openStore.ts'
import { isSame, markEnd } from './followedMarks.ts'
import type { Found } from './followedMarks.ts'

/** A file that was not written to for so long is taken for whole where its format does not say. */
export const SETTLED_MS = 5_000

export type Known = FollowedFile & { readonly id: number }
/** A file that has something new, and as what it is read. */
export interface Task {
  readonly found: Found
  readonly known: Known | null
  readonly kind: FollowedFile['kind']
  readonly source: RolloutSource | null
  readonly prefix: string
}

/** Files of a followed folder that have something new, by their names, their sizes and their times; one that was moved keeps what is known of it. */
export async function lookAt(
  { follows }: Pick<Store, 'follows'>,
  { id, path, options }: FollowRecord,
  { root, isFolder, atMs }: { readonly root: string; readonly isFolder: boolean; readonly atMs: number },
): Promise<Task[]> {
  const inside = (file: string): string => relative(root, file).split(sep).join('/')
  const plan = isFolder ? await planFolder(path) : { files: [path], source: null }
  const rows = new Set(plan.files.map(inside))
  const listed = isFolder
    ? await listFiles(path)
    : (await readdir(root)).filter((name) => name === basename(path) || name.startsWith(`${basename(path)}.`))
  const all = new Map<string, Found>()
  for (const name of listed) {
    const found = await stat(join(root, name), { bigint: true }).catch(() => null)
    if (found !== null)
      all.set(name, { path: name, inode: `${found.dev}:${found.ino}`, bytes: Number(found.size), mtimeMs: Number(found.mtimeNs) / 1e6 })
  }
  const known = new Map(follows.files(id).map((file) => [file.path, file]))
  await followMoves(follows, root, all, known, rows)
  const tasks: Task[] = []
  for (const found of all.values()) {
    const before = known.get(found.path) ?? null
    if (before !== null && before.inode === found.inode && before.bytes === found.bytes && before.mtimeMs === found.mtimeMs) continue
    const turned = before === null ? rotatedFrom(found.path) : null
    if (
      turned !== null &&
      (plan.source === null || rows.has(turned) || [...known.keys()].some((name) => (rotatedFrom(name) ?? name) === turned))
    ) {
      // A copy that is made before its original is cut: then it is the original under another name.
      const original = known.get(turned)
      if (original !== undefined && (await isSame(join(root, found.path), original))) continue
      rows.add(found.path)
    }
    const kind =
      before !== null && before.source !== null
        ? before.kind
        : await kindOf(root, found.path, rows.has(found.path), options.as !== undefined)
    // Episodes that were trained on are marked in `all`, which is written beside them.
    if (kind === null || (/(^|\/)effective\/traces\.jsonl/.test(found.path) && before === null && atMs - found.mtimeMs < SETTLED_MS))
      continue
    tasks.push({
      found,
      known: before,
      kind,
      source: kind === 'rows' ? plan.source : null,
      prefix: kind === 'events' ? tagPrefix(found.path, all.keys()) : '',
    })
  }
  tasks.sort((a, b) => byNumbers(a.found.path, b.found.path))
  return tasks
}

/** A file that was read under one name and lies under another now, as when a log is rotated, keeps what is known of it. */
async function followMoves(
  follows: Store['follows'],
  root: string,
  all: ReadonlyMap<string, Found>,
  known: Map<string, Known>,
  rows: Set<string>,
): Promise<void> {
  const gone: Known[] = []
  for (const file of known.values()) {
    const there = all.get(file.path)
    if (
      file.head === '' ||
      (there !== undefined && there.inode === file.inode && there.bytes === file.bytes && there.mtimeMs === file.mtimeMs)
    )
      continue
    if (there === undefined || !(await isSame(join(root, file.path), file))) gone.push(file)
  }
  for (const file of gone) {
    const stem = rotatedFrom(file.path) ?? file.path
    for (const found of all.values()) {
      if (
        known.has(found.path) ||
        found.bytes < markEnd(file) ||
        !(found.inode === file.inode || found.path.startsWith(`${stem}.`) || found.path.startsWith(`${stem}-`)) ||
        !(await isSame(join(root, found.path), file))
      )
        continue
      follows.moveFile(file.id, found.path)
      known.delete(file.path)
      known.set(found.path, { ...file, path: found.path, ...(file.readTo > 0 && { bytes: -1 }) })
      rows.add(found.path)
      break
    }
  }
}

/** The name that a rotated log had: `rows.jsonl` of `rows.jsonl.1`, `rows.jsonl-20250101` and the like; null for other names. */
const rotatedFrom = (path: string): string | null =>
  /^(.*\.(?:jsonl|ndjson))(?:\.\d+|[-.]\d{8}(?:[-_T]?\d+)?|\.old|\.bak)$/.exec(path)?.[1] ?? null

/** What a file of this name and content brings; null for nothing. */
async function kindOf(root: string, path: string, isRows: boolean, chosen: boolean): Promise<FollowedFile['kind'] | null> {
  if (/(^|\/)events\.out\.tfevents\.[^/]+$/.test(path)) return 'events'
  if (/\.(jsonl|ndjson)$/.test(rotatedFrom(path) ?? path) && !(isRows && chosen) && (await isMetricsFile(join(root, path))))
    return 'metrics'
  return isRows ? 'rows' : null
}

/** What stands before the tags of an event file: its folder where that lies inside another with event files, or is named after a split. */
export function tagPrefix(path: string, all: Iterable<string>): string {
  const folders = new Set(
    [...all].filter((name) => name.includes('events.out.tfevents.')).map((name) => name.split('/').slice(0, -1).join('/')),
  )
  const own = path.split('/').slice(0, -1)
  for (let depth = 0; depth < own.length; depth++) if (folders.has(own.slice(0, depth).join('/'))) return `${own.slice(depth).join('/')}/`
  return /^(train|val|valid|validation|test|eval)$/.test(own.at(-1) ?? '') ? `${own.at(-1)}/` : ''
}
