// Every family against transformers: small random models that `bench/peers/families.py` made, read from their folders as a person's would
// be, and held to the log-probs and the greedy continuations that transformers computed on them in float32.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { openEngine } from '../../src-main/engine/engine.ts'
import { toOnnx } from '../../src-main/graph/onnx.ts'
import { forwardFlopsPerToken, parameterCount, parameterSpecs, STARTER_CONFIG } from '../../src-main/model/config.ts'
import { configFromHuggingFace } from '../../src-main/model/families.ts'
import { huggingFaceWeights, readHuggingFace } from '../../src-main/model/huggingFace.ts'
import { trainGraph } from '../../src-main/model/llama.ts'
import { createWeights, openPolicy } from '../../src-main/rollout/policy.ts'

const engine = openEngine()
afterAll(() => engine.dispose())

const fixtures = join(import.meta.dirname, '../fixtures/families')

interface Reference {
  readonly tokens: readonly number[]
  readonly logps: readonly number[]
  readonly greedy: readonly number[]
}

async function open(name: string) {
  const folder = join(fixtures, name)
  const model = await readHuggingFace(folder)
  const tensors = new Map<string, Float32Array>()
  for await (const [tensor, values] of huggingFaceWeights(folder, model)) tensors.set(tensor, values)
  const parameters = createWeights(engine, model.config, tensors)
  const policy = await openPolicy(engine, model.config, parameters, { rows: 2, maxLength: 64 })
  return { model, tensors, policy, reference: JSON.parse(readFileSync(join(folder, 'reference.json'), 'utf8')) as Reference }
}

const names = ['llama', 'llama-bias', 'llama3', 'linear', 'dynamic', 'yarn', 'qwen2', 'qwen3'] as const

describe('a model of another maker', () => {
  it.each(names)('has the log-probs of transformers to 1e-4, whole sequence and cached (%s)', async (name) => {
    const { policy, reference } = await open(name)
    const [scored] = await policy.score([
      { prompt: Int32Array.from(reference.tokens.slice(0, 1)), completion: Int32Array.from(reference.tokens.slice(1)) },
    ])
    const worst = Math.max(...reference.logps.map((expected, i) => Math.abs(expected - scored![i]!)))
    expect(worst).toBeLessThan(1e-4)
    const [written] = await policy.decoder.generate({
      sources: [Int32Array.from(reference.tokens.slice(0, 8))],
      requests: [
        {
          source: 0,
          seed: 1,
          maxNewTokens: reference.greedy.length,
          stopTokens: [],
          temperature: 1,
          topK: 0,
          topP: 1,
          minP: 0,
          greedy: true,
        },
      ],
    })
    expect([...written!.tokens]).toEqual(reference.greedy)
    const [again] = await policy.score([{ prompt: Int32Array.from(reference.tokens.slice(0, 8)), completion: written!.tokens }])
    expect(Math.max(...again!.map((logp, i) => Math.abs(logp - written!.logps[i]!)))).toBeLessThan(1e-4)
    policy.dispose()
  })

  it('says in its configuration what its family adds', () => {
    const stated = (name: string) => configFromHuggingFace(JSON.parse(readFileSync(join(fixtures, name, 'config.json'), 'utf8')))
    expect(stated('llama')).toEqual({
      architecture: 'llama',
      vocabSize: 96,
      hiddenSize: 64,
      intermediateSize: 48,
      layers: 2,
      heads: 4,
      kvHeads: 2,
      headDim: 16,
      ropeTheta: 10_000,
      rmsEps: 1e-6,
      maxPositions: 64,
    })
    expect(stated('qwen2')).toMatchObject({ architecture: 'qwen2', attentionBias: 'qkv', untiedHead: true })
    expect(stated('qwen3')).toMatchObject({ architecture: 'qwen3', qkNorm: true, headDim: 32 })
    expect(stated('llama-bias')).toMatchObject({ attentionBias: 'qkvo', untiedHead: true })
    expect(stated('llama3').ropeScaling).toEqual({
      kind: 'llama3',
      factor: 8,
      lowFrequencyFactor: 1,
      highFrequencyFactor: 4,
      originalPositions: 16,
    })
    expect(stated('dynamic')).toMatchObject({ maxPositions: 64 })
    expect(stated('dynamic').ropeScaling).toBeUndefined()
  })

  it('is read from many shards, each tensor once', async () => {
    const { model, tensors } = await open('qwen2')
    expect(model.weights.length).toBeGreaterThan(2)
    expect([...tensors.keys()].sort()).toEqual(
      parameterSpecs(model.config)
        .map((spec) => spec.name)
        .sort(),
    )
    expect(model.dtypes).toEqual(['BF16'])
  })

  it.each(['llama-bias', 'qwen3'] as const)(
    'has gradients of every parameter that agree with a finite difference (%s)',
    async (name) => {
      const { model, tensors, reference } = await open(name)
      const graph = trainGraph(
        model.config,
        (g, { logps, weights }) => ({ loss: g.neg(g.reduceSum(g.mul(logps, weights), undefined, false)), sums: {} }),
        { oldLogps: false, refLogps: false },
      )
      const parameters = createWeights(engine, model.config, tensors)
      const session = await engine.createSession(toOnnx(graph), { parameters })
      const width = 12
      const plane = (values: readonly number[]) => ({ dtype: 'int64' as const, dims: [1, width], data: Int32Array.from(values) })
      const feeds = {
        tokens: plane(reference.tokens.slice(0, width)),
        targets: plane(reference.tokens.slice(1, width + 1)),
        positions: plane([...Array(width).keys()]),
        scored: { dtype: 'int64' as const, dims: [width], data: Int32Array.from({ length: width }, (_, i) => i) },
        advantages: { dtype: 'float32' as const, dims: [1, width], data: new Float32Array(width) },
        weights: { dtype: 'float32' as const, dims: [1, width], data: new Float32Array(width).fill(1 / width) },
      }
      const wanted = parameterSpecs(model.config).map((spec) => `grad/${spec.name}`)
      const slopes = await session.run(feeds, wanted)
      session.dispose()
      for (const { name: parameter } of parameterSpecs(model.config).filter(
        (spec) => spec.name.includes('layers.1') || !spec.name.includes('layers'),
      )) {
        const gradient = slopes[`grad/${parameter}`]!.data as Float32Array
        const norm = Math.hypot(...gradient)
        // A step along the gradient: the loss changes by step * |gradient|^2 / |gradient|.
        const lossAt = async (step: number): Promise<number> => {
          const moved = createWeights(
            engine,
            model.config,
            new Map([...tensors, [parameter, tensors.get(parameter)!.map((value, i) => value + (step * gradient[i]!) / norm)]]),
          )
          const other = await engine.createSession(toOnnx(graph), { parameters: moved })
          const { loss } = await other.run(feeds, ['loss'])
          other.dispose()
          moved.dispose()
          return (loss!.data as Float32Array)[0]!
        }
        const step = 2e-3
        if (norm < 1e-4) {
          expect(parameter).toMatch(/k_proj\.bias/)
          continue
        }
        expect(((await lossAt(step)) - (await lossAt(-step))) / (2 * step) / norm, parameter).toBeCloseTo(1, 1)
      }
      parameters.dispose()
    },
    60_000,
  )

  it('leaves the starter and its cost as they were', () => {
    expect(parameterCount(STARTER_CONFIG)).toBe(840_832)
    expect(forwardFlopsPerToken(STARTER_CONFIG, 100)).toBe(2 * (840_832 - 128 * 9) + 4 * 4 * 4 * 32 * 100)
  })

  it.each([
    ['another family', { model_type: 'gemma3' }, 'model.architecture', 'gemma3'],
    ['a sliding window', { model_type: 'qwen2', use_sliding_window: true }, 'model.architecture', 'sliding window'],
    ['longrope', { rope_scaling: { rope_type: 'longrope', factor: 4 } }, 'model.architecture', 'longrope'],
    [
      'llama3 scaling without its original length',
      { rope_scaling: { rope_type: 'llama3', factor: 8, low_freq_factor: 1, high_freq_factor: 4 } },
      'model.config',
      'none',
    ],
    ['heads that do not divide', { num_key_value_heads: 3 }, 'model.config', 'do not'],
  ])('is refused with %s', (_, changes, code, found) => {
    const stated = JSON.parse(readFileSync(join(fixtures, 'llama', 'config.json'), 'utf8')) as object
    const expected = expect.objectContaining({ code, found: expect.stringContaining(found) })
    expect(() => configFromHuggingFace({ ...stated, architectures: [], rope_parameters: undefined, ...changes })).toThrow(expected)
  })
})
