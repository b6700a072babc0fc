// Parameter sets: values come back as they went in, sets do not share memory unless told to, wrong use is refused.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openEngine, type Engine } from '../../src-main/engine/engine.ts'
import type { ParameterSet } from '../../src-main/engine/parameters.ts'
import { refuses } from './failing.ts'

const SPECS = [
  { name: 'a', dims: [3, 5], decay: true },
  { name: 'b', dims: [7], decay: false },
  { name: 'scalar', dims: [], decay: false },
]

let engine: Engine
beforeAll(() => {
  engine = openEngine()
})
afterAll(() => engine.dispose())

const filled = (from: number): ParameterSet => {
  const set = engine.createParameters(SPECS)
  set.load(Float32Array.from({ length: set.elements }, (_, i) => from + i / 8))
  return set
}

/** The documented checksum, in 64-bit integers. */
function fnv1a(values: Float32Array): string {
  let hash = 0xcbf29ce484222325n
  for (const word of new Uint32Array(values.buffer, values.byteOffset, values.length)) {
    hash = BigInt.asUintN(64, (hash ^ BigInt(word)) * 0x100000001b3n)
  }
  return hash.toString(16).padStart(16, '0')
}

describe('values', () => {
  test('a new set is all zeros and counts its numbers', () => {
    const set = engine.createParameters(SPECS)
    expect(set.elements).toBe(23)
    expect(set.snapshot()).toEqual(new Float32Array(23))
    expect(set.bytes).toBeGreaterThanOrEqual(23 * 4)
  })

  test('get returns what set stored, and only that tensor changes', () => {
    const set = filled(1)
    const before = set.get('a')
    set.set('b', Float32Array.of(9, 8, 7, 6, 5, 4, 3))
    expect(set.get('b')).toEqual(Float32Array.of(9, 8, 7, 6, 5, 4, 3))
    expect(set.get('a')).toEqual(before)
  })

  test('get and snapshot are copies', () => {
    const set = filled(1)
    set.get('a').fill(-1)
    set.snapshot().fill(-1)
    expect(set.get('a')[0]).toBe(1)
  })

  test('a snapshot is dense, in the order of the specs, and loads back', () => {
    const set = filled(2)
    const snapshot = set.snapshot()
    expect(Array.from(snapshot)).toEqual([...set.get('a'), ...set.get('b'), ...set.get('scalar')])
    const other = engine.createParameters(SPECS)
    other.load(snapshot)
    expect(other.checksum()).toBe(set.checksum())
  })

  test('a clone has the same values and memory of its own', () => {
    const set = filled(3)
    const clone = set.clone()
    clone.set('scalar', Float32Array.of(100))
    expect(set.get('scalar')[0]).not.toBe(100)
    expect(clone.get('a')).toEqual(set.get('a'))
  })

  test('copyFrom takes over every value', () => {
    const set = filled(0)
    set.copyFrom(filled(5))
    expect(set.checksum()).toBe(filled(5).checksum())
    set.copyFrom(set)
    expect(set.checksum()).toBe(filled(5).checksum())
  })

  test('lerpFrom moves by t towards the other set', () => {
    const set = filled(0)
    set.lerpFrom(filled(8), 0.25)
    expect(set.snapshot()).toEqual(filled(2).snapshot())
  })
})

describe('checksum', () => {
  test('is 64-bit FNV-1a over the 32-bit words of the snapshot', () => {
    const set = filled(1.5)
    expect(set.checksum()).toBe(fnv1a(set.snapshot()))
  })

  test('changes with a single bit', () => {
    const set = filled(1)
    const before = set.checksum()
    const values = set.get('a')
    new Uint32Array(values.buffer)[14] ^= 1
    set.set('a', values)
    expect(set.checksum()).not.toBe(before)
  })
})

describe('wrong use', () => {
  test('names, lengths and types are checked before native code runs', async () => {
    const set = filled(0)
    await refuses('unknown-name', () => set.get('c'))
    await refuses('unknown-name', () => set.set('c', new Float32Array(1)))
    await refuses('wrong-shape', () => set.set('a', new Float32Array(14)))
    await refuses('wrong-shape', () => set.load(new Float32Array(22)))
    await refuses('wrong-dtype', () => set.set('b', [1, 2, 3, 4, 5, 6, 7] as never))
    await refuses('wrong-dtype', () => set.set('b', new Float64Array(7) as never))
    await refuses('bad-argument', () => set.copyFrom({} as never))
    await refuses('bad-argument', () => set.lerpFrom(filled(1), 1.5))
  })

  test('specs are checked', async () => {
    await refuses('bad-argument', () => engine.createParameters([SPECS[0]!, SPECS[0]!]))
    await refuses('bad-argument', () => engine.createParameters([{ name: '', dims: [1], decay: true }]))
    await refuses('bad-argument', () => engine.createParameters([{ name: 'x', dims: [1], decay: 1 as never }]))
    await refuses('wrong-shape', () => engine.createParameters([{ name: 'x', dims: [-1], decay: true }]))
    await refuses('wrong-shape', () => engine.createParameters([{ name: 'x', dims: [1.5], decay: true }]))
    await refuses('out-of-memory', () => engine.createParameters([{ name: 'x', dims: [2 ** 50], decay: true }]))
  })

  test('sets of other tensors are refused', async () => {
    const other = engine.createParameters([{ name: 'a', dims: [5, 3], decay: true }])
    await refuses('wrong-shape', () => filled(0).copyFrom(other))
    await refuses('wrong-shape', () => filled(0).lerpFrom(other, 0.5))
  })

  test('a disposed set refuses everything, and disposing twice is harmless', async () => {
    const set = filled(0)
    const other = filled(0)
    set.dispose()
    set.dispose()
    for (const call of [
      () => set.get('a'),
      () => set.set('a', new Float32Array(15)),
      () => set.snapshot(),
      () => set.load(new Float32Array(23)),
      () => set.checksum(),
      () => set.clone(),
      () => set.bytes,
      () => set.copyFrom(other),
      () => other.copyFrom(set),
      () => other.lerpFrom(set, 0.5),
    ])
      await refuses('disposed', call)
  })

  test('thousands of sets come and go', () => {
    for (let i = 0; i < 5000; i++) engine.createParameters(SPECS).dispose()
    expect(filled(1).get('a')[0]).toBe(1)
  })
})
