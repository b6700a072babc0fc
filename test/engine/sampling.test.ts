// The sampler: the generator agrees with its TypeScript twin bit for bit, draws follow the softmax, and every filter keeps
// the tokens that a plain sort keeps.
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openEngine, type Engine } from '../../src-main/engine/engine.ts'
import type { Sampling } from '../../src-main/engine/sampling.ts'
import { philox4x32, uniformAt } from '../../src-main/numeric/rng.ts'
import { refuses } from './failing.ts'

let engine: Engine
beforeAll(() => {
  engine = openEngine()
})
afterAll(() => engine.dispose())

const softmax = (logits: ArrayLike<number>, temperature = 1): number[] => {
  const max = Math.max(...Array.from(logits))
  const masses = Array.from(logits, (logit) => Math.exp((logit - max) / temperature))
  const sum = masses.reduce((a, b) => a + b, 0)
  return masses.map((mass) => mass / sum)
}

/** The filters by a plain sort: temperature, topK, topP, minP; ties to the smaller id. */
function reference(logits: Float32Array, { temperature = 1, topK = 0, topP = 1, minP = 0 }: Sampling): number[] {
  const probabilities = softmax(logits, temperature)
  let kept = probabilities.map((_, id) => id).sort((a, b) => logits[b]! - logits[a]! || a - b)
  if (topK > 0) kept = kept.slice(0, topK)
  if (topP < 1) {
    const left = kept.reduce((sum, id) => sum + probabilities[id]!, 0)
    let held = 0
    kept = kept.filter((_, rank) => {
      if (rank > 0 && held >= topP * left) return false
      held += probabilities[kept[rank]!]!
      return true
    })
  }
  if (minP > 0) kept = kept.filter((id) => probabilities[id]! >= minP * probabilities[kept[0]!]!)
  const mass = kept.reduce((sum, id) => sum + probabilities[id]!, 0)
  return probabilities.map((probability, id) => (kept.includes(id) ? probability / mass : 0))
}

/** Inverse CDF in order of id. */
function invert(probabilities: readonly number[], uniform: number): number {
  let sum = 0
  for (let id = 0; id < probabilities.length; id++) {
    sum += probabilities[id]!
    if (sum > uniform) return id
  }
  return probabilities.findLastIndex((probability) => probability > 0)
}

const logitsOf = (values: readonly number[]): Float32Array => Float32Array.from(values)

describe('philox', () => {
  test('the known answers of the reference implementation', () => {
    expect([...engine.philoxBlock([0, 0], [0, 0, 0, 0])]).toEqual([0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8])
    const ones = 0xffffffff
    expect([...engine.philoxBlock([ones, ones], [ones, ones, ones, ones])]).toEqual([0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd])
    expect([...engine.philoxBlock([0xa4093822, 0x299f31d0], [0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344])]).toEqual([
      0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1,
    ])
  })

  test('native and TypeScript generators agree on every block', () => {
    const word = fc.nat({ max: 0xffffffff })
    const words = new Uint32Array(4)
    fc.assert(
      fc.property(fc.tuple(word, word), fc.tuple(word, word, word, word), (key, counter) => {
        philox4x32(...key, ...counter, words)
        expect(engine.philoxBlock(key, counter)).toEqual(words)
      }),
      { numRuns: 300 },
    )
  })

  test("a draw at index i uses the twin's uniform at index i", () => {
    const logits = logitsOf([0.3, -1, 2, 0, 0.7, 1.1, -0.4, 0.2, 0.9])
    for (const seed of [0, 1, 2 ** 32 + 5, 2 ** 53 - 1]) {
      const { tokens } = engine.drawTokens(logits, {}, seed, 3, 200)
      expect(Array.from(tokens)).toEqual(Array.from(tokens, (_, i) => invert(softmax(logits), uniformAt(seed, 0, 3 + i))))
    }
  })

  test('a seed means the same as a number, a bigint and two words', () => {
    const logits = logitsOf(Array.from({ length: 50 }, (_, i) => Math.sin(i)))
    const draws = (seed: number | bigint | [number, number]): number[] => [...engine.drawTokens(logits, {}, seed, 0, 50).tokens]
    expect(draws(2n ** 40n + 17n)).toEqual(draws(2 ** 40 + 17))
    expect(draws([17, 256])).toEqual(draws(2 ** 40 + 17))
    expect(draws(18)).not.toEqual(draws(17))
  })
})

describe('distribution', () => {
  test('draws follow the softmax (chi-square at p > 0.001)', () => {
    const logits = logitsOf([0, 1, 2, -1, 0.5, 1.5, -2, 0.1])
    const draws = 100_000
    const counts = new Array<number>(logits.length).fill(0)
    for (const token of engine.drawTokens(logits, {}, 12345, 0, draws).tokens) counts[token]!++
    const statistic = softmax(logits).reduce((sum, p, id) => sum + (counts[id]! - p * draws) ** 2 / (p * draws), 0)
    expect(statistic).toBeLessThan(24.32) // 7 degrees of freedom
  })

  test('log-probs are those of the plain softmax, whatever the sampling rule', () => {
    const logits = Float32Array.from({ length: 417 }, (_, i) => 8 * Math.sin(i * 1.7))
    const plain = softmax(logits)
    for (const rule of [{}, { temperature: 0.3 }, { topK: 5 }, { greedy: true }] satisfies Sampling[]) {
      const { tokens, logps } = engine.drawTokens(logits, rule, 9, 0, 50)
      tokens.forEach((token, i) => expect(logps[i]).toBeCloseTo(Math.log(plain[token]!), 5))
    }
  })

  test('very unlikely tokens keep exact log-probs', () => {
    const { logps } = engine.drawTokens(logitsOf([0, -80]), { temperature: 1000 }, 5, 0, 40)
    expect(logps.some((logp) => Math.abs(logp + 80) < 1e-4)).toBe(true)
  })

  test('greedy takes the likeliest token, the first among equals', () => {
    const { tokens, samplingLogps } = engine.drawTokens(logitsOf([1, 3, 3, 2]), { greedy: true, temperature: 5, topK: 3 }, 1, 0, 5)
    expect([...tokens]).toEqual([1, 1, 1, 1, 1])
    expect([...samplingLogps]).toEqual([0, 0, 0, 0, 0])
  })
})

describe('filters', () => {
  const finiteLogits = fc.array(fc.double({ min: -6, max: 6, noNaN: true }), { minLength: 2, maxLength: 40 }).map(logitsOf)
  const rule = fc.record({
    temperature: fc.constantFrom(0.25, 0.7, 1, 2),
    topK: fc.constantFrom(0, 1, 2, 5, 1000),
    topP: fc.constantFrom(0.0513, 0.5137, 0.9071, 1), // no k/n: a tie with the edge is decided by rounding
    minP: fc.constantFrom(0, 0.02, 0.3),
  })

  test('every combination draws what the reference draws, with its log-probs', () => {
    fc.assert(
      fc.property(finiteLogits, rule, fc.nat(), (logits, sampling, seed) => {
        const expected = reference(logits, sampling)
        const { tokens, samplingLogps } = engine.drawTokens(logits, sampling, seed, 0, 20)
        tokens.forEach((token, i) => {
          expect(token).toBe(invert(expected, uniformAt(seed, 0, i)))
          expect(samplingLogps[i]).toBeCloseTo(Math.log(expected[token]!), 4)
        })
      }),
      { numRuns: 400, seed: 7 },
    )
  })

  test('equal logits at the edge of topK: the smaller ids stay', () => {
    const tokens = new Set(engine.drawTokens(logitsOf([1, 1, 1, 1, 1]), { topK: 2 }, 3, 0, 200).tokens)
    expect([...tokens].sort()).toEqual([0, 1])
  })

  test('the smallest topP still keeps one token', () => {
    expect(new Set(engine.drawTokens(logitsOf([0, 2, 1]), { topP: 1e-9 }, 3, 0, 50).tokens)).toEqual(new Set([1]))
  })

  test('a large vocabulary with topP keeps what the reference keeps', () => {
    const logits = Float32Array.from({ length: 20_000 }, (_, i) => 6 * Math.sin(i * 0.37) + Math.cos(i * 1.3))
    const expected = reference(logits, { topP: 0.8, temperature: 0.6 })
    const { tokens } = engine.drawTokens(logits, { topP: 0.8, temperature: 0.6 }, 11, 0, 100)
    expect(Array.from(tokens)).toEqual(Array.from(tokens, (_, i) => invert(expected, uniformAt(11, 0, i))))
  })
})

describe('wrong use', () => {
  test('logits that are not finite are reported, not drawn from', () => {
    for (const broken of [NaN, Infinity, -Infinity]) {
      expect(engine.drawTokens(logitsOf([0, broken, 1]), {}, 1, 0, 3)).toMatchObject({ finite: false, tokens: new Int32Array(0) })
    }
  })

  test('rules and seeds out of range are refused', async () => {
    const draw =
      (sampling: Sampling, seed: unknown = 1) =>
      () =>
        engine.drawTokens(logitsOf([0, 1]), sampling, seed as number, 0, 1)
    for (const call of [
      draw({ temperature: 0 }),
      draw({ temperature: NaN }),
      draw({ topK: -1 }),
      draw({ topK: 1.5 }),
      draw({ topP: 0 }),
      draw({ topP: 1.1 }),
      draw({ minP: -0.1 }),
      draw({}, -1),
      draw({}, 1.5),
      draw({}, 2n ** 64n),
      draw({}, [1]),
      draw({}, [1, -1]),
      draw({}, null),
    ])
      await refuses('bad-argument', call)
    await refuses('wrong-dtype', () => engine.drawTokens([0, 1] as never, {}, 1, 0, 1))
  })
})
