// The generator against the published known-answer vectors, and the promises that make results repeatable.
import { describe, expect, it } from 'vitest'
import { createRng, deriveSeed, fillIndices, philox4x32, seedWords, uniformAt } from '../../src-main/numeric/rng.ts'

function block(key: [number, number], counter: [number, number, number, number]): string {
  const out = new Uint32Array(4)
  philox4x32(key[0], key[1], ...counter, out)
  return [...out].map((word) => word.toString(16).padStart(8, '0')).join(' ')
}

describe('Philox4x32-10', () => {
  it('reproduces the three known answers of the Random123 distribution', () => {
    expect(block([0, 0], [0, 0, 0, 0])).toBe('6627e8d5 e169c58d bc57ac4c 9b00dbd8')
    const f = 0xffffffff
    expect(block([f, f], [f, f, f, f])).toBe('408f276d 41c83b0e a20bc7c6 6d5451fd')
    expect(block([0xa4093822, 0x299f31d0], [0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344])).toBe('d16cfe09 94fdcceb 5001e420 24126ea1')
  })

  it('makes its uniform from the first two words exactly as the native sampler does', () => {
    // Words 6627e8d5 e169c58d: ((x0 >>> 5) 2^26 + (x1 >>> 6)) / 2^53, worked in integer arithmetic.
    const expected = Number((BigInt(0x6627e8d5) >> 5n) * (1n << 26n) + (BigInt(0xe169c58d) >> 6n)) / 2 ** 53
    expect(uniformAt(0, 0, 0)).toBe(expected)
  })

  it('counts draws beyond 2^32 in the second counter word, the stream in the third', () => {
    const words = new Uint32Array(4)
    philox4x32(7, 5, 3, 2, 9, 0, words)
    const expected = Number((BigInt(words[0]!) >> 5n) * (1n << 26n) + (BigInt(words[1]!) >> 6n)) / 2 ** 53
    expect(uniformAt(2 ** 32 * 5 + 7, 9, 2 ** 32 * 2 + 3)).toBe(expected)
  })

  it('splits a seed into its low and high key word', () => {
    expect(seedWords(2 ** 32 * 5 + 7)).toEqual([7, 5])
    expect(seedWords(Number.MAX_SAFE_INTEGER)).toEqual([0xffffffff, 0x1fffff])
  })

  it('refuses a seed that is not a whole number from 0 to 2^53 - 1', () => {
    for (const seed of [-1, 0.5, NaN, 2 ** 53]) expect(() => createRng(seed)).toThrow(RangeError)
  })
})

describe('a generator', () => {
  it('draws the i-th uniform that can also be asked for directly', () => {
    const rng = createRng(123456789012345, 7)
    for (let i = 0; i < 50; i++) expect(rng.float()).toBe(uniformAt(123456789012345, 7, i))
  })

  it('draws from stream 0 unless told otherwise, and one uniform less than it shuffles items', () => {
    const rng = createRng(5)
    expect(rng.float()).toBe(uniformAt(5, 0, 0))
    rng.shuffle(['a', 'b', 'c'])
    expect(rng.float()).toBe(uniformAt(5, 0, 3))
  })

  it('gives the same numbers for the same seed and others for another seed or stream', () => {
    const draw = (seed: number, stream = 0): number[] => {
      const rng = createRng(seed, stream)
      return Array.from({ length: 8 }, rng.float)
    }
    expect(draw(1)).toEqual(draw(1))
    expect(draw(1)).not.toEqual(draw(2))
    expect(draw(1)).not.toEqual(draw(1, 1))
  })

  it('draws uniforms whose mean and variance are those of [0, 1)', () => {
    const rng = createRng(11)
    const values = Array.from({ length: 200_000 }, rng.float)
    const mean = values.reduce((a, b) => a + b) / values.length
    const variance = values.reduce((a, b) => a + (b - mean) ** 2, 0) / values.length
    expect(Math.abs(mean - 0.5)).toBeLessThan(4 * Math.sqrt(1 / 12 / values.length))
    expect(Math.abs(variance - 1 / 12)).toBeLessThan(0.001)
    expect(Math.min(...values.slice(0, 1000))).toBeGreaterThanOrEqual(0)
  })

  it('draws normals with mean 0, variance 1 and the right tail', () => {
    const rng = createRng(12)
    const values = Array.from({ length: 200_000 }, rng.gaussian)
    const mean = values.reduce((a, b) => a + b) / values.length
    const variance = values.reduce((a, b) => a + b * b, 0) / values.length
    const tail = values.filter((v) => v > 1.959963984540054).length / values.length
    expect(Math.abs(mean)).toBeLessThan(0.01)
    expect(Math.abs(variance - 1)).toBeLessThan(0.02)
    expect(Math.abs(tail - 0.025)).toBeLessThan(0.002)
  })

  it('picks every whole number of a range about equally often', () => {
    const rng = createRng(13)
    const counts = new Map<number, number>()
    for (let i = 0; i < 60_000; i++) {
      const value = rng.between(3, 8)
      counts.set(value, (counts.get(value) ?? 0) + 1)
    }
    expect([...counts.keys()].sort()).toEqual([3, 4, 5, 6, 7, 8])
    const chiSquare = [...counts.values()].reduce((sum, n) => sum + (n - 10_000) ** 2 / 10_000, 0)
    expect(chiSquare).toBeLessThan(20.5) // 99.9 % quantile, 5 degrees of freedom
  })

  it('shuffles into every order about equally often and leaves its argument alone', () => {
    const rng = createRng(14)
    const items = ['a', 'b', 'c']
    const counts = new Map<string, number>()
    for (let i = 0; i < 12_000; i++) {
      const order = rng.shuffle(items).join('')
      counts.set(order, (counts.get(order) ?? 0) + 1)
    }
    expect(items).toEqual(['a', 'b', 'c'])
    expect(counts.size).toBe(6)
    for (const n of counts.values()) expect(Math.abs(n - 2000)).toBeLessThan(200)
  })

  it('says yes with the stated chance, and never or always at the ends', () => {
    const rng = createRng(15)
    const share = Array.from({ length: 20_000 }, () => rng.chance(0.3)).filter(Boolean).length / 20_000
    expect(Math.abs(share - 0.3)).toBeLessThan(0.015)
    expect(Array.from({ length: 100 }, () => rng.chance(0)).some(Boolean)).toBe(false)
    expect(Array.from({ length: 100 }, () => rng.chance(1)).every(Boolean)).toBe(true)
  })

  it('refuses to pick from nothing', () => {
    expect(() => createRng(1).pick([])).toThrow(RangeError)
  })
})

describe('bulk indices', () => {
  it('cover 0..n-1 evenly and differ from fill to fill', () => {
    const first = new Int32Array(50_000)
    const second = new Int32Array(50_000)
    fillIndices(first, 5, 1, 0, 0)
    fillIndices(second, 5, 1, 0, 1)
    expect(first).not.toEqual(second)
    for (let v = 0; v < 5; v++) expect(Math.abs(first.filter((x) => x === v).length - 10_000)).toBeLessThan(400)
    expect(Math.min(...first.slice(0, 1000))).toBe(0)
    expect(Math.max(...first.slice(0, 1000))).toBe(4)
  })

  it('do not depend on the length of the request', () => {
    const short = new Int32Array(7)
    const long = new Int32Array(100)
    fillIndices(short, 1000, 3, 2, 9)
    fillIndices(long, 1000, 3, 2, 9)
    expect([...short]).toEqual([...long.slice(0, 7)])
  })
})

describe('derived seeds', () => {
  it('stay what they were: stored runs and the splits of Countdown depend on them', () => {
    expect(deriveSeed(1, 'rollout', 3)).toBe(1527397470326656)
    expect(deriveSeed(7, 'countdown-split', 4)).toBe(3782181086958136)
    expect([deriveSeed(1, 'ab'), deriveSeed(3, 'credit', 2)]).toEqual([771564550826973, 7010976802013191])
    const indices = new Int32Array(6)
    fillIndices(indices, 1000, 3, 2, 9)
    expect([...indices]).toEqual([823, 192, 315, 279, 70, 986])
  })

  it('are stable, and tell labels, their order, their type and their number apart', () => {
    const seeds = [
      deriveSeed(1),
      deriveSeed(2),
      deriveSeed(1, 'a'),
      deriveSeed(1, 'b'),
      deriveSeed(1, 'a', 'b'),
      deriveSeed(1, 'b', 'a'),
      deriveSeed(1, 'ab'),
      deriveSeed(1, 1),
      deriveSeed(1, '1'),
      deriveSeed(1, 1, 2),
      deriveSeed(1, 12),
      deriveSeed(1, ''),
    ]
    expect(new Set(seeds).size).toBe(seeds.length)
    expect(deriveSeed(1, 'rollout', 3)).toBe(deriveSeed(1, 'rollout', 3))
    for (const seed of seeds) expect(() => seedWords(seed)).not.toThrow()
  })

  it('do not collide over many steps and rows', () => {
    const seeds = new Set<number>()
    for (let step = 0; step < 100; step++) for (let row = 0; row < 100; row++) seeds.add(deriveSeed(5, 'rollout', step, row))
    expect(seeds.size).toBe(10_000)
  })
})
