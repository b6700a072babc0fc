// Frozen matrices held in 16 bits, or in blocks of 4: what is set is rounded, and everything that reads them (one graph, layers, decoder, scores) has the numbers
// of a model in single precision with those very values.
import { afterAll, describe, expect, it } from 'vitest'
import { openEngine } from '../../src-main/engine/engine.ts'
import type { Tensors } from '../../src-main/engine/tensor.ts'
import { openGraphSteps, openLayeredSteps } from '../../src-main/lab/training/trainingSteps.ts'
import { withAdapters } from '../../src-main/model/adapters.ts'
import { HELD_IN, initialWeights, parameterSpecs, withoutAdapters } from '../../src-main/model/config.ts'
import type { HeldIn, LlamaConfig } from '../../src-main/model/config.ts'
import { createRng } from '../../src-main/numeric/rng.ts'
import { lossGraph } from '../../src-main/rl/loss.ts'
import type { LossSpec } from '../../src-main/rl/types.ts'
import { createWeights, openPolicy } from '../../src-main/rollout/policy.ts'
import { completionPlane, sequenceFeeds } from '../../src-main/rollout/sequences.ts'

const engine = openEngine()
afterAll(() => engine.dispose())

const shape = {
  vocabSize: 300,
  hiddenSize: 32,
  intermediateSize: 48,
  layers: 2,
  heads: 4,
  kvHeads: 2,
  headDim: 16,
  ropeTheta: 10_000,
  rmsEps: 1e-5,
  maxPositions: 64,
}
const MODELS: Readonly<Record<string, LlamaConfig>> = {
  'with its embedding as output matrix': { ...shape, architecture: 'llama' },
  'with an output matrix of its own': { ...shape, architecture: 'qwen3', qkNorm: true, untiedHead: true },
}
const LOSS: LossSpec = { ratio: 'none', clipLow: 0.2, clipHigh: 0.2, aggregation: 'token-mean', klBeta: 0, updatesPerBatch: 1 }

/** The nearest bfloat16, ties to even, through the words of single precision. */
function nearestBfloat16(value: number): number {
  const word = new Uint32Array(Float32Array.of(value).buffer)
  word[0] = ((word[0]! + 0x7fff + ((word[0]! >>> 16) & 1)) & 0xffff0000) >>> 0
  return new Float32Array(word.buffer)[0]!
}

/** The nearest float16, ties to even: a multiple of the step between the numbers of its binade. */
function nearestFloat16(value: number): number {
  const step = 2 ** (Math.max(-14, Math.floor(Math.log2(Math.abs(value)))) - 10)
  const steps = value / step
  const below = Math.floor(steps)
  const up = steps - below > 0.5 || (steps - below === 0.5 && below % 2 !== 0)
  return (up ? below + 1 : below) * step
}

/** The nearest number of 11 significant bits, ties to even. */
function nearestOf11Bits(value: number): number {
  if (value === 0) return 0
  const step = 2 ** (Math.floor(Math.log2(Math.abs(value))) - 10)
  const steps = value / step
  const below = Math.floor(steps)
  const up = steps - below > 0.5 || (steps - below === 0.5 && below % 2 !== 0)
  return (up ? below + 1 : below) * step
}

/** Each 32 numbers as the nearest of 16 in equal steps from the least to the largest of them. */
const inBlocks = (values: Float32Array): Float32Array =>
  values.map((value, i) => {
    const block = values.subarray(i - (i % 32), i - (i % 32) + 32)
    const [least, most] = [Math.min(...block), Math.max(...block)]
    const from = nearestOf11Bits(least)
    const step = nearestOf11Bits(Math.fround(Math.fround(most - least) / 15))
    return step === 0 ? from : from + Math.max(0, Math.min(15, Math.round(Math.fround(Math.fround(value - from) / step)))) * step
  })

const NEAREST = { bfloat16: nearestBfloat16, float16: nearestFloat16 }
const rounding: Readonly<Record<HeldIn, (values: Float32Array) => Float32Array>> = {
  bfloat16: (values) => values.map(nearestBfloat16),
  float16: (values) => values.map(nearestFloat16),
  int4: inBlocks,
}

function weightsOf(config: LlamaConfig): Map<string, Float32Array> {
  const rng = createRng(4)
  const weights = initialWeights(config, 9)
  for (const [name, values] of weights)
    weights.set(
      name,
      values.map((value) =>
        name.includes('lora_B') ? 0.2 * rng.gaussian() : name.includes('norm') ? value + 0.1 * rng.gaussian() : 8 * value,
      ),
    )
  return weights
}

const roundedOf = (config: LlamaConfig, weights: ReadonlyMap<string, Float32Array>): Map<string, Float32Array> =>
  new Map(parameterSpecs(config).map(({ name, dtype }) => [name, dtype ? rounding[dtype](weights.get(name)!) : weights.get(name)!]))

function microbatch(): Tensors {
  const rng = createRng(2)
  const tokens = (count: number): Int32Array => Int32Array.from({ length: count }, () => rng.int(shape.vocabSize))
  const sequences = Array.from({ length: 4 }, (_, index) => ({ prompt: tokens(9), completion: tokens(12 + 5 * index) }))
  const batch = { members: [0, 1, 2, 3], width: 9 + 27 - 1 }
  const plane = (value: () => number) => completionPlane(batch, sequences, (member) => Array.from(sequences[member]!.completion, value))
  return { ...sequenceFeeds(batch, sequences, shape.vocabSize), advantages: plane(() => rng.gaussian()), weights: plane(() => 1 / 80) }
}

const norm = (values: Float32Array): number => Math.sqrt(values.reduce((sum, value) => sum + value * value, 0))
const distance = (found: Float32Array, expected: Float32Array): number =>
  norm(found.map((value, i) => value - expected[i]!)) / norm(expected)

const count = (of: LlamaConfig): number => {
  const parameters = engine.createParameters(parameterSpecs(of))
  const { bytes } = parameters
  parameters.dispose()
  return bytes
}

describe.each(['bfloat16', 'float16'] as const)('matrices held in %s', (held) => {
  const config = withAdapters(MODELS['with its embedding as output matrix']!, { rank: 4, alpha: 8, held })

  it('come back as the nearest numbers of that type, small and large ones too, in half the memory', () => {
    const values = Float32Array.of(
      0,
      -0,
      1,
      -1,
      1 / 3,
      0.1,
      1.00390625,
      1.001953125,
      -3e-5,
      6.1e-5,
      5.97e-8,
      2.99e-8,
      1234.567,
      65000,
      -4097.5,
      1e-20,
    )
    const set = engine.createParameters([{ name: 'w', dims: [values.length], decay: true, dtype: held }])
    set.set('w', values)
    expect([...set.get('w')]).toEqual(Array.from(values, (value) => (value === 0 ? value : NEAREST[held](value) + 0)))
    set.dispose()
    const matrices = parameterSpecs(config).reduce((sum, { dims, dtype }) => sum + (dtype ? dims[0]! * dims[1]! : 0), 0)
    expect(count(withAdapters(config, { rank: 4, alpha: 8 })) - count(config)).toBeGreaterThan(1.9 * matrices)
  })
})

describe('matrices held in blocks of 4 bits', () => {
  const set = (specs: Parameters<typeof engine.createParameters>[0]) => engine.createParameters(specs)
  const matrix = (rows: number, columns: number) => [{ name: 'w', dims: [rows, columns], decay: true, dtype: 'int4' as const }]

  it('come back as the nearest of sixteen numbers from the least to the largest of their block, and from those to the bit', () => {
    const rng = createRng(3)
    const values = Float32Array.from({ length: 8 * 96 }, (_, i) =>
      i < 32 ? 0 : i < 64 ? 0.3 : rng.gaussian() * 10 ** (Math.floor(i / 32) - 12) + (i % 64 < 32 ? 0 : 10 ** (Math.floor(i / 32) - 11)),
    )
    const held = set(matrix(8, 96))
    held.set('w', values)
    const once = held.get('w')
    expect(Array.from(once, (value) => value + 0)).toEqual(Array.from(inBlocks(values), (value) => value + 0))
    held.set('w', once)
    expect(held.get('w')).toEqual(once)
    const copy = held.clone()
    expect(copy.checksum()).toBe(held.checksum())
    copy.load(held.snapshot())
    expect(copy.get('w')).toEqual(once)
    copy.dispose()
    held.dispose()
  })

  it('take 6 bits for a number, and are those of the layers with rows of whole blocks', () => {
    const config = withAdapters({ ...shape, architecture: 'llama', hiddenSize: 64, headDim: 16 }, { rank: 4, alpha: 8, held: 'int4' })
    const types = new Map(parameterSpecs(config).map(({ name, dtype }) => [name, dtype]))
    expect(types.get('model.layers.1.self_attn.q_proj.weight')).toBe('int4')
    // 48 numbers to a row; and the embedding, which is the output matrix too.
    expect(types.get('model.layers.1.mlp.down_proj.weight')).toBe('bfloat16')
    expect(types.get('model.embed_tokens.weight')).toBe('bfloat16')
    const large = set(matrix(256, 1024))
    expect((large.bytes * 8) / (256 * 1024)).toBeGreaterThanOrEqual(6)
    expect((large.bytes * 8) / (256 * 1024)).toBeLessThan(6.1)
    large.dispose()
  })

  it('lose nothing of what came in such blocks, with scales and offsets of 16 bits', () => {
    const rng = createRng(7)
    const half = (value: number): number => nearestFloat16(value)
    const held = set(matrix(4, 64))
    const values = new Float32Array(256)
    for (let at = 0; at < 256; at += 32) {
      const [scale, least] = [half(0.01 * (1 + rng.float())), half(-0.1 * (1 + rng.float()))]
      // The first two are the ends: 0 and 15 steps.
      for (let i = 0; i < 32; i++) values[at + i] = least + scale * (i < 2 ? 15 * i : rng.int(16))
    }
    held.set('w', values)
    expect(held.get('w')).toEqual(values)
    held.dispose()
  })

  it('refuse rows that are no whole blocks, and numbers that have no scale', () => {
    expect(() => set(matrix(4, 48))).toThrow(/blocks of 32/)
    expect(() => set([{ name: 'w', dims: [64], decay: true, dtype: 'int4' }])).toThrow(/blocks of 32/)
    const held = set(matrix(1, 32))
    for (const wrong of [NaN, Infinity]) expect(() => held.set('w', new Float32Array(32).fill(wrong, 7, 8))).toThrow(/scale/)
    held.dispose()
  })
})

describe.each(HELD_IN)('a model of matrices held in %s', (held) => {
  const config = withAdapters(MODELS['with its embedding as output matrix']!, { rank: 4, alpha: 8, held })

  it('leaves norms, biases and adapters in single precision, and is the same without the adapters', () => {
    const specs = parameterSpecs(config)
    for (const { name, dtype, trainable } of specs) expect(dtype === undefined, name).toBe(name.includes('norm') || trainable)
    const start = parameterSpecs(withoutAdapters(config)).map(({ name, dtype }) => [name, dtype])
    expect(start).toEqual(specs.filter(({ trainable }) => !trainable).map(({ name, dtype }) => [name, dtype]))
  })

  describe.each(Object.entries(MODELS))('%s', (_what, base) => {
    const narrow = withAdapters(base, { rank: 4, alpha: 8, held })
    const wide = withAdapters(base, { rank: 4, alpha: 8 })
    const weights = weightsOf(wide)
    const rounded = roundedOf(narrow, weights)

    it('trains with the loss, log-probs and gradients of the same numbers in single precision, in one graph and layer by layer, kept or computed again', async () => {
      const stepOf = async (config: LlamaConfig, values: ReadonlyMap<string, Float32Array>, keptBytes: number | null) => {
        const parameters = createWeights(engine, config, values)
        const options = {
          config,
          parameters,
          loss: (g: Parameters<typeof lossGraph>[0], values: Parameters<typeof lossGraph>[1]) => lossGraph(g, values, LOSS),
          needs: { oldLogps: false, refLogps: false },
          temperature: 0.8,
        }
        const steps = await (keptBytes === null ? openGraphSteps(engine, options) : openLayeredSteps(engine, options, keptBytes))
        const { outputs } = await steps.step([microbatch()], ['loss', 'logps'], {})
        const gradients = steps.gradients()
        steps.dispose()
        parameters.dispose()
        return { outputs: outputs[0]!, gradients }
      }
      const expected = await stepOf(wide, rounded, null)
      for (const keptBytes of [null, 0, 1e9]) {
        const found = await stepOf(narrow, weights, keptBytes)
        for (const name of ['loss', 'logps'])
          expect(distance(found.outputs[name]!.data as Float32Array, expected.outputs[name]!.data as Float32Array), name).toBeLessThan(1e-5)
        expect(Object.keys(found.gradients)).toEqual(Object.keys(expected.gradients))
        for (const [name, gradient] of Object.entries(expected.gradients))
          expect(distance(found.gradients[name]!, gradient), name).toBeLessThan(1e-5)
      }
      // The rounding itself is far larger than that.
      const unrounded = await stepOf(wide, weights, null)
      expect(distance(unrounded.outputs.logps!.data as Float32Array, expected.outputs.logps!.data as Float32Array)).toBeGreaterThan(5e-5)
    })

    it('samples with the log-probs that it is scored with, adapters on and off', async () => {
      const parameters = createWeights(engine, narrow, weights)
      for (const config of [narrow, withoutAdapters(narrow)]) {
        const policy = await openPolicy(engine, config, parameters, { rows: 2, maxLength: 64 })
        const prompt = Int32Array.of(3, 14, 15, 92, 65)
        const [written] = await policy.decoder.generate({
          sources: [prompt],
          requests: [{ source: 0, seed: 7, maxNewTokens: 40, stopTokens: [], temperature: 1, topK: 0, topP: 1, minP: 0 }],
        })
        const [scored] = await policy.score([{ prompt, completion: written!.tokens }])
        expect(Math.max(...scored!.map((logp, i) => Math.abs(logp - written!.logps[i]!)))).toBeLessThan(1e-4)
        policy.dispose()
      }
      parameters.dispose()
    })
  })
})

it('refuses to round a number away that float16 does not hold', () => {
  const set = engine.createParameters([{ name: 'w', dims: [2], decay: true, dtype: 'float16' }])
  expect(() => set.set('w', Float32Array.of(1, 70_000))).toThrow(/float16/)
  set.dispose()
})

it('refuses to train what is held in 16 bits', async () => {
  const config: LlamaConfig = { ...MODELS['with its embedding as output matrix']!, held: 'bfloat16' }
  const parameters = createWeights(engine, config, weightsOf(config))
  await expect(
    openGraphSteps(engine, {
      config,
      parameters,
      loss: (g, values) => lossGraph(g, values, LOSS),
      needs: { oldLogps: false, refLogps: false },
      temperature: 1,
    }),
  ).rejects.toThrow()
  parameters.dispose()
})
