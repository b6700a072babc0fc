// Archives are read where they lie, whatever their names and sizes claim: nothing is written, and what cannot be read is refused.

import { readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import type { CanonicalRollout } from '../../../src-main/data/canonical.ts'
import type { DatasetRow } from '../../../src-main/data/datasets/normalise.ts'
import { detectImport } from '../../../src-main/data/detect.ts'
import { importFiles } from '../../../src-main/data/importFiles.ts'
import type { ImportReport } from '../../../src-main/data/importFiles.ts'
import { previewImport } from '../../../src-main/data/preview.ts'
import { newFolder } from '../files.ts'

const inputs = join(import.meta.dirname, '..', 'inputs')
const inputOf = (name: string): string => join(inputs, name, readdirSync(join(inputs, name))[0]!)

async function imported(path: string): Promise<{ report: ImportReport; rows: (DatasetRow | CanonicalRollout)[] }> {
  const job = importFiles([path])
  const rows: (DatasetRow | CanonicalRollout)[] = []
  for await (const batch of job) rows.push(...batch.rows)
  return { report: job.report(), rows }
}

/** A tar of text files, with `name` exactly as given. */
function tarOf(files: readonly (readonly [name: string, text: string])[]): Buffer {
  return Buffer.concat([
    ...files.flatMap(([name, text]) => {
      const header = Buffer.alloc(512)
      header.write(name, 0)
      header.write('0000644\0', 100)
      header.write(`${Buffer.byteLength(text).toString(8).padStart(11, '0')}\0`, 124)
      header.write('0', 156)
      header.write('ustar\x0000', 257)
      return [header, Buffer.from(text), Buffer.alloc((512 - (Buffer.byteLength(text) % 512)) % 512)]
    }),
    Buffer.alloc(1024),
  ])
}

/** A zip64 of text files, stored, whose every length and place stands in 64 bits. */
function zip64Of(files: readonly (readonly [name: string, text: string])[]): Buffer {
  const long = (value: number): Buffer => {
    const bytes = Buffer.alloc(8)
    bytes.writeBigUInt64LE(BigInt(value))
    return bytes
  }
  const words = (...parts: readonly (readonly [number, 2 | 4])[]): Buffer =>
    Buffer.concat(
      parts.map(([value, size]) => {
        const bytes = Buffer.alloc(size)
        bytes.writeUIntLE(value, 0, size)
        return bytes
      }),
    )
  const locals: Buffer[] = []
  const entries: Buffer[] = []
  let at = 0
  for (const [name, text] of files) {
    const bytes = Buffer.from(text)
    const local = Buffer.concat([
      words([0x04034b50, 4], [45, 2], [0, 2], [0, 2], [0, 4], [0, 4], [0xffffffff, 4], [0xffffffff, 4], [name.length, 2], [20, 2]),
      Buffer.from(name),
      words([1, 2], [16, 2]),
      long(bytes.length),
      long(bytes.length),
      bytes,
    ])
    entries.push(
      Buffer.concat([
        words(
          [0x02014b50, 4],
          [45, 2],
          [45, 2],
          [0, 2],
          [0, 2],
          [0, 4],
          [0, 4],
          [0xffffffff, 4],
          [0xffffffff, 4],
          [name.length, 2],
          [28, 2],
          [0, 2],
          [0, 2],
          [0, 2],
          [0, 4],
          [0xffffffff, 4],
        ),
        Buffer.from(name),
        words([1, 2], [24, 2]),
        long(bytes.length),
        long(bytes.length),
        long(at),
      ]),
    )
    locals.push(local)
    at += local.length
  }
  const directory = Buffer.concat(entries)
  const end = Buffer.concat([
    words([0x06064b50, 4]),
    long(44),
    words([45, 2], [45, 2], [0, 4], [0, 4]),
    long(files.length),
    long(files.length),
    long(directory.length),
    long(at),
  ])
  return Buffer.concat([
    ...locals,
    directory,
    end,
    words([0x07064b50, 4], [0, 4]),
    long(at + directory.length),
    words([1, 4]),
    words([0x06054b50, 4], [0, 2], [0, 2], [0xffff, 2], [0xffff, 2], [0xffffffff, 4], [0xffffffff, 4], [0, 2]),
  ])
}

const row = (a: number): string => `{"question": "How much is ${a} plus ${a}, please?", "answer": "${2 * a}"}\n`

describe('an archive', () => {
  it('in zip gives the rows of its files', async () => {
    const { rows, report } = await imported(inputOf('zip-jsonl'))
    expect(rows).toHaveLength(3)
    expect(report.files[0]!.path).toContain('.zip!/')
    expect(report.files[0]!.sha256).toMatch(/^[\da-f]{64}$/)
  })

  it('in tar.gz gives the rows of its files', async () => {
    expect((await imported(inputOf('tar-gz'))).rows).toHaveLength(3)
  })

  it('in zip64 gives the rows of its files, and what its directory claims is checked', async () => {
    const path = join(newFolder(), 'large.zip')
    const bytes = zip64Of([
      ['train/a.jsonl', row(1) + row(2)],
      ['test/b.jsonl', row(3)],
    ])
    writeFileSync(path, bytes)
    expect((await imported(path)).rows.map(({ split }) => split)).toEqual(['test', 'train', 'train'])
    const locator = bytes.lastIndexOf(Buffer.from('PK\x06\x07', 'latin1'))
    bytes.writeBigUInt64LE(2n ** 62n, locator + 8)
    writeFileSync(path, bytes)
    await expect(imported(path)).rejects.toMatchObject({ code: 'file.archive' })
  })

  it('that is a log of Inspect gives its samples as rollouts', async () => {
    const { rows } = await imported(inputOf('inspect-eval'))
    expect(rows).toHaveLength(2)
    expect((rows as CanonicalRollout[]).map(({ groundTruth, correct }) => [groundTruth === undefined, correct === undefined])).toEqual([
      [false, false],
      [false, false],
    ])
  })

  it('is previewed like the folder that it holds', async () => {
    expect(await detectImport(inputOf('zip-jsonl'))).toMatchObject({ kind: 'dataset', format: 'archive' })
    expect((await previewImport(inputOf('tar-gz'))).rows).toHaveLength(3)
  })

  it('keeps the splits that its folders name', async () => {
    const path = join(newFolder(), 'set.tar.gz')
    writeFileSync(
      path,
      gzipSync(
        tarOf([
          ['set/train/a.jsonl', row(1) + row(2)],
          ['set/test/a.jsonl', row(3)],
        ]),
      ),
    )
    expect((await imported(path)).rows.map(({ split }) => split)).toEqual(['test', 'train', 'train'])
  })

  it('whose names climb out of it is read all the same, and nothing is written', async () => {
    const folder = newFolder()
    const path = join(folder, 'slip.tar')
    writeFileSync(
      path,
      tarOf([
        ['../../outside.jsonl', row(4)],
        ['/tmp/absolute.jsonl', row(5)],
      ]),
    )
    expect((await imported(path)).rows).toHaveLength(2)
    expect(readdirSync(folder)).toEqual(['slip.tar'])
  })

  it('that unpacks to more than is held is refused, not unpacked', async () => {
    const folder = newFolder()
    const bomb = join(folder, 'bomb.tar.gz')
    writeFileSync(bomb, gzipSync(Buffer.concat([tarOf([['a.jsonl', row(1)]]).subarray(0, -1024), Buffer.alloc(300 << 20)])))
    await expect(imported(bomb)).rejects.toMatchObject({ code: 'file.gzipTooLarge' })
    const zip = readFileSync(inputOf('zip-jsonl'))
    const directory = zip.lastIndexOf(Buffer.from('PK\x01\x02', 'latin1'))
    const claims = Buffer.from(zip)
    claims.writeUInt32LE(0x7fffffff, directory + 24)
    const path = join(folder, 'claims.zip')
    writeFileSync(path, claims)
    await expect(imported(path)).rejects.toMatchObject({ code: 'file.gzipTooLarge' })
    claims.writeUInt32LE(10, directory + 24)
    writeFileSync(path, claims)
    await expect(imported(path)).rejects.toMatchObject({ code: 'file.archive' })
  })

  it('that is cut off or holds no rows is refused as an archive', async () => {
    const folder = newFolder()
    const cut = join(folder, 'cut.zip')
    writeFileSync(cut, readFileSync(inputOf('zip-jsonl')).subarray(0, -30))
    await expect(imported(cut)).rejects.toMatchObject({ code: 'file.archive' })
    const other = join(folder, 'other.tar')
    writeFileSync(other, tarOf([['picture.png', 'none']]))
    await expect(imported(other)).rejects.toMatchObject({ code: 'file.archive' })
    expect(await detectImport(other)).toMatchObject({ kind: 'unknown', format: 'archive' })
  })
})
