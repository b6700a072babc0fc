// Training layer by layer is training: the loss, log-probs, reported sums and every gradient of the one graph, whatever is kept or computed
// again, for every family, for whole weights and for adapters.
import { afterAll, describe, expect, it, test } from 'vitest'
import { openEngine } from '../../src-main/engine/engine.ts'
import type { Tensors } from '../../src-main/engine/tensor.ts'
import { openGraphSteps, openLayeredSteps } from '../../src-main/lab/training/trainingSteps.ts'
import type { TrainingSteps } from '../../src-main/lab/training/trainingSteps.ts'
import { initialWeights, LINEARS, parameterSpecs } from '../../src-main/model/config.ts'
import type { FamilyName, LlamaConfig } from '../../src-main/model/config.ts'
import { keptPerToken, layeredModel } from '../../src-main/model/layered.ts'
import { createRng } from '../../src-main/numeric/rng.ts'
import { lossGraph } from '../../src-main/rl/loss.ts'
import type { LossSpec } from '../../src-main/rl/types.ts'
import { createWeights } from '../../src-main/rollout/policy.ts'
import { completionPlane, sequenceFeeds } from '../../src-main/rollout/sequences.ts'

const engine = openEngine()
afterAll(() => engine.dispose())

const shape = {
  vocabSize: 300,
  hiddenSize: 32,
  intermediateSize: 48,
  layers: 3,
  heads: 4,
  kvHeads: 2,
  headDim: 16,
  ropeTheta: 10_000,
  rmsEps: 1e-5,
  maxPositions: 64,
}
const FAMILIES: Readonly<Record<FamilyName, LlamaConfig>> = {
  llama: { ...shape, architecture: 'llama' },
  qwen2: { ...shape, architecture: 'qwen2', attentionBias: 'qkv', ropeScaling: { kind: 'linear', factor: 2 } },
  qwen3: { ...shape, architecture: 'qwen3', qkNorm: true, untiedHead: true },
}
const LOSS: LossSpec = { ratio: 'token', clipLow: 0.2, clipHigh: 0.28, aggregation: 'token-mean', klBeta: 0.05, updatesPerBatch: 1 }
const NEEDS = { oldLogps: true, refLogps: true }
const loss = (g: Parameters<typeof lossGraph>[0], values: Parameters<typeof lossGraph>[1]) => lossGraph(g, values, LOSS)

/** Weights large enough that every part matters, norms and biases off their start. */
function weightsOf(config: LlamaConfig): ReadonlyMap<string, Float32Array> {
  const rng = createRng(4)
  const weights = initialWeights(config, 9)
  for (const { name, decay, trainable } of parameterSpecs(config)) {
    const values = weights.get(name)!
    if (name.includes('lora_B'))
      weights.set(
        name,
        values.map(() => 0.2 * rng.gaussian()),
      )
    else if (!decay)
      weights.set(
        name,
        values.map((value) => value + 0.1 * rng.gaussian()),
      )
    else if (trainable || config.lora)
      weights.set(
        name,
        values.map((value) => (name.includes('lora') ? value : 8 * value)),
      )
  }
  return weights
}

/** 600 scored places in two micro-batches: more than the head takes at once. */
function microbatchesOf(config: LlamaConfig): Tensors[] {
  const rng = createRng(2)
  const tokens = (count: number): Int32Array => Int32Array.from({ length: count }, () => rng.int(config.vocabSize))
  return [
    [9, 30, 28],
    [12, 44, 37, 20],
  ].map(([prompt, ...lengths]) => {
    const sequences = Array.from({ length: 12 }, (_, index) => ({
      prompt: tokens(prompt!),
      completion: tokens(lengths[index % lengths.length]!),
    }))
    const batch = { members: sequences.map((_, index) => index), width: prompt! + Math.max(...lengths) - 1 }
    const plane = (value: () => number) => completionPlane(batch, sequences, (member) => Array.from(sequences[member]!.completion, value))
    return {
      ...sequenceFeeds(batch, sequences, config.vocabSize),
      advantages: plane(() => rng.gaussian()),
      weights: plane(() => 1 / 600),
      old_logps: plane(() => -5.7 + 0.2 * rng.gaussian()),
      ref_logps: plane(() => -5.7 + 0.2 * rng.gaussian()),
    }
  })
}

const norm = (values: Float32Array): number => Math.sqrt(values.reduce((sum, value) => sum + value * value, 0))
const distance = (found: Float32Array, expected: Float32Array): number =>
  norm(found.map((value, i) => value - expected[i]!)) / (norm(expected) || 1)

async function stepOf(open: (parameters: ReturnType<typeof createWeights>) => Promise<TrainingSteps>, config: LlamaConfig) {
  const parameters = createWeights(engine, config, weightsOf(config))
  const steps = await open(parameters)
  const outputs = ['loss', 'logps', 'entropy', 'sum/kl', 'sum/clipLow', 'sum/entropy']
  const result = await steps.step(microbatchesOf(config), outputs, {})
  const gradients = steps.gradients()
  const applied = await steps.step(microbatchesOf(config), ['loss'], { optimizer: { lr: 1e-2, clipNorm: 0.5, weightDecay: 0.1 } })
  const found = { result, gradients, applied, weights: parameters.snapshot(), state: steps.state() }
  steps.dispose()
  parameters.dispose()
  return found
}

describe.each(Object.entries(FAMILIES))('a model of the family %s, trained layer by layer', (_name, base) => {
  it.each([
    ['whole weights', base],
    ['adapters', { ...base, lora: { rank: 4, alpha: 8, targets: LINEARS } } as LlamaConfig],
    ['adapters on two maps', { ...base, lora: { rank: 4, alpha: 8, targets: ['q', 'v'] } } as LlamaConfig],
  ])('has the loss, log-probs, gradients and update of the one graph: %s', async (_what, config) => {
    const options = { config, loss, needs: NEEDS, temperature: 0.8 }
    const expected = await stepOf((parameters) => openGraphSteps(engine, { ...options, parameters }), config)
    // Nothing kept, one layer of three kept, everything kept.
    const model = layeredModel(config, loss, NEEDS, 0.8)
    const one = Math.max(
      ...microbatchesOf(config).map(({ tokens, scored }) => {
        const batch = { rows: tokens!.dims[0]!, width: tokens!.dims[1]!, scored: scored!.dims[0]! }
        let bytes = 0
        while (model.layersKept(batch, bytes) < 1) bytes += 20_000
        return bytes
      }),
    )
    for (const keptBytes of [0, one, 1e9]) {
      const found = await stepOf((parameters) => openLayeredSteps(engine, { ...options, parameters }, keptBytes), config)
      expected.result.outputs.forEach((outputs, batch) => {
        for (const [name, { data }] of Object.entries(outputs))
          expect(distance(found.result.outputs[batch]![name]!.data as Float32Array, data as Float32Array), name).toBeLessThan(1e-5)
      })
      expect(Object.keys(found.gradients)).toEqual(Object.keys(expected.gradients))
      for (const [name, gradient] of Object.entries(expected.gradients)) {
        expect(norm(gradient), name).toBeGreaterThan(0)
        expect(distance(found.gradients[name]!, gradient), name).toBeLessThan(1e-5)
      }
      expect(found.applied).toMatchObject({ applied: true, clipped: expected.applied.clipped, step: 1 })
      expect(found.result.applied).toBe(false)
      expect(distance(found.weights, expected.weights)).toBeLessThan(1e-4)
      expect(found.state.step).toBe(1)
    }
  })
})

test.each(Object.entries(FAMILIES))(
  'of a token, a kept layer of %s keeps what the estimate of memory counts, with adapters and without',
  (_name, base) => {
    for (const config of [base, { ...base, lora: { rank: 4, alpha: 8, targets: LINEARS } } as LlamaConfig]) {
      const model = layeredModel(config, loss, NEEDS)
      const batch = { rows: 4, width: 512, scored: 1 }
      const inputs = 4 * 4 * 512 * config.hiddenSize * config.layers
      const kept = 4 * 4 * 512 * keptPerToken(config)
      expect([0, 1, 2].map((layers) => model.layersKept(batch, inputs + layers * kept))).toEqual([0, 1, 2])
      expect(model.layersKept(batch, inputs + 2 * kept - 1)).toBe(1)
      expect(model.layersKept(batch, 1e12)).toBe(config.layers)
    }
  },
)
