import { gzipSync, zstdCompressSync } from 'node:zlib'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { codeOf, file, newFolder, readAll } from '../files.ts'

const lines = (count: number): string =>
  Array.from({ length: count }, (_, at) => `{"id":${at},"text":"row number ${at} of the file"}\n`).join('')

describe('packed files', () => {
  it('are recognised by their first bytes, whatever they are called', async () => {
    for (const pack of [gzipSync, zstdCompressSync]) {
      const { values } = await readAll(file('data.txt', pack(Buffer.from(lines(3)))))
      expect(values).toHaveLength(3)
    }
  })

  it('give every line before the cut, and say that they were cut', async () => {
    const packed = gzipSync(lines(2000), { level: 1 })
    for (const share of [0.15, 0.4, 0.77, 0.99]) {
      const { rows, rejected, notes } = await readAll(file('cut.jsonl.gz', packed.subarray(0, Math.floor(packed.length * share))))
      expect(rows.length).toBeGreaterThan(2000 * share * 0.7)
      expect(rows.map(({ value }) => value.id)).toEqual(rows.map((_, at) => at))
      expect(rejected.map(({ code }) => code)).toEqual(['row.cutOff'])
      expect(notes.map(({ code }) => code)).toEqual(['compressed.cut'])
    }
  })

  it('keep all of their content when only the checksum is wrong', async () => {
    const packed = gzipSync(lines(500))
    packed[packed.length - 6]! ^= 1
    const { rows, notes } = await readAll(file('sum.jsonl.gz', packed))
    expect(rows).toHaveLength(500)
    expect(notes.map(({ code }) => code)).toEqual(['compressed.damaged'])
  })

  it('keep what comes before a damaged byte', async () => {
    const packed = gzipSync(lines(50_000), { level: 1 })
    packed.fill(0xff, packed.length >> 1, (packed.length >> 1) + 64)
    const { rows, rejected, notes } = await readAll(file('hole.jsonl.gz', packed))
    expect(rows.length).toBeGreaterThan(15_000)
    expect(rows.slice(0, 15_000).map(({ value }) => value.id)).toEqual(Array.from({ length: 15_000 }, (_, at) => at))
    expect(rejected.length).toBeGreaterThan(0)
    expect(notes.map(({ code }) => code)).toContain('compressed.damaged')
  })

  it('say so when something follows that is not packed', async () => {
    const { rows, notes } = await readAll(file('more.jsonl.gz', Buffer.concat([gzipSync(lines(700)), Buffer.from('and then some text')])))
    expect(rows).toHaveLength(700)
    expect(notes.map(({ code }) => code)).toEqual(['compressed.trailing'])
  })

  it('are refused when nothing can be unpacked', async () => {
    expect(await codeOf(readAll(file('stub.gz', gzipSync('{}').subarray(0, 8))))).toBe('file.empty')
  })

  it('of which every unpacked byte is NUL do not fill the memory', async () => {
    const { rows, rejected } = await readAll(
      file('bomb.jsonl.gz', Buffer.concat([gzipSync('{"a":1}\n'), gzipSync(Buffer.alloc(100 << 20))])),
    )
    expect(rows).toHaveLength(1)
    expect(rejected.map(({ code, start, end }) => [code, end! - start!])).toEqual([['row.nul', 100 << 20]])
    expect(process.memoryUsage().rss).toBeLessThan(700 << 20)
  })
})

describe('encodings', () => {
  const text = '{"word":"Ä€𝕏"}\n{"word":"plain"}\n'
  const swapped = (bytes: Buffer): Buffer => Buffer.from(bytes).swap16()

  it.each([
    ['UTF-8 with a byte order mark', Buffer.from(`\ufeff${text}`), []],
    ['UTF-16 little endian with a mark', Buffer.from(`\ufeff${text}`, 'utf16le'), ['encoding.utf16']],
    ['UTF-16 big endian with a mark', swapped(Buffer.from(`\ufeff${text}`, 'utf16le')), ['encoding.utf16']],
    ['UTF-16 little endian without one', Buffer.from(text, 'utf16le'), ['encoding.utf16']],
    ['UTF-16 big endian without one', swapped(Buffer.from(text, 'utf16le')), ['encoding.utf16']],
  ])('%s reads like UTF-8', async (_name, bytes, notes) => {
    const result = await readAll(file('words.jsonl', bytes))
    expect(result.values).toEqual([{ word: 'Ä€𝕏' }, { word: 'plain' }])
    expect(result.notes.map(({ code }) => code)).toEqual(notes)
  })

  it('a pair of UTF-16 units that lies across two chunks stays one character', async () => {
    const long = `{"word":"${'x'.repeat((1 << 19) - 12)}𝕏𝕏𝕏"}\n`
    for (const shift of ['', 'y']) {
      const { values } = await readAll(file('pair.jsonl', Buffer.from(`\ufeff${shift === '' ? '' : ' '}${long}`, 'utf16le')))
      expect((values[0] as { word: string }).word.endsWith('x𝕏𝕏𝕏')).toBe(true)
    }
  })

  it('half a UTF-16 character at the end is replaced and noted', async () => {
    const { notes, rejected } = await readAll(
      file('half.jsonl', Buffer.concat([Buffer.from(`\ufeff{"a":1}\n{"b":"x`, 'utf16le'), Buffer.from([0x41])])),
    )
    expect(notes.map(({ code }) => code)).toContain('encoding.broken')
    expect(rejected.map(({ code }) => code)).toEqual(['row.cutOff'])
  })

  it('lines in Latin-1 among lines in UTF-8 are each read as what they are', async () => {
    const { values, notes } = await readAll(
      file('mixed.jsonl', Buffer.concat([Buffer.from('{"a":"é"}\n'), Buffer.from('{"a":"\xe9 \x80"}\n', 'latin1')])),
    )
    expect(values).toEqual([{ a: 'é' }, { a: 'é €' }])
    expect(notes.map(({ code, count, firstLine }) => [code, count, firstLine])).toEqual([['encoding.windows1252', 1, 2]])
  })

  it('UTF-32 is refused', async () => {
    expect(await codeOf(readAll(file('wide.txt', Buffer.from([0xff, 0xfe, 0, 0, 0x7b, 0, 0, 0]))))).toBe('file.encoding')
  })
})

describe('what cannot be opened', () => {
  it('is refused with what is there instead', async () => {
    const folder = newFolder()
    mkdirSync(join(folder, 'inner'))
    expect(await codeOf(readAll(join(folder, 'nothing')))).toBe('file.missing')
    expect(await codeOf(readAll(join(folder, 'inner')))).toBe('file.special')
    expect(await codeOf(readAll('/dev/null'))).toBe('file.special')
    expect(await codeOf(readAll(join(file('a', 'x'), 'below')))).toBe('file.missing')
  })
})

describe('reading', () => {
  it('reports bytes up to the size of the file', async () => {
    const seen: number[] = []
    let total = 0
    await readAll(file('big.jsonl', lines(60_000)), {
      onBytes: (read, all) => {
        seen.push(read)
        total = all
      },
    })
    expect(seen.length).toBeGreaterThan(2)
    expect(seen).toEqual([...seen].sort((a, b) => a - b))
    expect(seen.at(-1)).toBe(total)
  })

  it('stops when cancelled, with the reason given', async () => {
    const controller = new AbortController()
    let batches = 0
    const reading = readAll(file('big.jsonl', lines(100_000)), {
      signal: controller.signal,
      onBytes: () => {
        if (++batches === 2) controller.abort(new Error('enough'))
      },
    })
    await expect(reading).rejects.toThrow('enough')
  })
})
