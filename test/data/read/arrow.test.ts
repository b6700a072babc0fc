// Arrow files and streams that pyarrow wrote (test/data/arrow): every type as its own values, packed or not, and what damage costs.

import { copyFileSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { importFiles } from '../../../src-main/data/importFiles.ts'
import type { DatasetRow } from '../../../src-main/data/datasets/normalise.ts'
import { unpackLz4Frame } from '../../../src-main/data/read/lz4.ts'
import { codeOf, file, newFolder, readAll } from '../files.ts'

const root = join(import.meta.dirname, '..', 'arrow')
const inputs = join(import.meta.dirname, '..', 'inputs')
const open = (name: string) => readAll(join(root, name))
const bytesOf = (name: string): Buffer => readFileSync(join(root, name))

/** Where the last message begins that has a body. */
const lastMessage = (whole: Buffer): number =>
  Array.from({ length: whole.length >> 3 }, (_, at) => 8 * at)
    .filter((at) => whole.readUInt32LE(at) === 0xffffffff && whole.readUInt32LE(at + 4) > 100 && whole.readUInt32LE(at + 4) < 5000)
    .at(-1)!

const levels = ['easy', 'hard', 'easy', null, 'hard', 'easy']
const nested = [[[1, 2], [3]], null, [], [[null]], [[4]], [[5, 6]]]
const rows = levels.map((level, i) => ({
  problem: `What is ${i}+1? é`,
  answer: String(i + 1),
  level,
  messages: [
    { role: 'user', content: `What is ${i}+1?`, name: null },
    { role: 'assistant', content: `\\boxed{${i + 1}}`, name: null },
  ],
  nested: nested[i],
  count: ['9007199254740993', -1, null, 4, 5, 6][i],
  score: [0.5, 'NaN', null, Math.fround(1e-3), 2, -1][i],
  ok: [true, false, null, true, true, false][i],
  price: ['1234567890123456789.25', null, 1.5, 1.5, 1.5, 1.5][i],
  day: `2025-01-0${2 + i}`,
  at: '2025-01-02T03:04:05.0006Z',
  fixed: [i, i + 1],
  map: { a: i, b: null },
  empty: null,
  view: i % 2 === 1 ? `short${i}` : `a text that is longer than twelve bytes ${i}`,
  half: i / 2,
  u64: i === 0 ? '18446744073709551615' : i,
}))

describe('Arrow', () => {
  it.each(['plain.arrow', 'lz4.arrow', 'zstd.arrows', 'legacy.arrows'])(
    'gives every value of %s as the writer had it: dictionaries, lists, structs, maps, decimals, times, views',
    async (name) => {
      const { format, values, rejected, notes } = await open(name)
      expect(values).toEqual(rows)
      expect([format, rejected, notes.map(({ code }) => code)]).toEqual(['arrow', [], ['number.exact', 'number.nonFinite']])
    },
  )

  it('reads the Feather file that pandas writes unless it is told otherwise', async () => {
    expect((await open('default.feather')).values).toEqual(
      rows.map(({ problem, answer, level, messages, nested: lists }) => ({ problem, answer, level, messages, nested: lists })),
    )
  })

  it('reads dictionaries that grow from batch to batch', async () => {
    expect((await open('delta.arrows')).values).toEqual([
      { problem: 'a?', answer: '1' },
      { problem: 'b?', answer: '2' },
      { problem: 'c?', answer: '3' },
      { problem: 'd?', answer: '1' },
    ])
  })

  it('reads unions, runs and views of lists', async () => {
    expect((await open('rare.arrow')).values).toEqual([
      { problem: 'x?', answer: '1', dense: 7, sparse: 7, runs: 'p', lv: [1] },
      { problem: 'y?', answer: '2', dense: 's', sparse: 't', runs: 'p', lv: [2, 3] },
      { problem: 'z?', answer: '3', dense: 8, sparse: 9, runs: 'q', lv: null },
    ])
  })

  it('reads one that is gzipped', async () => {
    expect((await readAll(file('x.arrow.gz', gzipSync(bytesOf('lz4.arrow'))))).values).toEqual(rows)
  })

  it('keeps what came before the end of a file that was cut off, and names the rows of the batch it ends in', async () => {
    const whole = bytesOf('plain.arrow')
    const { values, rejected, notes } = await readAll(file('x.arrow', whole.subarray(0, lastMessage(whole) + 1800)))
    expect(values).toEqual(rows.slice(0, 4))
    expect([rejected.map(({ line, rows: count, code }) => [line, count, code]), notes.map(({ code }) => code)]).toEqual([
      [[5, 2, 'row.damaged']],
      ['number.exact', 'number.nonFinite', 'arrow.cut'],
    ])
  })

  it('says how many batches of the footer were not met', async () => {
    const whole = Buffer.from(bytesOf('plain.arrow'))
    const second = lastMessage(whole)
    whole.fill(0, second + 4, second + 8)
    const { values, notes } = await readAll(file('x.arrow', whole))
    expect(values).toEqual(rows.slice(0, 4))
    expect(notes.find(({ code }) => code === 'arrow.damaged')!.message).toContain('1 of 2 record batches were not found')
  })

  it('whose footer is cut off gives every row and says that it was cut off; a footer that makes no sense is damage', async () => {
    const whole = bytesOf('plain.arrow')
    const codes = (notes: readonly { readonly code: string }[]): string[] =>
      notes.map(({ code }) => code).filter((code) => code.startsWith('arrow.'))
    const cut = await readAll(file('x.arrow', whole.subarray(0, whole.length - 6)))
    expect([cut.values, codes(cut.notes)]).toEqual([rows, ['arrow.cut']])
    const damaged = Buffer.from(whole)
    damaged.writeUInt32LE(damaged.readUInt32LE(damaged.length - 10) - 8, damaged.length - 10)
    const { values, notes } = await readAll(file('x.arrow', damaged))
    expect([values, codes(notes)]).toEqual([rows, ['arrow.damaged']])
  })

  it('leaves out by name a column that cannot be read, and keeps the others', async () => {
    const whole = Buffer.from(bytesOf('lz4.arrow'))
    // The first packed buffer is of the dictionary.
    const frame = whole.indexOf(Buffer.from('04224d18', 'hex'))
    whole[frame] = 0
    const { values, notes } = await readAll(file('x.arrow', whole))
    expect(values).toEqual(rows.map(({ level: _level, ...rest }) => rest))
    expect(notes.find(({ code }) => code === 'columns.lost')!.message).toContain('rows 1 to 4: level (its dictionary is not there)')
  })

  it('turns a file away whose schema cannot be read, and an empty one by its own words', async () => {
    expect(await codeOf(readAll(file('x.arrow', bytesOf('plain.arrow').subarray(0, 100))))).toBe('arrow.damaged')
    await expect(readAll(file('x.feather', Buffer.from('FEA1\0\0\0\0')))).rejects.toMatchObject({
      code: 'file.unknown',
      found: expect.stringContaining('Feather file of version 1'),
    })
  })
})

describe('an LZ4 frame', () => {
  it('is refused where it would unpack to more than it may, or refers to what is not there', () => {
    const frame = (...block: number[]): Uint8Array =>
      Uint8Array.from([0x04, 0x22, 0x4d, 0x18, 0x60, 0x40, 0x82, block.length, 0, 0, 0, ...block, 0, 0, 0, 0])
    expect(Buffer.from(unpackLz4Frame(frame(0x14, 0x61, 1, 0, 0x10, 0x62), 10)).toString()).toBe('aaaaaaaaab')
    expect(() => unpackLz4Frame(frame(0x14, 0x61, 1, 0, 0x10, 0x62), 5)).toThrow('damaged')
    expect(() => unpackLz4Frame(frame(0x14, 0x61, 9, 0, 0x10, 0x62), 10)).toThrow('damaged')
    expect(() => unpackLz4Frame(frame(0x14, 0x61, 1, 0, 0x10, 0x62).subarray(0, 16), 10)).toThrow('cut off')
  })
})

describe('a folder that save_to_disk wrote', () => {
  async function brought(folder: string): Promise<{ splits: unknown[]; skipped: string | null }> {
    const job = importFiles([folder])
    const rowsFound: DatasetRow[] = []
    for await (const batch of job) rowsFound.push(...(batch.rows as readonly DatasetRow[]))
    return {
      splits: rowsFound.map(({ split, answer }) => [split, answer]),
      skipped: job.report().notes.find(({ code }) => code === 'file.skipped')?.detail ?? null,
    }
  }

  it('is read by its state.json, with the splits of dataset_dict.json', async () => {
    expect(await brought(join(inputs, 'hf-save-to-disk', 'gsm'))).toEqual({
      splits: [
        ['test', '7'],
        ['train', '3'],
      ],
      skipped: null,
    })
  })

  it('leaves out the files that were cached beside the data, by name', async () => {
    const folder = newFolder()
    const from = join(inputs, 'hf-save-to-disk', 'gsm', 'train')
    mkdirSync(join(folder, 'mine'))
    for (const name of readdirSync(from)) copyFileSync(join(from, name), join(folder, 'mine', name))
    copyFileSync(join(from, 'data-00000-of-00001.arrow'), join(folder, 'mine', 'cache-1a2b3c.arrow'))
    writeFileSync(
      join(folder, 'mine', 'state.json'),
      JSON.stringify({ _data_files: [{ filename: 'data-00000-of-00001.arrow' }], _split: 'train_sft' }),
    )
    const { splits, skipped } = await brought(join(folder, 'mine'))
    expect(splits).toEqual([['train_sft', '3']])
    expect(skipped).toMatch(/cache-1a2b3c\.arrow \(no state\.json lists it\)/)
  })
})
