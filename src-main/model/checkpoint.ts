// Checkpoints: a folder named by the hash of what is in it, holding weights.safetensors, optimizer.safetensors when training can
// go on from there, and checkpoint.json with the architecture, the caller's state (step, generator, provenance) and the sha256 of
// each file. A checkpoint appears whole: it is written under a temporary name, synced, and renamed; loading verifies every hash.

import { createHash, randomUUID } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { mkdir, open, readdir, readFile, rename, rm, stat } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { ModelFileError, readSafetensors, writeSafetensors, type TensorData } from './safetensors.ts'

const FORMAT = 1
const WEIGHTS = 'weights.safetensors'
const OPTIMIZER = 'optimizer.safetensors'
const MANIFEST = 'checkpoint.json'
const UNFINISHED = '.unfinished-'

export interface FloatTensor {
  readonly dims: readonly number[]
  readonly data: Float32Array
}

export interface CheckpointInput {
  /** The architecture, as the model code takes it: JSON-able. */
  readonly config: object
  readonly tensors: ReadonlyMap<string, TensorData>
  /** Moments by name (`m`, `v`, ...), always float32; present exactly when training can go on. */
  readonly optimizer?: Readonly<Record<string, FloatTensor>>
  /** Step, generator state, optimizer step, provenance: whatever the caller needs back. JSON-able. */
  readonly meta: object
  /** F16 halves the weights for shipping; loading widens them again. F32 unless given. */
  readonly dtype?: 'F32' | 'F16'
}

export interface CheckpointFile {
  readonly name: string
  readonly bytes: number
  readonly sha256: string
}

export interface SavedCheckpoint {
  /** Name of the folder: the first 32 hex digits of the manifest's sha256. */
  readonly id: string
  readonly path: string
  readonly files: readonly CheckpointFile[]
  readonly bytes: number
}

export interface LoadedCheckpoint {
  readonly id: string
  readonly config: Readonly<Record<string, unknown>>
  readonly meta: Readonly<Record<string, unknown>>
  /** float32, whatever they were stored as. */
  readonly tensors: Map<string, FloatTensor>
  /** Null when training cannot go on from here. */
  readonly optimizer: Readonly<Record<string, FloatTensor>> | null
}

interface Manifest {
  readonly format: number
  readonly dtype: 'F32' | 'F16'
  readonly config: object
  readonly meta: object
  readonly files: readonly CheckpointFile[]
}

/** JSON with the keys of every object in order, so that equal manifests are equal texts. */
function canonical(value: unknown): string {
  return JSON.stringify(
    value,
    (_key, part: unknown) =>
      part !== null && typeof part === 'object' && !Array.isArray(part)
        ? Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1)))
        : part,
    1,
  )
}

const idOf = (manifest: string): string => createHash('sha256').update(manifest).digest('hex').slice(0, 32)

/** Makes renames and new names in a folder survive a power cut. Windows has no such call and needs none. */
async function syncFolder(folder: string): Promise<void> {
  if (process.platform === 'win32') return
  const handle = await open(folder, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

async function writeText(path: string, text: string): Promise<void> {
  const handle = await open(path, 'wx')
  try {
    await handle.writeFile(text)
    await handle.sync()
  } finally {
    await handle.close()
  }
}

function inDtype(tensors: ReadonlyMap<string, TensorData>, dtype: 'F32' | 'F16'): ReadonlyMap<string, TensorData> {
  if (dtype === 'F32') return tensors
  return new Map(
    [...tensors].map(([name, { dims, data }]) => [
      name,
      data instanceof Float32Array ? { dims, data: new Float16Array(data) } : { dims, data },
    ]),
  )
}

/** Puts a finished folder in its place; one already there under the same id has the same content. */
async function place(unfinished: string, finished: string): Promise<void> {
  try {
    await rename(unfinished, finished)
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code
    if (code !== 'ENOTEMPTY' && code !== 'EEXIST' && code !== 'EPERM') throw error
    await rm(unfinished, { recursive: true })
  }
}

/**
 * Saves under `folder` (made when missing) and returns the id. The tensors must not change until this resolves. Saving the same
 * content twice gives the same id and one folder.
 */
export async function saveCheckpoint(
  folder: string,
  { config, tensors, optimizer, meta, dtype = 'F32' }: CheckpointInput,
): Promise<SavedCheckpoint> {
  await mkdir(folder, { recursive: true })
  const unfinished = join(folder, `${UNFINISHED}${randomUUID()}`)
  await mkdir(unfinished)
  try {
    const contents = [
      [WEIGHTS, inDtype(tensors, dtype)] as const,
      ...(optimizer === undefined ? [] : [[OPTIMIZER, new Map(Object.entries(optimizer))] as const]),
    ]
    const files: CheckpointFile[] = []
    for (const [name, content] of contents) files.push({ name, ...(await writeSafetensors(join(unfinished, name), content)) })
    const manifest = canonical({ format: FORMAT, dtype, config, meta, files } satisfies Manifest)
    await writeText(join(unfinished, MANIFEST), manifest)
    await syncFolder(unfinished)
    const id = idOf(manifest)
    const path = join(folder, id)
    await place(unfinished, path)
    await syncFolder(folder)
    return { id, path, files, bytes: files.reduce((total, file) => total + file.bytes, Buffer.byteLength(manifest)) }
  } catch (error) {
    await rm(unfinished, { recursive: true, force: true })
    throw error
  }
}

const broken = (path: string, expected: string, found: string, cause?: unknown): ModelFileError =>
  new ModelFileError(
    'checkpoint.damaged',
    { expected: `${expected} in checkpoint ${path}`, found, next: 'Use another checkpoint; this one was cut short or altered.' },
    { cause },
  )

async function readManifest(path: string): Promise<{ id: string; manifest: Manifest }> {
  let text: string
  try {
    text = await readFile(join(path, MANIFEST), 'utf8')
  } catch (cause) {
    throw new ModelFileError(
      'checkpoint.missing',
      { expected: `a checkpoint folder with ${MANIFEST} at ${path}`, found: 'none', next: 'Choose another checkpoint.' },
      { cause },
    )
  }
  try {
    const manifest = JSON.parse(text) as Manifest
    if (manifest.format !== FORMAT || !Array.isArray(manifest.files)) throw new Error(`format ${manifest.format}`)
    return { id: idOf(canonical(manifest)), manifest }
  } catch (cause) {
    throw broken(path, `a manifest of format ${FORMAT}`, 'another one, or none that can be read', cause)
  }
}

/** The sha256 of a file, in hexadecimal, without holding the file in memory. */
async function sha256Of(path: string): Promise<string> {
  const hash = createHash('sha256')
  await pipeline(createReadStream(path), hash)
  return hash.digest('hex')
}

async function verify(path: string, { name, bytes, sha256 }: CheckpointFile): Promise<void> {
  const file = join(path, basename(name))
  const size = await stat(file).then(
    (found) => found.size,
    () => null,
  )
  if (size !== bytes) throw broken(path, `${bytes} bytes of ${name}`, size === null ? 'no such file' : `${size}`)
  const found = await sha256Of(file)
  if (found !== sha256) throw broken(path, `${name} with sha256 ${sha256.slice(0, 12)}…`, `${found.slice(0, 12)}…`)
}

async function readFloats(file: string): Promise<Map<string, FloatTensor>> {
  const stored = await readSafetensors(file)
  return new Map(
    [...stored].map(([name, { dims, data }]) => [
      name,
      { dims, data: data instanceof Float32Array ? data : Float32Array.from(data as Float16Array) },
    ]),
  )
}

const HASH_NAME = /^[0-9a-f]{32}$/

/**
 * Loads and verifies a checkpoint folder. Throws ModelFileError `checkpoint.missing` or `checkpoint.damaged`. A folder whose name
 * is a hash must be the hash of its manifest; one that was given another name (as when shipped) is taken by its content.
 */
export async function loadCheckpoint(path: string): Promise<LoadedCheckpoint> {
  const { id, manifest } = await readManifest(path)
  const named = basename(path)
  if (HASH_NAME.test(named) && named !== id) throw broken(path, `a manifest with hash ${named}`, id)
  for (const file of manifest.files) await verify(path, file)
  if (!manifest.files.some((file) => file.name === WEIGHTS)) throw broken(path, `a ${WEIGHTS}`, 'none')
  const resumable = manifest.files.some((file) => file.name === OPTIMIZER)
  return {
    id,
    config: { ...manifest.config },
    meta: { ...manifest.meta },
    tensors: await readFloats(join(path, WEIGHTS)),
    optimizer: resumable ? Object.fromEntries(await readFloats(join(path, OPTIMIZER))) : null,
  }
}

/** What its caller kept in a checkpoint, without reading its tensors. Throws as `loadCheckpoint`. */
export async function readCheckpointMeta(path: string): Promise<Readonly<Record<string, unknown>>> {
  return { ...(await readManifest(path)).manifest.meta }
}

export interface Collected {
  readonly removed: readonly { readonly id: string; readonly bytes: number }[]
  readonly kept: number
  readonly freedBytes: number
}

async function folderBytes(path: string): Promise<number> {
  const sizes = await Promise.all((await readdir(path)).map(async (file) => (await stat(join(path, file))).size))
  return sizes.reduce((total, size) => total + size, 0)
}

/**
 * Removes checkpoints of `folder` that `keep` does not name, and what unfinished saves left behind; only folders named like a
 * checkpoint are touched. `dryRun` only says what would go. Call it while nothing is being saved, or name the checkpoints that may go with
 * `among`: then nothing else is touched, unfinished saves neither.
 */
export async function collectCheckpoints(
  folder: string,
  keep: ReadonlySet<string>,
  { dryRun = false, among }: { readonly dryRun?: boolean; readonly among?: ReadonlySet<string> } = {},
): Promise<Collected> {
  const entries = (await readdir(folder, { withFileTypes: true })).filter((entry) => entry.isDirectory())
  const checkpoints = entries.filter((entry) => HASH_NAME.test(entry.name))
  const mayGo = (name: string): boolean => (among ? among.has(name) : true)
  const unused = entries.filter(({ name }) => mayGo(name) && (name.startsWith(UNFINISHED) || (HASH_NAME.test(name) && !keep.has(name))))
  const removed: { id: string; bytes: number }[] = []
  for (const { name } of unused) {
    removed.push({ id: name, bytes: await folderBytes(join(folder, name)) })
    if (!dryRun) await rm(join(folder, name), { recursive: true })
  }
  return {
    removed,
    kept: checkpoints.filter((entry) => keep.has(entry.name)).length,
    freedBytes: removed.reduce((total, each) => total + each.bytes, 0),
  }
}
