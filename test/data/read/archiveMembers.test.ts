// Members of archives as their makers write them: long names, prefixes, folders and links in a tar; packed, encrypted and commented ones in
// a zip; and lengths that are not what they claim.

import { statSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { deflateRawSync, gzipSync, zstdCompressSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { addressOf, archiveKind, fileSize, memberBytes, membersOf, openBytes, partsOf } from '../../../src-main/data/read/archive.ts'
import { codeOf, file, newFolder } from '../files.ts'

/** One entry of a tar, whose header says what is given. */
function entry(
  name: string,
  content: string,
  { type = '0', prefix = '', length = Buffer.byteLength(content).toString(8), magic = 'ustar' } = {},
): Buffer {
  const header = Buffer.alloc(512)
  header.write(name, 0)
  header.write(`${length.padStart(11, '0')}\0`, 124)
  header.write(type, 156)
  header.write(magic, 257)
  header.write(prefix, 345)
  const bytes = Buffer.from(content)
  return Buffer.concat([header, bytes, Buffer.alloc((512 - (bytes.length % 512)) % 512)])
}
const end = Buffer.alloc(1024)
const tar = (...entries: readonly Buffer[]): Buffer => Buffer.concat([...entries, end])
async function contents(path: string): Promise<[string, number, string][]> {
  return Promise.all(
    (await membersOf(path)).map(async ({ name, bytes, read }) => [name, bytes, (await read()).toString()] as [string, number, string]),
  )
}

describe('a tar', () => {
  it('gives its files, under their long names too, and neither folders nor links', async () => {
    const long = `${'deep/'.repeat(30)}name.jsonl`
    const path = file(
      'a.tar',
      tar(
        entry('folder/', '', { type: '5' }),
        entry('first', 'one'),
        entry('link', '', { type: '2' }),
        entry('second', 'x'.repeat(512), { prefix: 'of/a/prefix' }),
        entry('././@LongLink', `${long}\0`, { type: 'L' }),
        entry(long.slice(0, 100), 'long'),
        entry('pax', `20 mtime=1.5\n15 path=né/w\n9 x=y zz\n`, { type: 'x' }),
        entry('old', 'pax'),
        entry('pax', `9 x=y zz\n`, { type: 'x' }),
        entry('old', 'itself'),
        entry('plain', 'v7', { type: '\0' }),
      ),
    )
    expect(await contents(path)).toEqual([
      ['first', 3, 'one'],
      ['of/a/prefix/second', 512, 'x'.repeat(512)],
      [long, 4, 'long'],
      ['né/w', 3, 'pax'],
      ['old', 6, 'itself'],
      ['plain', 2, 'v7'],
    ])
    expect(await archiveKind(path)).toBe('tar')
  })

  it('ends at an empty block or with its last file, and packed is the same', async () => {
    const two = Buffer.concat([entry('a', '1'), entry('b', '2')])
    const named = async (bytes: Buffer): Promise<string[]> => (await membersOf(file('a.tar', bytes))).map(({ name }) => name)
    expect(await named(two)).toEqual(['a', 'b'])
    expect(await named(Buffer.concat([entry('a', '1'), Buffer.alloc(512), entry('b', '2')]))).toEqual(['a'])
    expect(await named(gzipSync(tar(two)))).toEqual(['a', 'b'])
    expect(await named(zstdCompressSync(tar(two)))).toEqual(['a', 'b'])
  })

  it('is refused where a file is longer than it, where a length is none, and where a header is of something else', async () => {
    for (const bytes of [
      entry('a', 'x', { length: (513).toString(8) }),
      entry('a', 'x', { length: 'zz' }),
      Buffer.concat([entry('a', 'x'), entry('b', 'y', { magic: 'other' })]),
      gzipSync(tar(entry('a', 'x'))).subarray(0, -12),
    ])
      expect(await codeOf(membersOf(file('a.tar', bytes)))).toBe('file.archive')
    // A file that ends with the last block ends there.
    expect(await contents(file('a.tar', entry('a', 'x', { length: (512).toString(8) })))).toMatchObject([
      ['a', 512, expect.stringMatching(/^x\0+$/)],
    ])
  })
})

interface Packed {
  readonly name: string
  readonly raw: Buffer
  readonly method?: number
  readonly flags?: number
  readonly bytes?: number
  readonly extra?: Buffer
  readonly comment?: string
}
const u16 = (...values: number[]): Buffer => Buffer.from(Uint16Array.from(values).buffer)
const u32 = (...values: number[]): Buffer => Buffer.from(Uint32Array.from(values).buffer)
const u64 = (...values: number[]): Buffer => Buffer.from(BigUint64Array.from(values.map(BigInt)).buffer)

/** A zip of these entries; its end may say something else of their number and of the length of the directory. */
function zip(entries: readonly Packed[], { comment = '', count = entries.length, length = null as number | null } = {}): Buffer {
  const locals: Buffer[] = []
  const directory: Buffer[] = []
  let at = 0
  for (const { name, raw, method = 0, flags = 0, bytes = raw.length, extra = Buffer.alloc(0), comment: said = '' } of entries) {
    const facts = Buffer.concat([u16(20, flags, method, 0, 0), u32(0, raw.length, bytes), u16(Buffer.byteLength(name), extra.length)])
    const local = Buffer.concat([u32(0x04034b50), facts, Buffer.from(name), extra, raw])
    const place = Buffer.concat([u16(said.length, 0, 0), u32(0, at)])
    directory.push(Buffer.concat([u32(0x02014b50), u16(20), facts, place, Buffer.from(name), extra, Buffer.from(said)]))
    locals.push(local)
    at += local.length
  }
  const all = Buffer.concat(directory)
  const tail = Buffer.concat([
    u32(0x06054b50),
    u16(0, 0, count, count),
    u32(length ?? all.length, at),
    u16(comment.length),
    Buffer.from(comment),
  ])
  return Buffer.concat([...locals, all, tail])
}
const text = Buffer.from('What is 1 + 2?')

describe('a zip', () => {
  it('gives what is stored, deflated or packed by zstd, past comments, extra fields and folders', async () => {
    const path = file(
      'a.zip',
      zip(
        [
          { name: 'folder/', raw: Buffer.alloc(0) },
          { name: 'folder/a.txt', raw: text, comment: 'said of it', extra: Buffer.concat([u16(0x5455, 5), Buffer.from('times')]) },
          { name: 'b\\c.txt', raw: deflateRawSync(text), method: 8, bytes: text.length },
          { name: 'd.txt', raw: zstdCompressSync(text), method: 93, bytes: text.length },
          { name: 'empty', raw: deflateRawSync(Buffer.alloc(0)), method: 8, bytes: 0 },
        ],
        { comment: 'a comment at the end' },
      ),
    )
    expect(await archiveKind(path)).toBe('zip')
    expect(await contents(path)).toEqual([
      ['folder/a.txt', 14, String(text)],
      ['b/c.txt', 14, String(text)],
      ['d.txt', 14, String(text)],
      ['empty', 0, ''],
    ])
  })

  it('refuses by its name what is encrypted, packed otherwise, or not as long as it says, and gives the others', async () => {
    const path = file(
      'a.zip',
      zip([
        { name: 'secret', raw: text, flags: 1 },
        { name: 'other', raw: text, method: 12 },
        { name: 'long', raw: text, bytes: 15 },
        { name: 'short', raw: deflateRawSync(text), method: 8, bytes: 13 },
        { name: 'huge', raw: text, bytes: 2 ** 28 + 1 },
        { name: 'flagged', raw: text, flags: 0x800 },
      ]),
    )
    for (const [name, code, found] of [
      ['secret', 'file.archive', 'is encrypted'],
      ['other', 'file.archive', 'is packed by method 12'],
      ['long', 'file.archive', 'it says 15 bytes and has 14'],
      ['short', 'file.archive', 'is damaged'],
      ['huge', 'file.gzipTooLarge', 'unpacks to 268435457 bytes'],
      ['none', 'file.missing', 'no none in'],
    ] as const)
      await expect(memberBytes(path, name)).rejects.toMatchObject({ code, found: expect.stringContaining(found) })
    expect(String(await memberBytes(path, 'flagged'))).toBe(String(text))
  })

  it('takes from its extra field what does not fit in 32 bits, in order, and only that', async () => {
    const full = 0xffffffff
    const wide = Buffer.concat([u16(9, 2), Buffer.from('ab'), u16(1, 8), u64(text.length)])
    const bytes = zip([{ name: 'a', raw: text, bytes: full, extra: wide }])
    expect(await contents(file('a.zip', bytes))).toEqual([['a', 14, String(text)]])
    // The field ends before the number that it should hold.
    const cut = zip([{ name: 'a', raw: text, bytes: full, extra: Buffer.concat([u16(1, 4), u64(text.length)]) }])
    expect(await membersOf(file('a.zip', cut))).toMatchObject([{ name: 'a', bytes: full }])
    const empty = zip([{ name: 'a', raw: text, extra: u16(1, 0) }])
    expect(await contents(file('a.zip', empty))).toEqual([['a', 14, String(text)]])
  })

  it('is refused whole where its directory is not where or what its end says', async () => {
    const one = [{ name: 'a', raw: text }]
    const whole = zip(one)
    const shifted = (by: number): Buffer => {
      const bytes = Buffer.from(whole)
      bytes.writeUInt32LE(bytes.readUInt32LE(whole.length - 6) + by, whole.length - 6)
      return bytes
    }
    for (const [bytes, found] of [
      [zip(one, { count: 2 }), 'directory is damaged'],
      [zip(one, { length: 10 }), 'directory is damaged'],
      // Behind the directory there are 22 bytes: up to the end of the file, and one beyond it.
      [shifted(22), 'directory is damaged'],
      [shifted(23), 'cut off or damaged'],
      [whole.subarray(0, -1), 'without its directory'],
      [zip(one, { count: 50_001 }), 'of 50001 files'],
      [zip(one, { length: 2 ** 28 + 1 }), 'of 1 files'],
    ] as const)
      await expect(membersOf(file('a.zip', bytes))).rejects.toMatchObject({ code: 'file.archive', found: expect.stringContaining(found) })
    expect(await contents(file('a.zip', zip(one, { comment: 'x'.repeat(65_535) })))).toEqual([['a', 14, String(text)]])
  })
})

describe('an archive', () => {
  it('is looked at again once it was written to, and after it could not be read', async () => {
    const path = join(newFolder(), 'a.tar')
    writeFileSync(path, 'no archive')
    utimesSync(path, 1, 1)
    expect(await codeOf(membersOf(path))).toBe('no error')
    const names = async (): Promise<string[]> => (await membersOf(path)).map(({ name }) => name)
    writeFileSync(path, entry('a', 'x', { length: 'zz' }))
    utimesSync(path, 2, 2)
    expect(await codeOf(membersOf(path))).toBe('file.archive')
    writeFileSync(path, entry('a', 'x'))
    utimesSync(path, 2, 2)
    expect(await names()).toEqual(['a'])
    expect(await membersOf(path)).toBe(await membersOf(path))
    writeFileSync(path, entry('b', 'x'))
    utimesSync(path, 3, 3)
    expect(await names()).toEqual(['b'])
    expect(await codeOf(membersOf(`${path}.gone`))).toBe('file.missing')
  })

  it('is told by its first bytes; what is none or cannot be opened is none', async () => {
    expect(await archiveKind(file('a', 'PK\x03\x04'))).toBe('zip')
    for (const content of ['PK\x03', '', 'plain text '.repeat(40), gzipSync(Buffer.from('plain')), zstdCompressSync(Buffer.from('plain'))])
      expect(await archiveKind(file('a', content))).toBeNull()
    expect(await archiveKind(join(newFolder(), 'gone'))).toBeNull()
    // A packed tar is told by what its beginning unpacks to, however long it is.
    const noise = Buffer.from(Array.from({ length: 60_000 }, (_, at) => (at * at * 31 + (at >> 3) * 17) % 251))
    for (const pack of [gzipSync, zstdCompressSync])
      expect(await archiveKind(file('a', pack(tar(entry('a', noise.toString('latin1'))))))).toBe('tar')
  })

  it('has members that are read like files, from any place, under an address that no file has', async () => {
    const path = file('a.tar', tar(entry('in/a.txt', '0123456789')))
    const address = addressOf(path, 'in/a.txt')
    expect([partsOf(address), partsOf(path)]).toEqual([{ archive: path, member: 'in/a.txt' }, null])
    const member = await openBytes(address)
    const read = async (from: number, length: number): Promise<unknown> => {
      const { buffer, bytesRead } = await member.read(Buffer.alloc(4, '.'), 1, length, from)
      return [buffer.toString(), bytesRead]
    }
    expect([member.size, await fileSize(address), await fileSize(addressOf(path, 'none'))]).toEqual([10, 10, 0])
    expect([await read(2, 3), await read(2, 2), await read(9, 3), await read(10, 3)]).toEqual([
      ['.234', 3],
      ['.23.', 2],
      ['.9..', 1],
      ['....', 0],
    ])
    await member.close()
    const named = file('b!/c.txt', 'a file of that name')
    const opened = await openBytes(named)
    expect([opened.size, await fileSize(named), statSync(named).size]).toEqual([19, 19, 19])
    await opened.close()
    expect([await codeOf(fileSize(newFolder())), await codeOf(openBytes(join(newFolder(), 'gone')))]).toEqual([
      'file.special',
      'file.missing',
    ])
  })
})
