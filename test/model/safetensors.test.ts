// safetensors files: what is written is read back, the bytes are those of the format, and a file that lies about itself is refused.

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import { ModelFileError, openSafetensors, readSafetensors, writeSafetensors, type TensorData } from '../../src-main/model/safetensors.ts'

let folder: string
beforeEach(() => {
  const made = mkdtempSync(join(tmpdir(), 'mrt-safetensors-'))
  folder = made
  onTestFinished(() => rmSync(made, { recursive: true, force: true }))
})

/** A file made by hand: any header text, any data. */
function fileOf(header: unknown, data: Uint8Array = new Uint8Array(0), headerBytes?: bigint): string {
  const text = Buffer.from(typeof header === 'string' ? header : JSON.stringify(header))
  const length = Buffer.alloc(8)
  length.writeBigUInt64LE(headerBytes ?? BigInt(text.length))
  const file = join(folder, 'hand.safetensors')
  writeFileSync(file, Buffer.concat([length, text, data]))
  return file
}

const tensor = (dtype: string, shape: unknown, start: number, end: number) => ({ dtype, shape, data_offsets: [start, end] })
const bytesOf = (array: { buffer: ArrayBufferLike }): Uint8Array => new Uint8Array(array.buffer)

async function errorOf(file: string): Promise<ModelFileError> {
  const error: unknown = await readSafetensors(file).then(
    () => null,
    (reason: unknown) => reason,
  )
  expect(error).toBeInstanceOf(ModelFileError)
  return error as ModelFileError
}

describe('writing and reading', () => {
  it('every type comes back with its shape and its values', async () => {
    const tensors = new Map<string, TensorData>([
      ['f64', { dims: [2], data: Float64Array.of(1 / 3, -1e300) }],
      ['f32', { dims: [2, 2], data: Float32Array.of(1.5, -2, 0, Infinity) }],
      ['f16', { dims: [3], data: Float16Array.of(0.1, 65504, -0) }],
      ['i64', { dims: [2], data: BigInt64Array.of(-1n, 2n ** 62n) }],
      ['i32', { dims: [1, 2], data: Int32Array.of(-7, 8) }],
      ['i16', { dims: [1], data: Int16Array.of(-300) }],
      ['i8', { dims: [1], data: Int8Array.of(-3) }],
      ['u8', { dims: [3], data: Uint8Array.of(1, 2, 255) }],
      ['scalar', { dims: [], data: Float32Array.of(9) }],
      ['none', { dims: [0, 4], data: new Float32Array(0) }],
    ])
    const file = join(folder, 'all.safetensors')
    await writeSafetensors(file, tensors)
    const back = await readSafetensors(file)
    expect(new Set(back.keys())).toEqual(new Set(tensors.keys()))
    for (const [name, value] of tensors) expect(back.get(name), name).toEqual(value)
  })

  it('bfloat16 is read as the float32 it stands for', async () => {
    const data = Uint16Array.of(0x3f80, 0xc000, 0x7f80, 0x3eab)
    const back = await readSafetensors(fileOf({ w: tensor('BF16', [4], 0, 8) }, bytesOf(data)))
    expect(back.get('w')!.data).toEqual(Float32Array.of(1, -2, Infinity, 0.333984375))
  })

  it('the bytes are the format’s: length, header padded to eight, then data without gaps', async () => {
    const file = join(folder, 'small.safetensors')
    const { bytes } = await writeSafetensors(
      file,
      new Map([
        ['b', { dims: [1], data: Float16Array.of(1) }],
        ['a', { dims: [1], data: Float32Array.of(2) }],
      ]),
      { made: 'here' },
    )
    const content = readFileSync(file)
    const header = Number(content.readBigUInt64LE(0))
    expect(header % 8).toBe(0)
    expect(JSON.parse(content.subarray(8, 8 + header).toString())).toEqual({
      __metadata__: { made: 'here' },
      a: tensor('F32', [1], 0, 4),
      b: tensor('F16', [1], 4, 6),
    })
    expect(content.length).toBe(8 + header + 6)
    expect(bytes).toBe(content.length)
    const opened = await openSafetensors(file)
    expect(opened.metadata).toEqual({ made: 'here' })
    await opened.close()
  })

  it('the same tensors make the same bytes in whatever order they come', async () => {
    const entries: [string, TensorData][] = [
      ['z', { dims: [2], data: Float32Array.of(1, 2) }],
      ['a', { dims: [1], data: BigInt64Array.of(3n) }],
      ['m', { dims: [1], data: Float32Array.of(4) }],
    ]
    const [one, two] = [join(folder, '1'), join(folder, '2')]
    const written = [
      await writeSafetensors(one, new Map(entries), { k: '1', a: '2' }),
      await writeSafetensors(two, new Map(entries.toReversed()), { a: '2', k: '1' }),
    ]
    expect(readFileSync(one)).toEqual(readFileSync(two))
    expect(written[0]).toEqual(written[1])
  })

  it('a view into a larger array is written as the view', async () => {
    const file = join(folder, 'view')
    await writeSafetensors(file, new Map([['w', { dims: [2], data: Float32Array.of(1, 2, 3, 4).subarray(1, 3) }]]))
    expect((await readSafetensors(file)).get('w')!.data).toEqual(Float32Array.of(2, 3))
  })

  it('one tensor can be read without the others', async () => {
    const file = join(folder, 'two')
    await writeSafetensors(
      file,
      new Map([
        ['a', { dims: [1], data: Float32Array.of(1) }],
        ['b', { dims: [1], data: Float32Array.of(2) }],
      ]),
    )
    const opened = await openSafetensors(file)
    expect(await opened.read('b')).toEqual({ dims: [1], data: Float32Array.of(2) })
    await expect(opened.read('c')).rejects.toMatchObject({ code: 'safetensors.malformed', expected: expect.stringContaining('c') })
    await opened.close()
  })

  it('an existing file is never overwritten', async () => {
    const file = join(folder, 'kept')
    writeFileSync(file, 'precious')
    await expect(writeSafetensors(file, new Map())).rejects.toMatchObject({ code: 'EEXIST' })
    expect(readFileSync(file, 'utf8')).toBe('precious')
  })

  it('dims that do not fit the data are a mistake of ours', async () => {
    await expect(writeSafetensors(join(folder, 'x'), new Map([['w', { dims: [3], data: Float32Array.of(1) }]]))).rejects.toThrow(
      'w has dims [3] and 1 elements',
    )
  })
})

describe('a file that lies about itself is refused', () => {
  const eight = new Uint8Array(8)
  const cases: Record<string, () => string> = {
    'shorter than its length field': () => {
      const file = join(folder, 'short')
      writeFileSync(file, Buffer.alloc(5))
      return file
    },
    'header longer than the file': () => fileOf({}, eight, 10_000n),
    'header of absurd length': () => fileOf({}, eight, 2n ** 63n),
    'header that is not JSON': () => fileOf('{"w": '),
    'header that is a list': () => fileOf([]),
    'metadata that is not texts': () => fileOf({ __metadata__: { a: 1 } }),
    'shape with a fraction': () => fileOf({ w: tensor('F32', [1.5], 0, 8) }, eight),
    'shape that is negative': () => fileOf({ w: tensor('F32', [-2, -1], 0, 8) }, eight),
    'shape that overflows': () => fileOf({ w: tensor('F32', [2 ** 40, 2 ** 40], 0, 8) }, eight),
    'no shape': () => fileOf({ w: { dtype: 'F32', data_offsets: [0, 8] } }, eight),
    'entry that is null': () => fileOf({ w: { dtype: 'F32', shape: [2], data_offsets: null } }, eight),
    'offsets backwards': () => fileOf({ w: tensor('F32', [0], 8, 0) }, eight),
    'offsets beyond the end': () => fileOf({ w: tensor('F32', [4], 0, 16) }, eight),
    'offsets that do not fit the shape': () => fileOf({ w: tensor('F32', [1], 0, 8) }, eight),
    'two tensors on the same bytes': () => fileOf({ a: tensor('F32', [2], 0, 8), b: tensor('F32', [2], 0, 8) }, eight),
    'overlapping tensors': () => fileOf({ a: tensor('F32', [1], 0, 4), b: tensor('U8', [6], 2, 8) }, eight),
    'a gap between tensors': () => fileOf({ a: tensor('U8', [2], 0, 2), b: tensor('F32', [1], 4, 8) }, eight),
    'bytes after the last tensor': () => fileOf({ a: tensor('F32', [1], 0, 4) }, eight),
    'a header without tensors and data all the same': () => fileOf({}, eight),
  }

  it.each(Object.keys(cases))('%s', async (name) => {
    expect((await errorOf(cases[name]!())).code).toBe('safetensors.malformed')
  })

  it('a type we do not know, by its name', async () => {
    const error = await errorOf(fileOf({ w: tensor('F8_E4M3', [8], 0, 8) }, eight))
    expect(error).toMatchObject({ code: 'safetensors.dtype', found: 'w of type F8_E4M3' })
    expect((await errorOf(fileOf({ w: tensor('toString', [8], 0, 8) }, eight))).code).toBe('safetensors.dtype')
  })

  it('any cut of a good file, and any flipped byte of its header, gives a coded error or the same tensors', async () => {
    const good = join(folder, 'good')
    await writeSafetensors(
      good,
      new Map<string, TensorData>([
        ['w', { dims: [3], data: Float32Array.of(1, 2, 3) }],
        ['v', { dims: [2], data: Float16Array.of(4, 5) }],
      ]),
    )
    const content = readFileSync(good)
    const tried = join(folder, 'tried')
    await fc.assert(
      fc.asyncProperty(fc.nat(content.length - 1), fc.integer({ min: 1, max: 255 }), fc.boolean(), async (at, flip, cut) => {
        const altered = Buffer.from(cut ? content.subarray(0, at) : content)
        if (!cut) altered[at]! ^= flip
        writeFileSync(tried, altered)
        const outcome = await readSafetensors(tried).then(
          (tensors) => tensors.size,
          (error: unknown) => (error as { code?: string }).code,
        )
        expect([1, 2, 'safetensors.malformed', 'safetensors.dtype']).toContain(outcome)
        if (cut) expect(outcome).toBe('safetensors.malformed')
      }),
      { numRuns: 300, seed: 7 },
    )
  })
})
