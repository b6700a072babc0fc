// A file that is written appears whole or not at all, on a disk that refuses at any moment and on one that takes a part at a time.

import fs from 'node:fs/promises'
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
import { basename, join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { writeAtomically } from '../../src-main/data/write/atomicFile.ts'
import { newFolder } from './files.ts'

type Handle = Awaited<ReturnType<typeof fs.open>>
type Act = 'open' | 'write' | 'sync' | 'rename' | 'open folder' | 'sync folder' | 'close folder' | 'close'

/** Puts `before` in front of everything that is done to the disk; told of what and, of writing, how much; until the test ends. */
function disk(before: (act: Act, bytes: number) => number | void): void {
  const real = { open: fs.open, rename: fs.rename }
  const set = (functions: Partial<typeof fs>): void => {
    Object.assign(fs, functions)
    syncBuiltinESMExports()
  }
  onTestFinished(() => set(real))
  set({
    open: (async (path: string, flags: string) => {
      const folder = flags === 'r' ? ' folder' : ''
      before(`open${folder}` as Act, 0)
      const handle = await real.open(path, flags)
      return {
        sync: async () => {
          before(`sync${folder}` as Act, 0)
          await handle.sync()
        },
        write: async (data: Uint8Array, at: number) => handle.write(data, at, before('write', data.length - at) ?? data.length - at),
        close: async () => {
          await handle.close()
          before(`close${folder}` as Act, 0)
        },
      } as unknown as Handle
    }) as typeof fs.open,
    rename: async (from, to) => {
      before('rename', 0)
      await real.rename(from, to)
    },
  })
}
/** A folder with an older file of the name, and the path of that. */
function older(): { folder: string; path: string } {
  const folder = newFolder()
  writeFileSync(join(folder, 'a.txt'), 'older')
  return { folder, path: join(folder, 'a.txt') }
}
const coded = (code: string): Error => Object.assign(new Error(`${code} of the system`), { code })

it('is on the disk before it gets its name, and its name is before it is given back', async () => {
  const { path, folder } = older()
  const acts: string[] = []
  disk((act) => void acts.push(act))
  expect(await writeAtomically(path, async (sink) => sink.write('né'))).toEqual({ path, bytes: 3 })
  expect(acts).toEqual(['open', 'write', 'sync', 'close', 'rename', 'open folder', 'sync folder', 'close folder'])
  expect([readFileSync(path, 'utf8'), readdirSync(folder)]).toEqual(['né', ['a.txt']])
})

it('holds all that was written, in order, a megabyte at a time, also where the disk takes less at once', async () => {
  const { path } = older()
  const writes: number[] = []
  disk((act, bytes) => {
    if (act !== 'write') return undefined
    writes.push(bytes)
    return Math.min(bytes, 700_000)
  })
  const piece = Buffer.alloc(300_000)
  const all: Buffer[] = []
  const { bytes } = await writeAtomically(path, async (sink) => {
    for (let at = 0; at < 5; at++) {
      piece.fill(at)
      all.push(Buffer.from(piece))
      await sink.write(piece)
    }
    await sink.write('end')
  })
  expect(bytes).toBe(1_500_003)
  expect(readFileSync(path).equals(Buffer.concat([...all, Buffer.from('end')]))).toBe(true)
  // Four pieces are more than a megabyte (1,048,576 bytes), of which the disk takes 700,000 first.
  expect(writes).toEqual([1_200_000, 500_000, 300_003])
})

it('of nothing is an empty file, and of nothing more than a megabyte is written once', async () => {
  const { path } = older()
  const writes: number[] = []
  disk((act, bytes) => (act === 'write' ? void writes.push(bytes) : undefined))
  expect(await writeAtomically(path, async () => {})).toEqual({ path, bytes: 0 })
  expect([readFileSync(path, 'utf8'), writes]).toEqual(['', []])
  await writeAtomically(path, async (sink) => sink.write(new Uint8Array(1 << 20)))
  expect(writes).toEqual([1 << 20])
})

it.each([
  ['ENOSPC', 'the disk is full'],
  ['EACCES', 'the folder may not be written to'],
  ['EPERM', 'the folder may not be written to'],
  ['EROFS', 'the folder may not be written to'],
  ['EIO', 'EIO of the system'],
])('refused with %s says that %s; the older file stays and nothing else', async (code, found) => {
  for (const refused of ['open', 'write', 'sync', 'rename'] as const) {
    const { path, folder } = older()
    disk((act) => {
      if (act === refused) throw coded(code)
    })
    await expect(writeAtomically(path, async (sink) => sink.write('new'))).rejects.toMatchObject({
      code: 'export.failed',
      found: expect.stringMatching(new RegExp(`${basename(path)}: ${found}$`)),
    })
    expect([refused, readFileSync(path, 'utf8'), readdirSync(folder)]).toEqual([refused, 'older', ['a.txt']])
  }
})

it('is there where only its folder cannot be waited for, as on Windows; any other failure is told', async () => {
  for (const code of ['EISDIR', 'EPERM', 'EACCES', 'EINVAL', 'ENOTSUP', 'EIO'])
    for (const refused of ['open folder', 'sync folder'] as const) {
      const { path } = older()
      disk((act) => {
        if (act === refused) throw coded(code)
      })
      const writing = writeAtomically(path, async (sink) => sink.write('new'))
      if (code === 'EIO') await expect(writing).rejects.toThrow('EIO of the system')
      else expect(await writing).toEqual({ path, bytes: 3 })
      expect(readFileSync(path, 'utf8')).toBe('new')
    }
})

it('is made with the folders that it needs, and where a folder has its name it is refused', async () => {
  const folder = newFolder()
  await writeAtomically(join(folder, 'deep', 'er', 'a.txt'), async (sink) => sink.write('x'))
  expect(readFileSync(join(folder, 'deep', 'er', 'a.txt'), 'utf8')).toBe('x')
  mkdirSync(join(folder, 'taken'))
  writeFileSync(join(folder, 'taken', 'kept'), 'kept')
  await expect(writeAtomically(join(folder, 'taken'), async (sink) => sink.write('x'))).rejects.toMatchObject({ code: 'export.failed' })
  expect(readdirSync(folder).sort()).toEqual(['deep', 'taken'])
  expect(readdirSync(join(folder, 'taken'))).toEqual(['kept'])
})
