// Generation: the same completion at any number of rows, in any order, forked or computed afresh; log-probs equal to those of
// the whole-sequence graph; a broken row does not disturb its neighbours; wrong use is refused.
import { readFileSync, writeFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Completion, Decoder, GenerateProgress, GenerateRequest } from '../../src-main/engine/decoder.ts'
import { openEngine, type Engine } from '../../src-main/engine/engine.ts'
import type { ParameterSet } from '../../src-main/engine/parameters.ts'
import { tensor } from '../../src-main/engine/tensor.ts'
import { initialWeights } from '../../src-main/model/config.ts'
import { decodeModel } from '../../src-main/model/onnx.ts'
import { createWeights } from '../../src-main/rollout/policy.ts'
import { refuses } from './failing.ts'
import { LLAMA, llamaParameters, markovOnnx, openLlama, openMarkov, prompt, scoreOnnx, surely } from './models.ts'

let engine: Engine
let weights: ParameterSet
const decoders = new Map<number, Decoder>()
const llama = async (rows: number): Promise<Decoder> => {
  const made = decoders.get(rows) ?? (await openLlama(engine, weights, rows))
  decoders.set(rows, made)
  return made
}

beforeAll(() => {
  engine = openEngine()
  weights = llamaParameters(engine)
})
afterAll(() => engine.dispose())

const tokensOf = (completions: readonly Completion[]): number[][] => completions.map((completion) => Array.from(completion.tokens))

/** Rollouts of several prompts, several requests each, of different lengths and rules. */
function mixedWork(): { sources: Int32Array[]; requests: GenerateRequest[] } {
  const sources = [prompt(9, 1), prompt(17, 2), prompt(1, 3), prompt(40, 4)]
  const requests = Array.from({ length: 80 }, (_, i): GenerateRequest => ({
    source: (i * 7) % 4,
    length: i % 3 === 0 && i % 4 !== 2 ? 1 + (i % 8) : undefined,
    suffix: i % 5 === 0 ? prompt(1 + (i % 12), i) : [],
    seed: BigInt(i) << 33n,
    maxNewTokens: 1 + ((i * 11) % 50),
    stopTokens: [3, 4],
    temperature: i % 2 === 0 ? 1 : 0.8,
    topK: i % 6 === 0 ? 12 : 0,
  }))
  return { sources, requests }
}

describe('independence of the batch', () => {
  test('tokens are the same at 1, 7 and 64 rows', async () => {
    const one = await (await llama(1)).generate(mixedWork())
    const seven = await (await llama(7)).generate(mixedWork())
    const many = await (await llama(64)).generate(mixedWork())
    expect(tokensOf(seven)).toEqual(tokensOf(one))
    expect(tokensOf(many)).toEqual(tokensOf(one))
    expect(new Set(one.map((completion) => completion.finish))).toEqual(new Set(['stop', 'length']))
    one.forEach((completion, i) => {
      completion.logps.forEach((logp, t) => expect(many[i]!.logps[t]).toBeCloseTo(logp, 4))
    })
  })

  test('the order of requests does not matter', async () => {
    const { sources, requests } = mixedWork()
    const straight = await (await llama(7)).generate({ sources, requests })
    const reversed = await (await llama(7)).generate({ sources, requests: requests.toReversed() })
    expect(tokensOf(reversed.toReversed())).toEqual(tokensOf(straight))
  })

  test('continuous batching equals one request at a time', async () => {
    const { sources, requests } = mixedWork()
    const decoder = await llama(7)
    const together = await decoder.generate({ sources, requests })
    for (const index of [0, 13, 40, 79]) {
      const [alone] = await decoder.generate({ sources, requests: [requests[index]!] })
      expect(Array.from(alone!.tokens)).toEqual(Array.from(together[index]!.tokens))
    }
  })

  test('a second call finds nothing of the first in the cache', async () => {
    const decoder = await llama(7)
    const first = await decoder.generate(mixedWork())
    await decoder.generate({ sources: [prompt(100, 9)], requests: [{ source: 0, seed: 1, maxNewTokens: 20, stopTokens: [] }] })
    expect(tokensOf(await decoder.generate(mixedWork()))).toEqual(tokensOf(first))
  })
})

test.runIf(process.platform === 'linux')(
  'the cache takes memory while it is written to and gives it back with the last token',
  async () => {
    const config = { ...LLAMA, layers: 2, heads: 2, kvHeads: 2, headDim: 64, maxPositions: 2048 }
    const parameters = createWeights(engine, config, initialWeights(config, 3))
    const decoder = await engine.createDecoder({
      onnx: decodeModel(config),
      parameters,
      ...{ layers: 2, kvHeads: 2, headDim: 64, vocabulary: config.vocabSize, maxLength: 2048, rows: 64 },
    })
    const resident = (field: string): number =>
      1024 * Number(new RegExp(`${field}:\\s+(\\d+)`).exec(readFileSync('/proc/self/status', 'utf8'))![1])
    // From here on the most that is held is counted anew.
    writeFileSync('/proc/self/clear_refs', '5')
    const before = resident('VmRSS')
    const requests = Array.from({ length: 64 }, (_, seed) => ({ source: 0, seed, maxNewTokens: 2, stopTokens: [] }))
    await decoder.generate({ sources: [prompt(2000, 1)], requests })
    const cache = 64 * 2000 * 2 * 2 * 2 * 64 * 4
    expect(decoder.bytes).toBeGreaterThan(cache)
    expect(resident('VmHWM') - before).toBeGreaterThan(0.9 * cache)
    expect(resident('VmRSS') - before).toBeLessThan(0.3 * cache)
    decoder.dispose()
    parameters.dispose()
  },
)

describe('prefixes', () => {
  const request = { seed: 5, maxNewTokens: 24, stopTokens: [] } as const

  test('a fork of a longer source equals a source that ends there', async () => {
    const decoder = await llama(7)
    const whole = prompt(60, 5)
    const cuts = [1, 2, 15, 33, 59, 60]
    const forked = await decoder.generate({ sources: [whole], requests: cuts.map((length) => ({ ...request, source: 0, length })) })
    const fresh = await decoder.generate({
      sources: cuts.map((cut) => whole.slice(0, cut)),
      requests: cuts.map((_, source) => ({ ...request, source })),
    })
    expect(tokensOf(forked)).toEqual(tokensOf(fresh))
    forked.forEach((completion, i) => completion.logps.forEach((logp, t) => expect(fresh[i]!.logps[t]).toBeCloseTo(logp, 4)))
  })

  test.each([1, 3, 11, 12, 13, 30])('a suffix of %i tokens equals a source that holds them', async (count) => {
    const decoder = await llama(7)
    const head = prompt(20, 6)
    const suffix = prompt(count, 7)
    const [split] = await decoder.generate({ sources: [head], requests: [{ ...request, source: 0, suffix }] })
    const [joined] = await decoder.generate({ sources: [Int32Array.of(...head, ...suffix)], requests: [{ ...request, source: 0 }] })
    expect(split!.tokens).toEqual(joined!.tokens)
  })

  test('a suffix alone is enough', async () => {
    const decoder = await llama(1)
    const tokens = prompt(10, 8)
    const [suffixed] = await decoder.generate({ sources: [prompt(3, 1)], requests: [{ ...request, source: 0, length: 0, suffix: tokens }] })
    const [plain] = await decoder.generate({ sources: [tokens], requests: [{ ...request, source: 0 }] })
    expect(suffixed!.tokens).toEqual(plain!.tokens)
  })

  test('a completion fills the cache to the last position and no further', async () => {
    const decoder = await llama(7)
    const [full, overfull] = await decoder.generate({
      sources: [prompt(120, 1), prompt(128, 2)],
      requests: [
        { ...request, source: 0, maxNewTokens: 500 },
        { ...request, source: 1, maxNewTokens: 500 },
      ],
    })
    expect(full).toMatchObject({ finish: 'length' })
    expect(full!.tokens).toHaveLength(128 - 120 + 1) // the last written token is never fed
    expect(overfull!.tokens).toHaveLength(1)
  })
})

describe('log-probs', () => {
  test('decoding and scoring agree on the same tokens', async () => {
    const head = prompt(12, 3)
    const completions = await (
      await llama(7)
    ).generate({
      sources: [head],
      requests: Array.from({ length: 9 }, (_, seed) => ({ source: 0, seed, maxNewTokens: 40, stopTokens: [], temperature: 0.9 })),
    })
    const session = await engine.createSession(scoreOnnx(), { parameters: weights })
    for (const { tokens, logps } of completions) {
      const sequence = [...head, ...tokens]
      const width = sequence.length - 1
      const scored = await session.run(
        {
          tokens: tensor.int64(sequence.slice(0, -1), [1, width]),
          targets: tensor.int64(sequence.slice(1), [1, width]),
          positions: tensor.int64(
            Array.from({ length: width }, (_, at) => at),
            [1, width],
          ),
          scored: tensor.int64(
            Array.from({ length: width }, (_, at) => at),
            [width],
          ),
        },
        ['logps'],
      )
      const expected = (scored.logps!.data as Float32Array).slice(head.length - 1)
      const worst = Math.max(...Array.from(logps, (logp, t) => Math.abs(logp - expected[t]!)))
      expect(worst).toBeLessThan(2e-5)
    }
  })

  test('samplingLogps equal logps where nothing is filtered', async () => {
    const [completion] = await (
      await llama(1)
    ).generate({ sources: [prompt(5, 1)], requests: [{ source: 0, seed: 2, maxNewTokens: 30, stopTokens: [] }] })
    expect(completion!.samplingLogps).toEqual(completion!.logps)
    expect(completion!.sampled).toEqual(new Uint8Array(30).fill(1))
  })

  test('new weights are used at once', async () => {
    const parameters = llamaParameters(engine, 2)
    const decoder = await openLlama(engine, parameters, 2)
    const work = { sources: [prompt(5, 1)], requests: [{ source: 0, seed: 2, maxNewTokens: 30, stopTokens: [] }] }
    const before = await decoder.generate(work)
    parameters.copyFrom(weights)
    const after = await decoder.generate(work)
    expect(tokensOf(after)).not.toEqual(tokensOf(before))
    expect(tokensOf(after)).toEqual(tokensOf(await (await llama(7)).generate(work)))
  })
})

describe('a broken row', () => {
  test('logits that are not finite end that completion and no other', async () => {
    // Token 1 leads to 2, 2 to broken logits; token 3 leads to itself.
    const { decoder } = await openMarkov(engine, 4, (token) => [surely(4, 1), surely(4, 2), [0, NaN, 0, 0], surely(4, 3)][token]!)
    const completions = await decoder.generate({
      sources: [Int32Array.of(1), Int32Array.of(3)],
      requests: [0, 1, 0, 1, 0, 1].map((source) => ({ source, seed: 1, maxNewTokens: 10, stopTokens: [] })),
    })
    for (const index of [0, 2, 4]) expect(completions[index]).toMatchObject({ finish: 'nonfinite', tokens: Int32Array.of(2) })
    for (const index of [1, 3, 5]) expect(completions[index]).toMatchObject({ finish: 'length', tokens: new Int32Array(10).fill(3) })
  })
})

describe('progress and cancelling', () => {
  test('progress is bounded in number and grows', async () => {
    const seen: GenerateProgress[] = []
    const started = performance.now()
    const { sources, requests } = mixedWork()
    const many = Array.from({ length: 20 }, () => requests).flat()
    await (await llama(7)).generate({ sources, requests: many, onProgress: (progress) => seen.push(progress) })
    const lasted = performance.now() - started
    expect(seen.length).toBeGreaterThan(0)
    expect(seen.length).toBeLessThanOrEqual(2 + lasted / 50)
    expect(
      seen.every(
        (progress, i) => progress.total === many.length && progress.active <= 7 && (i === 0 || progress.tokens > seen[i - 1]!.tokens),
      ),
    ).toBe(true)
  })

  const endless = (count: number): { sources: Int32Array[]; requests: GenerateRequest[] } => ({
    sources: [prompt(4, 1)],
    requests: Array.from({ length: count }, (_, seed) => ({ source: 0, seed, maxNewTokens: 120, stopTokens: [] })),
  })

  test('aborting keeps what was written and marks it cancelled', async () => {
    const decoder = await llama(7)
    const abort = new AbortController()
    const completions = await decoder.generate({ ...endless(5000), signal: abort.signal, onProgress: () => abort.abort() })
    const finishes = completions.map((completion) => completion.finish)
    expect(completions).toHaveLength(5000)
    expect(new Set(finishes)).toContain('cancelled')
    expect(completions.at(-1)).toMatchObject({ finish: 'cancelled', tokens: new Int32Array(0) })
    const whole = await decoder.generate(endless(3))
    completions
      .slice(0, 3)
      .forEach((cut, i) => expect(Array.from(whole[i]!.tokens.slice(0, cut.tokens.length))).toEqual(Array.from(cut.tokens)))
  })

  test('a signal that is already aborted starts nothing', async () => {
    await refuses('cancelled', async () => (await llama(7)).generate({ ...endless(1), signal: AbortSignal.abort() }))
  })

  test('a second call while one is running is refused, and the first one finishes', async () => {
    const decoder = await llama(7)
    const first = decoder.generate(endless(20))
    await refuses('busy', () => decoder.generate(endless(1)))
    await refuses('busy', () => weights.set('model.norm.weight', new Float32Array(LLAMA.hiddenSize)))
    expect(await first).toHaveLength(20)
    expect(await decoder.generate(endless(1))).toHaveLength(1)
  })

  test('disposing while running rejects with disposed', async () => {
    const decoder = await openLlama(engine, weights, 4)
    const running = decoder.generate(endless(5000))
    setImmediate(() => decoder.dispose())
    await refuses('disposed', () => running)
    await refuses('disposed', () => decoder.generate(endless(1)))
    await refuses('disposed', () => decoder.bytes)
  })

  test('an empty list of requests gives an empty list', async () => {
    expect(await (await llama(7)).generate({ sources: [], requests: [] })).toEqual([])
  })
})

describe('wrong use', () => {
  test('requests are checked one by one', async () => {
    const decoder = await llama(7)
    const good: GenerateRequest = { source: 0, seed: 1, maxNewTokens: 1, stopTokens: [] }
    const asking =
      (change: object, sources: unknown = [prompt(4, 1)]) =>
      () =>
        decoder.generate({ sources: sources as Int32Array[], requests: [{ ...good, ...change }] })
    for (const call of [
      asking({ source: 1 }),
      asking({ source: -1 }),
      asking({ length: 5 }),
      asking({ length: 0 }),
      asking({ maxNewTokens: 0 }),
      asking({ suffix: [61] }),
      asking({ suffix: [-1] }),
      asking({ suffix: new Array(125).fill(0) }),
      asking({ stopTokens: [61] }),
      asking({ seed: undefined }),
      asking({ temperature: -1 }),
      asking({ topP: 2 }),
      asking({ prefixThinkingTokens: -1 }),
      asking({ thinking: { closers: [[61]], endTokens: [1], budget: 1, answerTokens: 1 } }),
      asking({ thinking: { closers: [[]], endTokens: [1], budget: 1, answerTokens: 1 } }),
      asking({ thinking: { closers: [[1]], endTokens: [], budget: 1, answerTokens: 1 } }),
      asking({ thinking: { closers: [[1]], endTokens: [1], budget: -1, answerTokens: 1 } }),
      asking({ thinking: { closers: [[1]], endTokens: [1], budget: 1, answerTokens: 1, minimum: 1 } }),
      asking({}, [Int32Array.of(61)]),
      asking({}, [[0.5]]),
      asking({}, []),
      asking({}, 'sources'),
      asking({}, [prompt(129, 1)]),
    ])
      await refuses('bad-argument', call)
    await refuses('wrong-dtype', asking({}, ['tokens']))
    await refuses('wrong-dtype', asking({ stopTokens: undefined, suffix: 'x' }))
    await refuses('bad-argument', () => decoder.generate({ sources: [], requests: {} as never }))
  })

  test('a graph that is no decode graph of this shape is refused when it is loaded', async () => {
    const parameters = engine.createParameters([{ name: 'table', dims: [4, 4], decay: false }])
    const shape = { onnx: markovOnnx(4), parameters, layers: 1, kvHeads: 1, headDim: 16, maxLength: 64, vocabulary: 4, rows: 2 }
    const create = (change: object) => () => engine.createDecoder({ ...shape, ...change })
    await refuses('bad-model', create({ vocabulary: 5 }))
    await refuses('bad-model', create({ layers: 2 }))
    await refuses('bad-model', create({ headDim: 4 }))
    await refuses('bad-model', create({ kvHeads: 2 }))
    await refuses('bad-model', create({ maxLength: 129 })) // beyond the rotary tables
    await refuses('bad-model', create({ onnx: scoreOnnx() }))
    await refuses('bad-model', create({ onnx: new Uint8Array(3) }))
    await refuses('missing-input', create({ parameters: engine.createParameters([]) }))
    await refuses('bad-argument', create({ parameters: undefined }))
    await refuses('bad-argument', create({ rows: 0 }))
    await refuses('bad-argument', create({ layers: 1.5 }))
    await refuses('out-of-memory', create({ rows: 4096, maxLength: 2 ** 20, headDim: 4096, kvHeads: 4096 }))
    await engine.createDecoder(shape)
  })

  test('a hundred decoders come and go', async () => {
    const parameters = engine.createParameters([{ name: 'table', dims: [4, 4], decay: false }])
    const onnx = markovOnnx(4)
    for (let i = 0; i < 100; i++) {
      ;(
        await engine.createDecoder({ onnx, parameters, layers: 1, kvHeads: 1, headDim: 16, maxLength: 64, vocabulary: 4, rows: 2 })
      ).dispose()
    }
    expect(parameters.get('table')).toHaveLength(16)
  })
})
