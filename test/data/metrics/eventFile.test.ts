// TensorBoard's event files, against files that its own writers made: tensorboardX 2.6.5 (add_scalar, add_text, add_histogram) and tensorboard 2.21.0 (scalars as
// tensors of one float and of one double, a tensor of three, a text).
import { appendFileSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { crc32c, maskedCrc32c, readEventRecords } from '../../../src-main/data/metrics/eventFile.ts'
import { isMetricsFile, readEvents, readMetrics, statedOf } from '../../../src-main/data/metrics/metricFiles.ts'
import type { StatedBatch } from '../../../src-main/data/metrics/metricFiles.ts'
import { file } from '../files.ts'

const made = (writer: string): Buffer => readFileSync(join(import.meta.dirname, '..', 'events', `${writer}.tfevents`))
async function all(batches: AsyncGenerator<StatedBatch>): Promise<StatedBatch[]> {
  const found: StatedBatch[] = []
  for await (const batch of batches) found.push(batch)
  return found
}

describe('checksums', () => {
  it('are those of RFC 3720: 32 zeros, 32 ones, the digits', () => {
    expect([crc32c(new Uint8Array(32)), crc32c(new Uint8Array(32).fill(255)), crc32c(Buffer.from('123456789'))]).toEqual([
      0x8a9136aa, 0x62a8ab43, 0xe3069283,
    ])
  })
  it('are masked as records hold them', () => {
    const bytes = made('tensorboard')
    expect(maskedCrc32c(bytes.subarray(0, 8))).toBe(bytes.readUInt32LE(8))
  })
})

describe('an event file', () => {
  it('gives the numbers that tensorboardX wrote, with their steps, and passes over texts and histograms', () => {
    const { scalars, damage, bytes } = readEventRecords(made('tensorboardX'))
    expect([damage, bytes]).toEqual([null, made('tensorboardX').length])
    expect(scalars.filter(({ tag }) => tag === 'train/reward').map(({ step, value }) => [step, Number(value.toFixed(6))])).toEqual([
      [0, 0],
      [1, 0.1],
      [2, 0.2],
      [3, 0.3],
      [4, 0.4],
    ])
    expect(scalars.filter(({ tag }) => tag === 'train/completions/mean_length').map(({ value }) => value)).toEqual([
      100, 101, 102, 103, 104,
    ])
    expect([...new Set(scalars.map(({ tag }) => tag))]).toEqual(['train/reward', 'train/completions/mean_length', 'train/loss'])
  })

  it('gives numbers that stand as tensors, of either precision and at steps beyond 2^32, and no tensor of several', () => {
    const { scalars } = readEventRecords(made('tensorboard'))
    expect(scalars).toEqual([
      { tag: 'actor/entropy', step: 0, value: 1.5 },
      { tag: 'actor/entropy', step: 1, value: 1 },
      { tag: 'actor/entropy', step: 2, value: 0.5 },
      { tag: 'double', step: 2 ** 33, value: 0 },
      { tag: 'double', step: 2 ** 33 + 1, value: 0.125 },
      { tag: 'double', step: 2 ** 33 + 2, value: 0.25 },
    ])
  })

  it('cut anywhere gives every whole record before the cut and waits for the rest', () => {
    const whole = made('tensorboard')
    const ends = new Set<number>()
    for (let cut = 0; cut <= whole.length; cut++) {
      const { scalars, bytes, damage } = readEventRecords(whole.subarray(0, cut))
      expect([damage, bytes <= cut, scalars.length <= 6]).toEqual([null, true, true])
      ends.add(bytes)
      // What is read on from there is what was left.
      expect(scalars.length + readEventRecords(whole.subarray(bytes)).scalars.length).toBe(6)
    }
    expect(ends.size).toBe(10)
  })

  it('with any byte changed says so, or gives no more than what stands before the change', () => {
    const whole = made('tensorboard')
    const records = readEventRecords(whole).records
    for (let at = 0; at < whole.length; at++) {
      const bytes = Buffer.from(whole)
      bytes[at]! ^= 0x5a
      const found = readEventRecords(bytes)
      expect(found.records).toBeLessThan(records)
      expect(found.bytes).toBeLessThanOrEqual(at)
      expect(found.damage).not.toBeNull()
    }
  })

  /** A record as TensorBoard frames it. */
  function recordOf(data: Buffer): Buffer {
    const length = Buffer.alloc(8)
    length.writeBigUInt64LE(BigInt(data.length))
    const crc = (bytes: Buffer): Buffer => {
      const out = Buffer.alloc(4)
      out.writeUInt32LE(maskedCrc32c(bytes))
      return out
    }
    return Buffer.concat([length, crc(length), data, crc(data)])
  }
  const varint = (value: bigint): Buffer => {
    const bytes: number[] = []
    for (let left = BigInt.asUintN(64, value); ; left >>= 7n) {
      if (left < 128n) return Buffer.from([...bytes, Number(left)])
      bytes.push(Number(left & 127n) | 128)
    }
  }
  const number = (field: number, value: bigint): Buffer => Buffer.concat([varint(BigInt(field << 3)), varint(value)])
  const bytes = (field: number, ...parts: readonly Buffer[]): Buffer => {
    const all = Buffer.concat(parts)
    return Buffer.concat([varint(BigInt((field << 3) | 2)), varint(BigInt(all.length)), all])
  }
  const float = (field: number, value: number): Buffer => Buffer.concat([varint(BigInt((field << 3) | 5)), of(Float32Array.of(value))])
  const of = (array: Float32Array | Float64Array | Int32Array | BigInt64Array): Buffer => Buffer.from(array.buffer)
  const eventOf = (step: bigint, ...values: readonly Buffer[]): Buffer =>
    recordOf(Buffer.concat([number(2, step), bytes(5, ...values.map((value) => bytes(1, value)))]))
  const tensor = (tag: string, type: bigint, ...parts: readonly Buffer[]): Buffer =>
    Buffer.concat([bytes(1, Buffer.from(tag)), bytes(8, number(1, type), ...parts)])

  it('gives numbers of every type that a tensor of one may have, as bytes or as a list, packed or not', () => {
    const doubled = Buffer.concat([varint(BigInt((6 << 3) | 1)), of(Float64Array.of(0.25))])
    const values: readonly (readonly [string, number | null, Buffer])[] = [
      ['float bytes', 0.5, tensor('float bytes', 1n, bytes(4, of(Float32Array.of(0.5))))],
      ['double bytes', 0.1, tensor('double bytes', 2n, bytes(4, of(Float64Array.of(0.1))))],
      ['int bytes', -3, tensor('int bytes', 3n, bytes(4, of(Int32Array.of(-3))))],
      ['long bytes', -4, tensor('long bytes', 9n, bytes(4, of(BigInt64Array.of(-4n))))],
      ['short of bytes', null, tensor('short of bytes', 2n, bytes(4, of(Float32Array.of(0.5))))],
      ['float list', 1.5, tensor('float list', 1n, bytes(5, of(Float32Array.of(1.5))))],
      ['float alone', 2.5, tensor('float alone', 1n, float(5, 2.5))],
      ['double alone', 0.25, tensor('double alone', 2n, doubled)],
      ['int list', -5, tensor('int list', 3n, bytes(7, varint(-5n)))],
      ['long list', 300, tensor('long list', 9n, bytes(10, varint(300n)))],
      ['two', null, tensor('two', 3n, bytes(7, varint(1n), varint(2n)))],
      ['none', null, tensor('none', 3n)],
      ['text', null, tensor('text', 7n, bytes(8, Buffer.from('words')))],
      ['plain', 0.75, Buffer.concat([bytes(1, Buffer.from('plain')), float(2, 0.75)])],
      ['', null, float(2, 9)],
    ]
    const { scalars, damage } = readEventRecords(eventOf(-1n, ...values.map(([, , value]) => value)))
    expect(damage).toBeNull()
    expect(scalars).toEqual(values.flatMap(([tag, value]) => (value === null ? [] : [{ tag, value, step: -1 }])))
  })

  it('with a sound record that is no event ends there', () => {
    const sound = eventOf(2n, Buffer.concat([bytes(1, Buffer.from('a')), float(2, 1)]))
    for (const data of [Buffer.from([0x13]), Buffer.from([0x80]), Buffer.from([0x0a, 5, 1]), Buffer.alloc(11, 0xff)])
      expect(readEventRecords(Buffer.concat([sound, recordOf(data), sound]))).toEqual({
        scalars: [{ tag: 'a', step: 2, value: 1 }],
        records: 1,
        bytes: sound.length,
        damage: 'a record is no event',
      })
    const claims = Buffer.alloc(12)
    claims.writeBigUInt64LE(BigInt(2 ** 28 + 1))
    claims.writeUInt32LE(maskedCrc32c(claims.subarray(0, 8)), 8)
    expect(readEventRecords(claims).damage).toBe('a record of 268435457 bytes')
  })

  it('may hold a record that is longer than what is read at once, between others', async () => {
    const small = (step: bigint): Buffer => eventOf(step, Buffer.concat([bytes(1, Buffer.from('a')), float(2, 1)]))
    const large = recordOf(Buffer.concat([number(2, 2n), bytes(9, Buffer.alloc(3 << 20))]))
    const path = file('events.out.tfevents.2.host', Buffer.concat([small(1n), large, small(3n)]))
    const found = await all(readEvents(path, 0))
    expect(found.flatMap(({ stated }) => stated.map(({ step }) => step))).toEqual([1, 3])
    expect(found.at(-1)).toMatchObject({ readTo: small(1n).length + large.length + small(3n).length, line: 4 })
  })

  it('is read on from where reading ended, and refused by name where it is damaged', async () => {
    const whole = made('tensorboardX')
    const first = readEventRecords(whole.subarray(0, 300)).bytes
    const path = file('events.out.tfevents.1.host', whole.subarray(0, 300))
    const before = await all(readEvents(path, 0))
    expect(before.at(-1)!.readTo).toBe(first)
    appendFileSync(path, whole.subarray(300))
    const after = await all(readEvents(path, first))
    expect([...before, ...after].flatMap(({ stated }) => stated).length).toBe(10)
    expect(after.at(-1)).toMatchObject({ readTo: whole.length, rejected: 1 })
    appendFileSync(path, Buffer.alloc(40, 7))
    await expect(all(readEvents(path, whole.length))).rejects.toMatchObject({
      code: 'events.damaged',
      found: expect.stringContaining(`at byte ${whole.length}`),
    })
  })
})

describe('lines of metrics', () => {
  it('are told from rollouts by what they hold', async () => {
    expect(await isMetricsFile(file('a.jsonl', '{"step": 1, "loss": 0.5, "time": "2025-01-01"}\n'))).toBe(true)
    expect(await isMetricsFile(file('b.jsonl', '{"step": 1, "data": {"critic/score/mean": 0.5}}\n{"step": 2, "data": {}}\n'))).toBe(true)
    expect(await isMetricsFile(file('c.jsonl', '{"step": 1, "reward": 0.5, "completion": "4"}\n'))).toBe(false)
    expect(await isMetricsFile(file('d.jsonl', '{"loss": 0.5}\n'))).toBe(false)
    expect(await isMetricsFile(file('e.jsonl', '{"step": 1, "loss": 0.5'))).toBe(false)
  })

  it('give numbers by step, nested names joined, those of the file logger of verl without its wrapping', () => {
    expect(statedOf({ step: 3, data: { 'actor/loss': 0.5, 'critic/score/mean': 1 } })).toEqual({
      step: 3,
      metrics: { 'actor/loss': 0.5, 'critic/score/mean': 1 },
    })
    expect(statedOf({ _step: 2, train: { loss: 1, text: 'x' }, _timestamp: 5 })).toEqual({
      step: 2,
      metrics: { 'train/loss': 1, _timestamp: 5 },
    })
    expect(statedOf({ loss: 1 })).toBeNull()
  })

  it('leave a last line that is not whole, take one that only lacks its end, and count what names no step', async () => {
    const path = file('metrics.jsonl', '{"step": 1, "loss": 3}\n{"loss": 2}\nnonsense\n{"step": 2, "lo')
    const [batch] = await all(readMetrics(path, { byte: 0, line: 1 }))
    expect(batch).toMatchObject({ stated: [{ step: 1, metrics: { loss: 3 } }], rejected: 2, line: 4 })
    appendFileSync(path, 'ss": 1}')
    const [rest] = await all(readMetrics(path, { byte: batch!.readTo, line: batch!.line }))
    expect(rest).toMatchObject({ stated: [{ step: 2, metrics: { loss: 1 } }], rejected: 0, line: 4 })
    appendFileSync(path, '\n{"step": 3, "loss": 0}\n')
    expect(await all(readMetrics(path, { byte: rest!.readTo, line: rest!.line }))).toMatchObject([
      { stated: [{ step: 3, metrics: { loss: 0 } }], line: 6 },
    ])
  })
})
