// A file appears whole or not at all: it is written under a temporary name beside its place, flushed to the disk, and only
// then renamed over it; the folder is flushed too, so that the name survives a power cut. On any failure the temporary
// file is removed and an older file of that name stays as it was.

import { randomBytes } from 'node:crypto'
import { open, rename, rm } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { LabError } from '../../../src-preload/contract.ts'
import { makeFolder } from '../../disk/makeFolder.ts'
import { refuse } from '../errors.ts'

const BUFFER_BYTES = 1 << 20

export interface Sink {
  write(data: string | Uint8Array): Promise<void>
}

export interface Written {
  readonly path: string
  readonly bytes: number
}

/**
 * Writes `path` by what `produce` puts into the sink; missing folders are made. Throws LabError export.failed when the disk
 * refuses, disk.name where no folder can be made, and whatever `produce` throws.
 */
export async function writeAtomically(path: string, produce: (sink: Sink) => Promise<void>): Promise<Written> {
  const folder = dirname(path)
  const temporary = join(folder, `.${basename(path)}.${process.pid}.${randomBytes(4).toString('hex')}.part`)
  let bytes = 0
  try {
    await onDisk(path, async () => makeFolder(folder))
    const handle = await onDisk(path, () => open(temporary, 'wx'))
    try {
      let held: Uint8Array[] = []
      let heldBytes = 0
      const flush = async (): Promise<void> => {
        const data = held.length === 1 ? held[0]! : Buffer.concat(held)
        held = []
        heldBytes = 0
        await onDisk(path, async () => {
          for (let at = 0; at < data.length;) at += (await handle.write(data, at)).bytesWritten
        })
      }
      await produce({
        async write(data) {
          const chunk = typeof data === 'string' ? Buffer.from(data, 'utf8') : Uint8Array.from(data)
          held.push(chunk)
          heldBytes += chunk.length
          bytes += chunk.length
          if (heldBytes >= BUFFER_BYTES) await flush()
        },
      })
      if (heldBytes > 0) await flush()
      await onDisk(path, () => handle.sync())
    } finally {
      await handle.close()
    }
    await onDisk(path, () => rename(temporary, path))
    await syncFolder(folder)
    return { path, bytes }
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => undefined)
    throw error
  }
}

async function onDisk<T>(path: string, act: () => Promise<T>): Promise<T> {
  try {
    return await act()
  } catch (error) {
    if (error instanceof LabError) throw error
    const { code, message } = error as NodeJS.ErrnoException
    const found =
      code === 'ENOSPC'
        ? 'the disk is full'
        : code === 'EACCES' || code === 'EPERM' || code === 'EROFS'
          ? 'the folder may not be written to'
          : message
    throw refuse('export.failed', `${path}: ${found}`, { cause: error })
  }
}

/** Flushes the folder's entries; systems that cannot (Windows) are left at that. */
async function syncFolder(folder: string): Promise<void> {
  try {
    const handle = await open(folder, 'r')
    try {
      await handle.sync()
    } finally {
      await handle.close()
    }
  } catch (error) {
    if (!['EISDIR', 'EPERM', 'EACCES', 'EINVAL', 'ENOTSUP'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error
  }
}
