// Files that a page in a browser sends, because a browser tells no paths: each is one PUT whose body goes straight to a file of the open
// workspace, in a folder per drop, and is imported from there. The name comes from outside: every part of it is made harmless or refused.
// What was sent and never imported goes after a day.

import { createHash } from 'node:crypto'
import { createWriteStream, existsSync, readdirSync, rmSync, statSync } from 'node:fs'
import { mkdir, rename, rm, statfs } from 'node:fs/promises'
import type { IncomingMessage } from 'node:http'
import { basename, dirname, join } from 'node:path'
import { pipeline } from 'node:stream/promises'

export const UPLOADS = '/uploads/'
/** Largest file taken, and what must stay free on the disk. */
const LARGEST_BYTES = 64 * 2 ** 30
const KEEP_FREE_BYTES = 2 ** 30
const MOST_AT_ONCE = 8
const DEEPEST = 8
/** In bytes of UTF-8, which is what file systems count: 255 there, less what `.part` and an import's own endings add. */
const LONGEST_PART_BYTES = 200
const FORGOTTEN_MS = 24 * 3_600_000

/** Answer to a file that was not taken. */
export interface NotTaken {
  readonly status: 400 | 409 | 411 | 413 | 429 | 500 | 507
  readonly reason: string
}
/** `root`: the file, or the folder that was dropped with it inside. */
export type Upload = { readonly path: string; readonly root: string } | NotTaken

const dropIds = /^[\w-]{8,64}$/
// Separators, control characters and what some systems forbid in names.
const forbidden = /[\u0000-\u001f\u007f<>:"|?*\\/]/g
const reserved = /^(con|prn|aux|nul|com\d|lpt\d)(\.|$)/i

/** A part of a name as it may stand on any disk; null for what means another place. */
function harmless(part: string): string | null {
  const clean = part.replace(forbidden, '_').replace(/[. ]+$/, '')
  if (clean === '' || clean === '.' || clean === '..') return null
  const short = shortened(clean)
  return reserved.test(short) ? `_${short}` : short
}

/** The name within what file systems take, its ending kept, cut between characters and never inside one; a mark in the middle keeps two long names apart. */
function shortened(name: string): string {
  if (Buffer.byteLength(name) <= LONGEST_PART_BYTES) return name
  const characters = [...name]
  const mark = `~${createHash('sha256').update(name).digest('hex').slice(0, 8)}~`
  const half = (from: readonly string[]): string[] => {
    let bytes = 0
    const end = from.findIndex((character) => (bytes += Buffer.byteLength(character)) > (LONGEST_PART_BYTES - mark.length) / 2)
    return from.slice(0, end < 0 ? from.length : end)
  }
  return [...half(characters), mark, ...half([...characters].reverse()).reverse()].join('')
}

/** What a file system refused, as an answer to whoever sent. */
function refusal(error: unknown): NotTaken {
  const { code = 'broken off' } = error as NodeJS.ErrnoException
  if (code === 'ENOSPC' || code === 'EDQUOT') return { status: 507, reason: 'there is not enough room on the disk of the workspace' }
  if (code === 'ENOTDIR' || code === 'EEXIST' || code === 'EISDIR')
    return { status: 409, reason: 'something else of this name was sent already' }
  if (code === 'ENAMETOOLONG') return { status: 400, reason: 'this name is too long for the disk of the workspace' }
  if (code === 'EIO' || code === 'EROFS' || code === 'EACCES' || code === 'EPERM' || code === 'EMFILE' || code === 'ENFILE')
    return { status: 500, reason: `the disk of the workspace refused the file (${code})` }
  return { status: 400, reason: `the file did not arrive whole (${code})` }
}

/** `/uploads/<drop>/<part>/...` as the drop and the names below it; null when it is no such address. */
export function uploadPlace(pathname: string): { readonly drop: string; readonly parts: readonly string[] } | null {
  let decoded: string[]
  try {
    decoded = pathname.slice(UPLOADS.length).split('/').map(decodeURIComponent)
  } catch {
    return null
  }
  const [drop = '', ...rest] = decoded
  const parts = rest.map(harmless)
  if (!pathname.startsWith(UPLOADS) || !dropIds.test(drop) || parts.length === 0 || parts.length > DEEPEST || parts.includes(null))
    return null
  return { drop, parts: parts as string[] }
}

export interface UploadDesk {
  /** Takes the body of a request whose sender was checked; whatever the disk refuses is an answer, never an exception. `folder`: where copies go; null without a workspace. */
  receive(request: IncomingMessage, pathname: string, folder: string | null): Promise<Upload>
}

export function openUploadDesk({ largestBytes = LARGEST_BYTES, now = Date.now } = {}): UploadDesk {
  let atOnce = 0

  function forget(folder: string): void {
    if (!existsSync(folder)) return
    for (const drop of readdirSync(folder))
      if (now() - statSync(join(folder, drop)).mtimeMs > FORGOTTEN_MS) rmSync(join(folder, drop), { recursive: true, force: true })
  }

  async function take(request: IncomingMessage, bytes: number, path: string, root: string): Promise<Upload> {
    await mkdir(dirname(path), { recursive: true })
    const { bavail, bsize } = await statfs(dirname(path))
    if (bavail * bsize - bytes < KEEP_FREE_BYTES) return { status: 507, reason: 'there is not enough room on the disk of the workspace' }
    const unfinished = join(dirname(path), `.${basename(path)}.part`)
    try {
      await pipeline(request, createWriteStream(unfinished, { flags: 'wx' }))
      if (statSync(unfinished).size !== bytes) return { status: 400, reason: 'fewer bytes came than were announced' }
      await rename(unfinished, path)
      return { path, root }
    } catch (error) {
      return refusal(error)
    } finally {
      await rm(unfinished, { force: true }).catch(() => {})
    }
  }

  return {
    async receive(request, pathname, folder) {
      const place = uploadPlace(pathname)
      if (place === null) return { status: 400, reason: 'this is no name for a file' }
      if (folder === null) return { status: 409, reason: 'no workspace is open' }
      const { 'content-length': announced } = request.headers
      if (announced === undefined || !/^\d{1,15}$/.test(announced)) return { status: 411, reason: 'the size must be said first' }
      const bytes = Number(announced)
      if (bytes > largestBytes)
        return { status: 413, reason: `files of more than ${largestBytes} bytes are not taken; import them on the machine itself` }
      const path = join(folder, place.drop, ...place.parts)
      if (existsSync(path)) return { status: 409, reason: 'a file of this name was sent already' }
      if (atOnce >= MOST_AT_ONCE) return { status: 429, reason: 'too many files at once' }
      atOnce++
      try {
        forget(folder)
        return await take(request, bytes, path, join(folder, place.drop, place.parts[0]!))
      } catch (error) {
        return refusal(error)
      } finally {
        atOnce--
      }
    },
  }
}
