// A file that grows, known again by its content: digests of the first and of the last bytes that were read of it, not its name.
import { createHash } from 'node:crypto'
import { open, stat } from 'node:fs/promises'
import { refuseSystem } from '../../data/errors.ts'
import type { FollowedFile } from '../../store/follows.ts'

/** Bytes at either end of what was read by which a file is known again. */
const MARK_BYTES = 1 << 14

/** A file as a look at its folder finds it. */
export interface Found {
  readonly path: string
  readonly inode: string
  readonly bytes: number
  readonly mtimeMs: number
}
/** SHA-256 of the first and of the last bytes before `to`. */
export async function marksOf(path: string, to: number): Promise<{ readonly head: string; readonly tail: string }> {
  if (to === 0) return { head: '', tail: '' }
  const handle = await open(path).catch((error: unknown) => {
    throw refuseSystem(error, path)
  })
  try {
    const length = Math.min(MARK_BYTES, to)
    const digest = async (position: number): Promise<string> => {
      const { buffer, bytesRead } = await handle.read(Buffer.alloc(length), 0, length, position)
      return createHash('sha256').update(buffer.subarray(0, bytesRead)).digest('hex')
    }
    return { head: await digest(0), tail: await digest(to - length) }
  } finally {
    await handle.close()
  }
}

/** How far the marks of a file reach: what was read of it, or all of it where it is read whole. */
export const markEnd = ({ readTo, bytes }: FollowedFile): number => (readTo > 0 ? readTo : bytes)

/** Whether a file begins with what was read of another. */
export async function isSame(path: string, file: FollowedFile): Promise<boolean> {
  const marks = file.head === '' ? null : await marksOf(path, markEnd(file)).catch(() => null)
  return marks !== null && marks.head === file.head && marks.tail === file.tail
}

/** Whether it is still the file that was looked at, and no shorter. */
export async function isStill(path: string, { inode }: Found, bytes: number): Promise<boolean> {
  const info = await stat(path, { bigint: true }).catch(() => null)
  return info !== null && `${info.dev}:${info.ino}` === inode && Number(info.size) >= bytes
}
