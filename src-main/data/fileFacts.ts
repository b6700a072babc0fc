// Facts about a file besides its rows: its checksum, and what a file beside it says about the run it belongs to.

import { createHash } from 'node:crypto'
import { createReadStream, existsSync } from 'node:fs'
import { readFile, stat } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { refuseSystem } from './errors.ts'
import { memberBytes, partsOf } from './read/archive.ts'
import { parseJson } from './json.ts'
import type { Json } from './json.ts'

const ABOUT_LIMIT = 1 << 20

/** SHA-256 of a file's bytes in hexadecimal. Throws LabError file.unreadable, and the signal's reason. */
export async function fileSha256(path: string, signal?: AbortSignal): Promise<string> {
  const hash = createHash('sha256')
  const parts = partsOf(path)
  if (parts !== null && !existsSync(path)) return hash.update(await memberBytes(parts.archive, parts.member)).digest('hex')
  try {
    for await (const chunk of createReadStream(path, { highWaterMark: 1 << 18 })) {
      signal?.throwIfAborted()
      hash.update(chunk as Buffer)
    }
  } catch (error) {
    if (signal?.aborted === true) throw signal.reason
    throw refuseSystem(error, path)
  }
  return hash.digest('hex')
}

/**
 * `metadata.json` beside verifiers' results, or the first line of `<run>_metadata.jsonl` beside open-instruct's shards. Null
 * where there is none or it cannot be read: it only adds to what the rows say.
 */
export async function aboutFile(path: string): Promise<Json> {
  const name = basename(path)
  const shard = /^(.*)_rollouts_\d+\.jsonl(\.gz|\.zst)?$/.exec(name)
  const beside = /^results\.jsonl/.test(name) ? 'metadata.json' : shard === null ? null : `${shard[1]}_metadata.jsonl`
  if (beside === null) return null
  try {
    const file = join(dirname(path), beside)
    if ((await stat(file)).size > ABOUT_LIMIT) return null
    const text = await readFile(file, 'utf8')
    return parseJson(beside.endsWith('.jsonl') ? text.trim().split('\n', 1)[0]! : text)
  } catch {
    return null
  }
}
