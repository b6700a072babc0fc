// Zip and tar archives as folders of files, read in memory: nothing is ever written, so a name such as ../../x is only a name.
// A member is addressed as ARCHIVE!/NAME. What an archive may claim is bounded: the number of members, the unpacked size of one, and of a
// packed tar as a whole. Encrypted members and other packings than stored, deflate, gzip and zstd are refused by name.

import { open, readFile, stat } from 'node:fs/promises'
import type { FileHandle } from 'node:fs/promises'
import { gunzipSync, inflateRawSync, zstdDecompressSync } from 'node:zlib'
import { refuse, refuseSystem } from '../errors.ts'
import { compressionOf } from './unpack.ts'

/** Largest member unpacked, and largest tar as a whole, in bytes. */
export const MEMBER_LIMIT = 1 << 28
const MOST_MEMBERS = 50_000
const SEPARATOR = '!/'

export interface Member {
  /** As the archive writes it, with forward slashes. */
  readonly name: string
  readonly bytes: number
  read(): Promise<Buffer>
}

/** The archive and the member's name of an address, or null for an ordinary path. */
export function partsOf(path: string): { readonly archive: string; readonly member: string } | null {
  const at = path.indexOf(SEPARATOR)
  return at < 0 ? null : { archive: path.slice(0, at), member: path.slice(at + SEPARATOR.length) }
}

/** Address of a member. */
export function addressOf(archive: string, member: string): string {
  return `${archive}${SEPARATOR}${member}`
}

/** What kind of archive a file is, by its first bytes; a packed tar by those of what is inside. Null for none. Never refuses. */
export async function archiveKind(path: string): Promise<'zip' | 'tar' | null> {
  let handle: FileHandle
  try {
    handle = await open(path, 'r')
  } catch {
    return null
  }
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(1 << 14), 0, 1 << 14, 0)
    const head = buffer.subarray(0, bytesRead)
    if (head.length >= 4 && head.readUInt32LE(0) === 0x04034b50) return 'zip'
    const compression = compressionOf(head)
    return isTar(compression === 'none' ? head : firstBytes(head, compression)) ? 'tar' : null
  } finally {
    await handle.close()
  }
}

/** As much as the first bytes of a packed file unpack to. */
function firstBytes(head: Buffer, compression: 'gzip' | 'zstd'): Buffer {
  try {
    return compression === 'gzip'
      ? gunzipSync(head, { finishFlush: 2, maxOutputLength: MEMBER_LIMIT })
      : zstdDecompressSync(head, { finishFlush: 1, maxOutputLength: MEMBER_LIMIT })
  } catch {
    return Buffer.alloc(0)
  }
}

const isTar = (head: Buffer): boolean => head.toString('latin1', 257, 262) === 'ustar'

let last: { readonly path: string; readonly stamp: number; readonly members: Promise<readonly Member[]> } | null = null

/** Members of a zip or tar in order; the last archive's are remembered. Throws LabError file.archive and file.gzipTooLarge. */
export async function membersOf(path: string): Promise<readonly Member[]> {
  const stamp = (
    await stat(path).catch((error: unknown) => {
      throw refuseSystem(error, path)
    })
  ).mtimeMs
  if (last?.path !== path || last.stamp !== stamp)
    last = { path, stamp, members: archiveKind(path).then((kind) => (kind === 'zip' ? zipMembers(path) : tarMembers(path))) }
  const found = last.members
  return found.catch((error: unknown) => {
    last = null
    throw error
  })
}

/** Bytes of a member. Throws what membersOf throws, and LabError file.missing. */
export async function memberBytes(archive: string, name: string): Promise<Buffer> {
  const member = (await membersOf(archive)).find((each) => each.name === name)
  if (member === undefined) throw refuse('file.missing', `no ${name} in ${archive}`)
  return member.read()
}

const END_OF_ZIP = 0x06054b50
const DIRECTORY_ENTRY = 0x02014b50
const ZIP64_LOCATOR = 0x07064b50
const END_OF_ZIP64 = 0x06064b50
const FULL_16 = 0xffff
const FULL_32 = 0xffffffff

/** Members by the directory at the end of a zip; each is unpacked only when it is read. */
async function zipMembers(path: string): Promise<readonly Member[]> {
  const { size } = await stat(path)
  const slice = async (from: number, length: number): Promise<Buffer> => {
    if (!(from >= 0 && length >= 0 && from + length <= size))
      throw refuse('file.archive', `${path} is a zip archive that is cut off or damaged`)
    const handle = await open(path, 'r').catch((error: unknown) => {
      throw refuseSystem(error, path)
    })
    try {
      return (await handle.read(Buffer.alloc(length), 0, length, from)).buffer
    } finally {
      await handle.close()
    }
  }
  const tailLength = Math.min(size, 65_557)
  const tail = await slice(size - tailLength, tailLength)
  let at = tail.length - 22
  while (at >= 0 && tail.readUInt32LE(at) !== END_OF_ZIP) at--
  if (at < 0) throw refuse('file.archive', `${path} is a zip archive without its directory: it is cut off`)
  const short = { count: tail.readUInt16LE(at + 10), length: tail.readUInt32LE(at + 12), from: tail.readUInt32LE(at + 16) }
  const { count, length, from } =
    short.count === FULL_16 || short.length === FULL_32 || short.from === FULL_32
      ? ((await zip64End(path, tail, at, slice)) ?? short)
      : short
  if (count > MOST_MEMBERS || length > MEMBER_LIMIT) throw refuse('file.archive', `${path} is a zip archive of ${count} files`)
  const directory = await slice(from, length)
  const members: Member[] = []
  for (let entry = 0, place = 0; entry < count; entry++) {
    if (place + 46 > directory.length || directory.readUInt32LE(place) !== DIRECTORY_ENTRY)
      throw refuse('file.archive', `${path} is a zip archive whose directory is damaged`)
    const [flags, method] = [directory.readUInt16LE(place + 8), directory.readUInt16LE(place + 10)]
    const [nameLength, extraLength, commentLength] = [
      directory.readUInt16LE(place + 28),
      directory.readUInt16LE(place + 30),
      directory.readUInt16LE(place + 32),
    ]
    const extra = directory.subarray(place + 46 + nameLength, place + 46 + nameLength + extraLength)
    const [bytes, packed, start] = zip64Fields(extra, [
      directory.readUInt32LE(place + 24),
      directory.readUInt32LE(place + 20),
      directory.readUInt32LE(place + 42),
    ])
    const name = directory.toString('utf8', place + 46, place + 46 + nameLength).replaceAll('\\', '/')
    place += 46 + nameLength + extraLength + commentLength
    if (name.endsWith('/')) continue
    const read = async (): Promise<Buffer> => {
      const what = `${name} in ${path}`
      if ((flags & 1) !== 0) throw refuse('file.archive', `${what} is encrypted`)
      if (method !== 0 && method !== 8 && method !== 93) throw refuse('file.archive', `${what} is packed by method ${method}`)
      if (bytes > MEMBER_LIMIT) throw refuse('file.gzipTooLarge', `${what} unpacks to ${bytes} bytes`)
      const head = await slice(start, 30)
      const raw = await slice(start + 30 + head.readUInt16LE(26) + head.readUInt16LE(28), packed)
      if (method === 0 && packed !== bytes) throw refuse('file.archive', `${what} is damaged: it says ${bytes} bytes and has ${packed}`)
      if (method === 0) return raw
      try {
        return method === 8
          ? inflateRawSync(raw, { maxOutputLength: Math.max(1, bytes) })
          : zstdDecompressSync(raw, { maxOutputLength: Math.max(1, bytes) })
      } catch (error) {
        throw refuse('file.archive', `${what} is damaged (${(error as Error).message})`, { cause: error })
      }
    }
    members.push({ name, bytes, read })
  }
  return members
}

/** A length or place of 64 bits; a number that no file has where it is beyond 2^53. */
const wide = (buffer: Buffer, at: number): number => Number(buffer.readBigUInt64LE(at))

/** Where the directory of a zip64 lies, by the record that the locator before the end points at; null where there is no locator. */
async function zip64End(
  path: string,
  tail: Buffer,
  end: number,
  slice: (from: number, length: number) => Promise<Buffer>,
): Promise<{ count: number; length: number; from: number } | null> {
  const locator = end - 20
  if (locator < 0 || tail.readUInt32LE(locator) !== ZIP64_LOCATOR) return null
  const record = await slice(wide(tail, locator + 8), 56)
  if (record.readUInt32LE(0) !== END_OF_ZIP64) throw refuse('file.archive', `${path} is a zip64 archive whose directory is damaged`)
  return { count: wide(record, 32), length: wide(record, 40), from: wide(record, 48) }
}

/** Unpacked size, packed size and place of a member: those that do not fit in 32 bits stand in the extra field 1, in this order. */
function zip64Fields(extra: Buffer, [bytes, packed, start]: readonly [number, number, number]): readonly [number, number, number] {
  for (let at = 0; at + 4 <= extra.length; at += 4 + extra.readUInt16LE(at + 2)) {
    if (extra.readUInt16LE(at) !== 1) continue
    let next = at + 4
    const end = Math.min(extra.length, next + extra.readUInt16LE(at + 2))
    const take = (value: number): number => {
      if (value !== FULL_32 || next + 8 > end) return value
      next += 8
      return wide(extra, next - 8)
    }
    return [take(bytes), take(packed), take(start)]
  }
  return [bytes, packed, start]
}

const BLOCK = 512

/** Members of a tar, which is held whole; links, devices and folders are left out. */
async function tarMembers(path: string): Promise<readonly Member[]> {
  const { size } = await stat(path)
  if (size > MEMBER_LIMIT) throw refuse('file.gzipTooLarge', `${path} has ${size} bytes`)
  const raw = await readFile(path).catch((error: unknown) => {
    throw refuseSystem(error, path)
  })
  const compression = compressionOf(raw)
  let bytes = raw
  try {
    if (compression !== 'none')
      bytes =
        compression === 'gzip'
          ? gunzipSync(raw, { maxOutputLength: MEMBER_LIMIT })
          : zstdDecompressSync(raw, { maxOutputLength: MEMBER_LIMIT })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE')
      throw refuse('file.gzipTooLarge', `${path} unpacks to more`, { cause: error })
    throw refuse('file.archive', `${path} is a packed tar archive that is cut off or damaged`, { cause: error })
  }
  const members: Member[] = []
  let longName: string | null = null
  for (let at = 0; at + BLOCK <= bytes.length;) {
    const header = bytes.subarray(at, at + BLOCK)
    if (header.every((byte) => byte === 0)) break
    const text = (from: number, length: number): string => header.toString('utf8', from, from + length).split('\0', 1)[0]!
    const length = Number.parseInt(text(124, 12).trim() || '0', 8)
    const [type, start] = [text(156, 1), at + BLOCK]
    if (!isTar(header) || !(length >= 0) || start + length > bytes.length || members.length > MOST_MEMBERS)
      throw refuse('file.archive', `${path} is a tar archive that is cut off or damaged`)
    const data = bytes.subarray(start, start + length)
    if (type === 'L') longName = data.toString('utf8').split('\0', 1)[0]!
    else if (type === 'x') longName = /(?:^|\n)\d+ path=([^\n]*)\n/.exec(data.toString('utf8'))?.[1] ?? longName
    else {
      const prefix = text(345, 155)
      const name = longName ?? (prefix === '' ? text(0, 100) : `${prefix}/${text(0, 100)}`)
      longName = null
      if (type === '0' || type === '') members.push({ name, bytes: length, read: () => Promise.resolve(data) })
    }
    at = start + Math.ceil(length / BLOCK) * BLOCK
  }
  return members
}

/** Bytes at random access, of a file or of a member of an archive. */
export interface Bytes {
  readonly size: number
  read(buffer: Buffer, offset: number, length: number, position: number): Promise<{ readonly buffer: Buffer; readonly bytesRead: number }>
  close(): Promise<void>
}

/** Opens a file or a member. Throws LabError file.missing, file.special, file.unreadable, and what membersOf throws. */
export async function openBytes(path: string): Promise<Bytes> {
  const parts = await memberParts(path)
  if (parts !== null) {
    const bytes = await memberBytes(parts.archive, parts.member)
    return {
      size: bytes.length,
      read(buffer, offset, length, position) {
        const bytesRead = bytes.copy(buffer, offset, position, Math.min(bytes.length, position + length))
        return Promise.resolve({ buffer, bytesRead })
      },
      close: () => Promise.resolve(),
    }
  }
  const size = await fileSize(path)
  const handle = await open(path, 'r').catch((error: unknown) => {
    throw refuseSystem(error, path)
  })
  return { size, read: (buffer, offset, length, position) => handle.read(buffer, offset, length, position), close: () => handle.close() }
}

/** An address, unless a file of exactly that name is there. */
async function memberParts(path: string): Promise<ReturnType<typeof partsOf>> {
  const parts = partsOf(path)
  return parts === null ||
    (await stat(path).then(
      () => true,
      () => false,
    ))
    ? null
    : parts
}

/** Size of an ordinary file or of a member. Throws LabError file.missing, file.special, file.unreadable. */
export async function fileSize(path: string): Promise<number> {
  const parts = await memberParts(path)
  if (parts !== null) return (await membersOf(parts.archive)).find(({ name }) => name === parts.member)?.bytes ?? 0
  const info = await stat(path).catch((error: unknown) => {
    throw refuseSystem(error, path)
  })
  if (!info.isFile()) throw refuse('file.special', `${path} is ${info.isDirectory() ? 'a folder' : 'a device, socket or pipe'}`)
  return info.size
}
