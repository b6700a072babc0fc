// Matrices that do not change as fixed values of the decoder's graph: the numbers are those of a graph that reads the set, and what a decoder has a copy of cannot be
// changed under it.
import { afterAll, describe, expect, it } from 'vitest'
import type { Decoder } from '../../src-main/engine/decoder.ts'
import { openEngine } from '../../src-main/engine/engine.ts'
import type { ParameterSet } from '../../src-main/engine/parameters.ts'
import { withAdapters } from '../../src-main/model/adapters.ts'
import { EMBEDDING, fixedMatrices, HEAD, initialWeights, layerNames } from '../../src-main/model/config.ts'
import type { HeldIn, LlamaConfig } from '../../src-main/model/config.ts'
import { decodeModel } from '../../src-main/model/onnx.ts'
import { createRng } from '../../src-main/numeric/rng.ts'
import { fixedFor, openDecoder } from '../../src-main/rollout/openDecoder.ts'
import { createWeights } from '../../src-main/rollout/policy.ts'

const engine = openEngine()
afterAll(() => engine.dispose())

const base: LlamaConfig = {
  architecture: 'llama',
  vocabSize: 300,
  hiddenSize: 64,
  intermediateSize: 96,
  layers: 2,
  heads: 4,
  kvHeads: 2,
  headDim: 16,
  ropeTheta: 10_000,
  rmsEps: 1e-5,
  maxPositions: 64,
}
const Q = layerNames(0).q

const parametersOf = (config: LlamaConfig): ParameterSet => {
  const rng = createRng(4)
  const weights = initialWeights(config, 9)
  for (const [name, values] of weights)
    weights.set(
      name,
      values.map((value) => (name.includes('lora_B') ? 0.2 * rng.gaussian() : 6 * value)),
    )
  return createWeights(engine, config, weights)
}

const open = (config: LlamaConfig, parameters: ParameterSet, names: readonly string[], relaid = false): Promise<Decoder> =>
  openDecoder(engine, config, parameters, { rows: 4, maxLength: config.maxPositions }, { names, relaid })

const write = (decoder: Decoder) =>
  decoder.generate({
    sources: [Int32Array.of(3, 14, 15, 92, 65)],
    requests: Array.from({ length: 6 }, (_, seed) => ({
      source: 0,
      seed,
      maxNewTokens: 40,
      stopTokens: [],
      temperature: 1,
      topK: 0,
      topP: 1,
      minP: 0,
    })),
  })

describe.each([undefined, 'int4', 'bfloat16'] as const)('matrices held in %s beneath adapters', (held?: HeldIn) => {
  it.each([false, true])('are decoded with the same numbers where they are fixed (output matrix of its own: %s)', async (untiedHead) => {
    const config = withAdapters({ ...base, ...(untiedHead && { untiedHead }) }, { rank: 4, alpha: 8, held })
    const parameters = parametersOf(config)
    const { names } = fixedMatrices(config, false)
    const [bound, fixed] = [await open(config, parameters, []), await open(config, parameters, names)]
    const [expected, found] = [await write(bound), await write(fixed)]
    for (const [row, { tokens, logps }] of expected.entries()) {
      expect([...found[row]!.tokens]).toEqual([...tokens])
      expect(Math.max(...logps.map((logp, at) => Math.abs(logp - found[row]!.logps[at]!)))).toBeLessThan(2e-5)
    }
    for (const each of [bound, fixed]) each.dispose()
    parameters.dispose()
  })
})

describe('what is fixed', () => {
  it('are the matrices of the model beneath adapters that are multiplied with, in single precision or in blocks', () => {
    const names = (config: LlamaConfig, whole = false): readonly string[] => fixedMatrices(config, whole).names
    const adapted = withAdapters(base, { rank: 4, alpha: 8 })
    expect(names(adapted)).toHaveLength(1 + 2 * 7)
    expect(names(adapted).some((name) => name.includes('lora') || name.includes('norm'))).toBe(false)
    expect(names(adapted, true)).toEqual(names(adapted))
    expect(names({ ...adapted, untiedHead: true })).toContain(HEAD)
    expect(names({ ...adapted, untiedHead: true })).not.toContain(EMBEDDING)
    expect(names(withAdapters(base, { rank: 4, alpha: 8, held: 'bfloat16' }))).toEqual([])
    expect(names(withAdapters(base, { rank: 4, alpha: 8, held: 'int4' }))).toContain(`${Q}/blocks`)
    expect(names(base)).toEqual([])
    expect(names(base, true)).toContain(Q)
  })

  it('is nothing of a small model without adapters, on another device, or beyond a gigabyte, whether it trains or stays', () => {
    const adapted = withAdapters(base, { rank: 4, alpha: 8 })
    expect(fixedFor(adapted, {}).bytes).toBe(4 * (300 * 64 + 2 * (2 * 64 * 64 + 2 * 32 * 64 + 3 * 96 * 64)))
    expect(fixedFor(adapted, { device: 'webgpu' }).names).toEqual([])
    const large = { ...base, vocabSize: 50_000 }
    for (const weights of ['stay', 'train'] as const) {
      expect(fixedFor(base, { weights }).names).toEqual([])
      expect(fixedFor(large, { weights }).names).toContain(Q)
      expect(fixedFor(large, { weights, device: 'webgpu' }).names).toEqual([])
    }
    expect(fixedFor(large, {}).names).toEqual([])
    expect(fixedFor({ ...adapted, hiddenSize: 4096, vocabSize: 151_936 }, {}).names).toEqual([])
  })

  it('cannot be changed while the decoder is open, and can when it is closed; adapters can at any time', async () => {
    const config = withAdapters(base, { rank: 4, alpha: 8, held: 'int4' })
    const parameters = parametersOf(config)
    const decoder = await open(config, parameters, fixedMatrices(config, false).names)
    const before = await write(decoder)
    expect(() => parameters.set(Q, parameters.get(Q))).toThrow(/fixed in a graph that is open/)
    expect(() => parameters.load(parameters.snapshot())).toThrow(/fixed in a graph that is open/)
    const adapter = `${Q.replace('weight', 'lora_B.weight')}`
    parameters.set(
      adapter,
      parameters.get(adapter).map((value) => 20 * value + 3),
    )
    expect((await write(decoder)).map(({ tokens }) => [...tokens])).not.toEqual(before.map(({ tokens }) => [...tokens]))
    decoder.dispose()
    parameters.set(Q, parameters.get(Q))
    parameters.dispose()
  })

  it('is laid out anew for what is written after weights that train have changed, and is given back in between', async () => {
    const parameters = parametersOf(base)
    const { names } = fixedMatrices(base, true)
    const decoder = await open(base, parameters, names, true)
    const tokensOf = async (each: Decoder) => (await write(each)).map(({ tokens }) => [...tokens])
    const before = await tokensOf(decoder)
    const former = parameters.snapshot()
    parameters.set(
      Q,
      parameters.get(Q).map((value) => 3 * value + 0.1),
    )
    const reader = await open(base, parameters, [])
    const after = await tokensOf(decoder)
    expect(after).not.toEqual(before)
    expect(after).toEqual(await tokensOf(reader))
    decoder.forget()
    expect(await tokensOf(decoder)).toEqual(after)
    parameters.load(former)
    decoder.forget()
    expect(await tokensOf(decoder)).toEqual(before)
    for (const each of [decoder, reader]) each.dispose()
    parameters.dispose()
  })

  it('is refused by name where the set has no such parameter, and on a device', async () => {
    const parameters = parametersOf(base)
    for (const relaid of [false, true])
      await expect(open(base, parameters, ['nothing'], relaid)).rejects.toMatchObject({ code: 'unknown-name' })
    await expect(engine.createSession(decodeModel(base), { parameters, fixed: [Q], device: 'webgpu' })).rejects.toMatchObject({
      code: 'bad-argument',
    })
    parameters.dispose()
  })
})
