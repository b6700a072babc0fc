// The memory that is promised before a start, against what processes of two presets held at most while they trained (`mrt run --preset ... --no-evaluate`
// on Linux, two cores, 2026-11-28 and, for SmolLM2, 2026-11-29): the starter through one graph, SmolLM2 with adapters layer by layer, its decoder with a copy of what lies beneath them.
import { describe, expect, it } from 'vitest'
import { memoryOf, readingBytes } from '../../src-main/lab/training/estimateRun.ts'
import { allPresets } from '../../src-main/lab/training/textPresets.ts'
import { withAdapters } from '../../src-main/model/adapters.ts'
import { parameterSpecs, STARTER_CONFIG } from '../../src-main/model/config.ts'
import type { HeldIn, LlamaConfig } from '../../src-main/model/config.ts'
import { runSpec } from '../../src-preload/contract.ts'

const SMOLLM2: LlamaConfig = {
  architecture: 'llama',
  vocabSize: 49_152,
  hiddenSize: 576,
  intermediateSize: 1536,
  layers: 30,
  heads: 9,
  kvHeads: 3,
  headDim: 64,
  ropeTheta: 100_000,
  rmsEps: 1e-5,
  maxPositions: 8192,
}

/** A preset whose evaluation is as small as one can be: these processes did not evaluate. */
const unevaluated = (name: string) => {
  const { spec } = allPresets[name]!
  return runSpec.parse({ ...spec, evaluation: { ...spec.evaluation, problems: 1, samples: 2, kept: 2 } })
}

describe('the memory promised before a start', () => {
  it.each([
    ['countdown-mrt-exact', STARTER_CONFIG, 582e6],
    ['gsm-lora', withAdapters(SMOLLM2, { rank: 16, alpha: 32 }), 2.822e9],
  ])('is within 15 % of what training of %s held at most', (name, config, measured) => {
    expect(Math.abs(memoryOf(unevaluated(name), config) / measured - 1)).toBeLessThan(0.15)
  })

  it('takes reading 2,048 tokens with a vocabulary of 151,936 within 15 % of what node bench/wide.ts measured, a thirtieth of all its logits', () => {
    const wide: LlamaConfig = {
      ...SMOLLM2,
      vocabSize: 151_936,
      hiddenSize: 64,
      intermediateSize: 128,
      layers: 2,
      heads: 2,
      kvHeads: 1,
      headDim: 32,
    }
    for (const measured of [121e6, 125e6]) expect(Math.abs(readingBytes(wide, 2048) / measured - 1)).toBeLessThan(0.15)
    expect(readingBytes(wide, 2048)).toBeLessThan((3 * 2048 * 151_936 * 4) / 25)
  })

  it('counts frozen matrices in 16 bits as half, those in 4 with their scales, and what of them is widened at once', () => {
    const { spec } = allPresets['gsm-lora']!
    const at = (held?: HeldIn): number => memoryOf(runSpec.parse(spec), withAdapters(SMOLLM2, { rank: 16, alpha: 32, held }))
    const matrices = parameterSpecs(SMOLLM2).reduce((sum, { dims, decay }) => sum + (decay ? dims[0]! * dims[1]! : 0), 0)
    const widened = 4 * (49_152 * 576 + 2 * 576 * 576 + 2 * 192 * 576 + 3 * 1536 * 576)
    // The decoder has a copy of what it multiplies with in single precision, none of what it widens.
    expect(at() - at('bfloat16')).toBe(4 * matrices + 2 * matrices - widened)
    expect(2 * matrices - widened).toBeGreaterThan(100e6)
    // In blocks of 4 bits the matrices of the layers take five eighths of a byte a number, the embedding stays at two.
    const embedding = 49_152 * 576
    const copies = 4 * matrices - (matrices - embedding) / 2
    expect(at() - at('int4')).toBe(copies + (4 - 6 / 8) * (matrices - embedding) + 2 * embedding - widened)
  })

  it('counts the whole model at once where the gradient of J is followed too, for as many tokens as their logits have room', () => {
    const config = withAdapters(SMOLLM2, { rank: 16, alpha: 32 })
    const at = (answerGradient: string, microbatchTokens: number): number =>
      memoryOf({ ...unevaluated('gsm-lora'), microbatchTokens, algorithm: { name: 'regret-exact', options: { answerGradient } } }, config)
    expect(at('sampled', 2048)).toBeGreaterThan(at('sampled', 256))
    expect(at('exact', 4096)).toBeGreaterThan(at('exact', 256))
    expect(at('exact', 16_384)).toBe(at('exact', 4096))
    expect(at('exact', 4096)).not.toBe(at('sampled', 4096))
  })

  it('grows with the micro-batch only up to the budget of what is kept', () => {
    const config = withAdapters(SMOLLM2, { rank: 16, alpha: 32 })
    const at = (microbatchTokens: number): number => memoryOf({ ...unevaluated('gsm-lora'), microbatchTokens }, config)
    expect(at(2048) - at(1024)).toBeGreaterThan(0.5e9)
    expect(at(8192) - at(4096)).toBeLessThan(0.5e9)
  })

  it('counts the cache that evaluation fills, which a run without one does not have', () => {
    const { spec } = allPresets['gsm-lora']!
    const config = withAdapters(SMOLLM2, { rank: 16, alpha: 32 })
    expect(memoryOf(runSpec.parse(spec), config)).toBeGreaterThan(memoryOf(unevaluated('gsm-lora'), config) + 0.5e9)
  })
})
