// Low-rank adapters in every graph: what they change, what trains, that the model without them lies in the same memory, and that merging
// them into the weights gives the same model.
import { afterAll, describe, expect, it } from 'vitest'
import { openEngine } from '../../src-main/engine/engine.ts'
import type { Graph } from '../../src-main/graph/ir.ts'
import { toOnnx } from '../../src-main/graph/onnx.ts'
import {
  adapterNames,
  EMBEDDING,
  initialAdapters,
  initialWeights,
  layerNames,
  LINEARS,
  parameterSpecs,
  withoutAdapters,
} from '../../src-main/model/config.ts'
import type { LlamaConfig } from '../../src-main/model/config.ts'
import { mergedWeights } from '../../src-main/model/adapters.ts'
import { trainGraph } from '../../src-main/model/llama.ts'
import { createRng } from '../../src-main/numeric/rng.ts'
import { exactMu } from '../../src-main/rollout/exactMu.ts'
import { createWeights, openPolicy } from '../../src-main/rollout/policy.ts'
import type { Policy } from '../../src-main/rollout/policy.ts'
import { sequenceFeeds } from '../../src-main/rollout/sequences.ts'

const engine = openEngine()
afterAll(() => engine.dispose())

const base: LlamaConfig = {
  architecture: 'qwen3',
  vocabSize: 23,
  hiddenSize: 32,
  intermediateSize: 48,
  layers: 2,
  heads: 4,
  kvHeads: 2,
  headDim: 16,
  ropeTheta: 10_000,
  rmsEps: 1e-5,
  maxPositions: 64,
  attentionBias: 'qkvo',
  qkNorm: true,
  untiedHead: true,
}
const config: LlamaConfig = { ...base, lora: { rank: 3, alpha: 12, targets: LINEARS } }

/** Weights large enough that the model is sure of itself, and adapters whose second factor is not zero. */
const tensors = (() => {
  const rng = createRng(3)
  const all = initialWeights(config, 5)
  for (const { name, decay, trainable } of parameterSpecs(config)) {
    if (name.endsWith('lora_B.weight'))
      all.set(
        name,
        all.get(name)!.map(() => 0.2 * rng.gaussian()),
      )
    else if (decay && !trainable)
      all.set(
        name,
        all.get(name)!.map((value) => value * 12),
      )
    else if (name.endsWith('.bias'))
      all.set(
        name,
        all.get(name)!.map(() => 0.3 * rng.gaussian()),
      )
  }
  return all
})()

const rng = createRng(11)
const randomTokens = (count: number): Int32Array => Int32Array.from({ length: count }, () => rng.int(config.vocabSize))
const sequence = { prompt: randomTokens(4), completion: randomTokens(20) }
const answers = { token: Int32Array.of(4, 5, 2, 9), parent: Int32Array.of(-1, 0, 1, 1), terminal: Uint8Array.of(0, 0, 1, 1), strings: 2 }

const opened = async (shape: LlamaConfig, weights: ReadonlyMap<string, Float32Array> = tensors): Promise<Policy> =>
  openPolicy(engine, shape, createWeights(engine, shape, weights), { rows: 2, maxLength: 48 })
const furthest = (a: ArrayLike<number>, b: ArrayLike<number>): number => Math.max(...Array.from(a, (value, i) => Math.abs(value - b[i]!)))
const logpsOf = async (policy: Policy): Promise<Float32Array> => (await policy.score([sequence]))[0]!
const muOf = async (policy: Policy): Promise<Float64Array> =>
  (await exactMu([{ ...sequence, cuts: [0, 7, 20], answers }], [3], (feeds) => policy.branches.run(feeds))).J[0]!

const lossOf = (shape: LlamaConfig): Graph =>
  trainGraph(shape, (g, { logps, weights }) => ({ loss: g.neg(g.reduceSum(g.mul(logps, weights), undefined, false)), sums: {} }), {
    oldLogps: false,
    refLogps: false,
  })
const plane = (value: number) => ({ dtype: 'float32' as const, dims: [1, 23], data: new Float32Array(23).fill(value) })
const feeds = { ...sequenceFeeds({ members: [0], width: 23 }, [sequence]), advantages: plane(0), weights: plane(1 / 23) }

describe('low-rank adapters', () => {
  it('start as PEFT starts them: the first factor uniform within 1 / sqrt(in), the second zero, the same for the same seed', () => {
    const made = initialAdapters({ ...config, lora: { ...config.lora!, rank: 64 } }, 7)
    const { a, b } = adapterNames(layerNames(1).down)
    const bound = 1 / Math.sqrt(48)
    expect(Math.max(...made.get(a)!)).toBeLessThanOrEqual(bound)
    expect(Math.max(...made.get(a)!)).toBeGreaterThan(0.98 * bound)
    expect(Math.min(...made.get(a)!)).toBeLessThan(-0.98 * bound)
    expect(made.get(a)!.reduce((sum, value) => sum + value * value, 0) / (64 * 48)).toBeCloseTo(bound ** 2 / 3, 3)
    expect(made.get(b)!.every((value) => value === 0)).toBe(true)
    expect(initialAdapters({ ...config, lora: { ...config.lora!, rank: 64 } }, 7)).toEqual(made)
    expect(initialAdapters({ ...config, lora: { ...config.lora!, rank: 64 } }, 8).get(a)).not.toEqual(made.get(a))
    const untouched = initialWeights(base, 5)
    expect(initialWeights(config, 5).get(EMBEDDING)).toEqual(untouched.get(EMBEDDING))
  })

  it('leave the model as it was while the second factor is zero', async () => {
    const fresh = new Map([...tensors, ...initialAdapters(config, 1)])
    const [adapted, plain] = [await opened(config, fresh), await opened(base)]
    expect(furthest(await logpsOf(adapted), await logpsOf(plain))).toBeLessThan(1e-6)
  })

  it('change the policy, and a generated token has the log-prob that the whole-sequence pass gives it', async () => {
    const [adapted, plain] = [await opened(config), await opened(base)]
    expect(furthest(await logpsOf(adapted), await logpsOf(plain))).toBeGreaterThan(0.1)
    const [written] = await adapted.decoder.generate({
      sources: [sequence.prompt],
      requests: [{ source: 0, seed: 1, maxNewTokens: 24, stopTokens: [], temperature: 1, topK: 0, topP: 1, minP: 0 }],
    })
    const [scored] = await adapted.score([{ prompt: sequence.prompt, completion: written!.tokens }])
    expect(furthest(written!.logps, scored!)).toBeLessThan(1e-4)
  })

  it.each(LINEARS)('merged into the weights give the same log-probs to 1e-5, whole sequence and branches (%s)', async (target) => {
    const one: LlamaConfig = { ...base, lora: { rank: 3, alpha: 12, targets: [target] } }
    const [adapted, merged] = [await opened(one), await opened(base, mergedOf(one))]
    const [a, b] = [await logpsOf(adapted), await logpsOf(merged)]
    expect(furthest(a, b)).toBeLessThan(1e-5)
    expect(furthest(a, await logpsOf(await opened(base)))).toBeGreaterThan(1e-3)
    const [mu, ofMerged] = [await muOf(adapted), await muOf(merged)]
    expect(furthest(mu.map(Math.log), ofMerged.map(Math.log))).toBeLessThan(1e-4)
    expect(furthest(mu.map(Math.log), (await muOf(await opened(base))).map(Math.log))).toBeGreaterThan(1e-3)
  })

  it.each(LINEARS)('have gradients that agree with a finite difference (%s)', async (target) => {
    const graph = lossOf(config)
    const parameters = createWeights(engine, config, tensors)
    const session = await engine.createSession(toOnnx(graph), { parameters })
    const slopes = await session.run(
      feeds,
      Object.values(adapterNames(layerNames(1)[target])).map((name) => `grad/${name}`),
    )
    for (const name of Object.values(adapterNames(layerNames(1)[target]))) {
      const gradient = slopes[`grad/${name}`]!.data as Float32Array
      const norm = Math.hypot(...gradient)
      expect(norm).toBeGreaterThan(1e-4)
      const lossAt = async (step: number): Promise<number> => {
        parameters.set(
          name,
          tensors.get(name)!.map((value, i) => value + (step * gradient[i]!) / norm),
        )
        const { loss: value } = await session.run(feeds, ['loss'])
        parameters.set(name, tensors.get(name)!)
        return (value!.data as Float32Array)[0]!
      }
      const step = 1e-2
      expect(((await lossAt(step)) - (await lossAt(-step))) / (2 * step) / norm, name).toBeCloseTo(1, 1)
    }
    session.dispose()
    parameters.dispose()
  })

  it('are all that trains, and no product is computed for the gradient of a frozen matrix', () => {
    const graph = lossOf(config)
    const trained = parameterSpecs(config)
      .filter((spec) => spec.trainable)
      .map((spec) => spec.name)
    expect(trained).toHaveLength(2 * 2 * LINEARS.length)
    expect(
      graph.outputs
        .map(({ name }) => name)
        .filter((name) => name.startsWith('grad/'))
        .sort(),
    ).toEqual(trained.map((name) => `grad/${name}`).sort())
    const frozen = new Set(
      parameterSpecs(base)
        .filter(({ dims }) => dims.length === 2)
        .map(({ dims }) => dims.join()),
    )
    const shapes = graph.nodes.filter((node) => node.op === 'Gemm').map((node) => node.outputs[0].shape.join())
    expect(shapes.filter((shape) => frozen.has(shape))).toEqual([])
    const full = lossOf(base)
      .nodes.filter((node) => node.op === 'Gemm')
      .map((node) => node.outputs[0].shape.join())
    expect(full.filter((shape) => frozen.has(shape)).length).toBeGreaterThan(0)
    expect(
      graph.nodes.filter(
        (node) => node.op === 'ScatterElements' && node.outputs[0].shape.join() === `${base.vocabSize},${base.hiddenSize}`,
      ),
    ).toEqual([])
  })

  it('lie beside a model that is read without them from the same memory', async () => {
    const parameters = createWeights(engine, config, tensors)
    const reference = await openPolicy(engine, withoutAdapters(config), parameters, { rows: 2, maxLength: 48 })
    const plain = await opened(base)
    expect(await logpsOf(reference)).toEqual(await logpsOf(plain))
  })
})

function mergedOf(shape: LlamaConfig): Map<string, Float32Array> {
  return new Map(mergedWeights(shape, tensors))
}
