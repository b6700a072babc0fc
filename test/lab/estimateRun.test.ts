// What a run will cost, worked out on paper: from runs like it where there are any, else from counts.
import { cpus, tmpdir } from 'node:os'
import { mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { estimateRun, memoryOf, readingBytes } from '../../src-main/lab/training/estimateRun.ts'
import { withAdapters } from '../../src-main/model/adapters.ts'
import {
  EMBEDDING,
  forwardFlopsPerToken,
  parameterCount,
  parameterSpecs,
  STARTER_CONFIG,
  trainedCount,
  trainFlopsPerToken,
} from '../../src-main/model/config.ts'
import type { LlamaConfig } from '../../src-main/model/config.ts'
import { HEAD_TOKENS, keptPerToken } from '../../src-main/model/layered.ts'
import { fixedFor } from '../../src-main/rollout/openDecoder.ts'
import { rowsFor } from '../../src-main/rollout/policy.ts'
import { headPlaces } from '../../src-main/rollout/readers.ts'
import { openStore, type Store } from '../../src-main/store/openStore.ts'
import type { Json, RunEstimate, RunSpec, RunSpecInput } from '../../src-preload/contract.ts'
import { fill, specOf } from './records.ts'

let folder: string
let store: Store
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'mrt-estimate-'))
  store = openStore(folder, { create: true, now: () => 1 })
  fill(store)
})
afterEach(() => {
  store.close()
  rmSync(folder, { recursive: true, force: true })
})

const spec = (algorithm: string, more: Partial<RunSpecInput> = {}): RunSpec =>
  specOf(algorithm, 1, {
    promptsPerStep: 4,
    groupSize: 8,
    observeGroups: 2,
    watch: { problems: 0 },
    evaluation: { problems: 1, samples: 2, kept: 2, budgets: [10] },
    ...more,
  })
const never = (): Promise<never> => Promise.reject(new Error('nothing was to be timed'))
const SPEED = { drawn: 1000, read: 4000 }
const timed = (of: RunSpec, weights?: LlamaConfig): Promise<RunEstimate> => estimateRun(store, of, () => Promise.resolve(SPEED), weights)
/** Of a low and a high one. */
const middle = ({ timeMs: { low, high } }: RunEstimate): number => Math.sqrt(low * high)
/** A run on this machine with these steps. */
function made(
  config: object,
  steps: readonly { readonly wallMs: number; readonly tokens?: number; readonly estimateTokens?: number }[],
  more: object = {},
): number {
  const { run } = store.runs.list()[0]!
  const { id: _id, uid: _uid, ...same } = run
  const { algorithm } = config as { algorithm: { name: string } }
  const { id } = store.runs.add({ ...same, algorithm: algorithm.name, config: config as Json, lastStep: null, ...more } as never)
  const like = store.steps.get(run.id, 1)!
  steps.forEach((each, index) =>
    store.steps.record({
      step: { ...like, runId: id, step: index + 1, tokens: 480, estimateTokens: 64, ...each },
      rollouts: [],
      events: [],
    }),
  )
  return id
}

describe('an estimate from runs like it', () => {
  const base = spec('rloo')
  const other = (more: Partial<RunSpecInput>): RunSpec => spec('rloo', more)

  it('is what its last ten steps took, for every rollout', async () => {
    const steps = [9000, 9000, 5000, ...Array.from({ length: 9 }, () => 1000)].map((wallMs) => ({ wallMs }))
    const id = made(base, steps)
    const estimate = await estimateRun(store, other({ steps: 6, promptsPerStep: 8 }), never)
    expect(estimate).toMatchObject({ basis: 'measured', because: expect.stringContaining(`run ${id}`) as unknown })
    // 1.4 s for 32 rollouts; 6 steps of 64, and 4 that are evaluated at half the price.
    expect(estimate.timeMs.low * 1.2).toBeCloseTo((1400 / 32) * (384 + 2), 6)
    expect(estimate.timeMs.high / 1.2).toBeCloseTo((1400 / 32) * (384 + 2), 6)
    expect([estimate.tokens, estimate.estimateTokens]).toEqual([(480 / 32) * 384, (64 / 32) * 384])
  })

  it('is what the newest of several took, and says which that was', async () => {
    made(base, [{ wallMs: 640 }])
    const id = made(base, [{ wallMs: 320 }])
    const estimate = await estimateRun(store, base, never)
    expect(middle(estimate)).toBeCloseTo((320 / 32) * (128 + 2), 6)
    expect(estimate.because).toBe(
      `From the last steps of run ${id} (${store.runs.get(id)!.name}), which has the same algorithm, task and budget.`,
    )
  })

  it('is what a run of fewer steps took', async () => {
    made(base, [{ wallMs: 640 }, { wallMs: 320 }])
    expect(middle(await estimateRun(store, base, never))).toBeCloseTo((480 / 32) * (128 + 2), 6)
  })

  it.each([
    ['another level of its task', { task: { name: 'countdown', options: { level: '4' } } }],
    ['another task', { task: { name: 'arithmetic' } }],
    ['another budget', { budget: { thinkingTokens: 21, answerTokens: 4 } }],
    ['adapters', { adapters: { rank: 2 } }],
  ] as const)('is not one from a run with %s', async (_, more) => {
    made(base, [{ wallMs: 1000 }])
    expect([(await timed(base)).basis, (await timed(other(more))).basis]).toEqual(['measured', 'timed'])
  })

  it('is not one from a run of a larger model, of other rows of words, or on another device', async () => {
    made(base, [{ wallMs: 1000 }])
    for (const more of [{ layers: STARTER_CONFIG.layers + 1 }, { hiddenSize: 2 * STARTER_CONFIG.hiddenSize }, { vocabSize: 500 }])
      expect((await timed(base, { ...STARTER_CONFIG, ...more })).basis).toBe('timed')
    expect(await estimateRun(store, other({ device: 'webgpu' }), never)).toMatchObject({
      basis: 'modelled',
      because: expect.stringContaining('no run like this one was made on that device here') as unknown,
    })
    made(other({ device: 'webgpu' }), [{ wallMs: 1000 }])
    expect(await estimateRun(store, other({ device: 'webgpu' }), never)).toMatchObject({
      basis: 'measured',
      because: expect.stringContaining('From the last steps of run') as unknown,
    })
  })

  it.each([
    ['that took no step', [], {}],
    ['of which it is not known where it was made', [{ wallMs: 1 }], { environment: {} }],
    ['of which nothing is known', [{ wallMs: 1 }], { environment: null }],
    ['on a processor without a name', [{ wallMs: 1 }], { environment: { cores: cpus().length } }],
    ['of another processor', [{ wallMs: 1 }], { environment: { cpu: 'another', cores: cpus().length } }],
    ['with other cores', [{ wallMs: 1 }], { environment: { cpu: cpus()[0]!.model.trim(), cores: cpus().length + 1 } }],
  ])('is not one from a run %s', async (_, steps, more) => {
    made(base, steps, more)
    expect((await timed(base)).basis).toBe('timed')
  })

  it('may be one from a run that says nothing of adapters and devices, or whose model is not on record', async () => {
    const { adapters: _adapters, device: _device, ...early } = base
    made(early, [{ wallMs: 1000 }], { modelId: null })
    expect((await estimateRun(store, base, never)).basis).toBe('measured')
  })
})

describe('an estimate without runs like it', () => {
  /** Eleven of thinking and two of answer. */
  const TOKENS = 13

  it.each([
    ['gspo', {}, 4 * 8, (2 / 4) * 2 * TOKENS],
    ['mrt-exact', {}, 4 * 8, 2 * TOKENS],
    ['mrt-online', { branches: 3 }, 4 * 8, 3 * (TOKENS / 12) * 4],
    ['mrt-pooled', { continuations: 3, terminations: 2 }, 4 * 5 + 2 * 8, (2 / 4) * 2 * TOKENS],
    ['sft', {}, 4 * 8 + 2 * 8, (2 / 4) * 2 * TOKENS],
    ['star', {}, 4 * 8 + 2 * 8, (2 / 4) * 2 * TOKENS],
  ])('of %s %o counts its rollouts and what J costs', async (name, options, rollouts, estimateTokens) => {
    store.runs.list().forEach(({ run }) => store.runs.remove(run.id))
    const of = spec(name, { algorithm: { name, options } })
    const estimate = await timed(of)
    expect(estimate.tokens).toBeCloseTo(4 * rollouts * TOKENS, 9)
    expect(estimate.estimateTokens).toBeCloseTo(4 * rollouts * estimateTokens, 6)
    const perToken = forwardFlopsPerToken(STARTER_CONFIG, 10)
    const read = estimateTokens + (trainFlopsPerToken(STARTER_CONFIG, 10) / perToken) * (12 + TOKENS)
    expect(middle(estimate) / (1000 * (4 * rollouts + 2) * (TOKENS / 1000 + read / 4000))).toBeCloseTo(1, 9)
    expect(estimate.timeMs.high / estimate.timeMs.low).toBeCloseTo(1.5 ** 2, 9)
  })

  it('goes by operations at a usual speed where nothing could be timed, whatever the size of the model, and is off by up to two', async () => {
    const larger = { ...STARTER_CONFIG, layers: 3 * STARTER_CONFIG.layers }
    for (const weights of [STARTER_CONFIG, larger]) {
      const estimate = await estimateRun(store, spec('gspo'), () => Promise.resolve(null), weights)
      const perToken = forwardFlopsPerToken(weights, 10)
      const read = TOKENS + (trainFlopsPerToken(weights, 10) / perToken) * (12 + TOKENS)
      expect(middle(estimate) / (1000 * (4 * 32 + 2) * (perToken / 60e9) * (2 * TOKENS + read))).toBeCloseTo(1, 9)
      expect(estimate.timeMs.high / estimate.timeMs.low).toBeCloseTo(2 ** 2, 9)
      expect(estimate).toMatchObject({
        basis: 'modelled',
        because: expect.stringContaining('From operation counts at a usual speed') as unknown,
      })
    }
    expect((await timed(spec('gspo'))).because).toContain('From a second of drawing and reading tokens on this machine')
  })

  it('watches no more groups than a step has', async () => {
    const tokens = async (observeGroups: number): Promise<number> => (await timed(spec('sft', { observeGroups }))).tokens
    expect(await tokens(9)).toBe(await tokens(4))
    expect(await tokens(4)).toBeGreaterThan(await tokens(3))
  })

  it('counts rollouts that are evaluated or watched as half, and every evaluation along the way', async () => {
    const time = async (more: Partial<RunSpecInput>): Promise<number> => middle(await timed(spec('gspo', { steps: 5, ...more })))
    const bare = await time({})
    const one = bare / (160 + 2)
    const evaluation = { problems: 10, samples: 3, kept: 2 }
    expect(await time({ evaluation })).toBeCloseTo(one * (160 + 50 / 2), 6)
    expect(await time({ evaluation: { ...evaluation, every: 2 } })).toBeCloseTo(one * (160 + (3 * 50) / 2), 6)
    expect(await time({ evaluation, watch: { problems: 2, samples: 3, every: 2 } })).toBeCloseTo(one * (160 + (50 + 18) / 2), 6)
  })

  it('says how much disk records and checkpoints take', async () => {
    const { diskBytes, checkpoints } = await timed(spec('gspo', { steps: 5, checkpointEvery: 2 }))
    expect(checkpoints).toBe(3)
    expect(diskBytes).toBeCloseTo((160 + 4) * (900 + 18 * TOKENS) + 3 * 3 * 4 * trainedCount(STARTER_CONFIG), 3)
  })

  it('takes as much longer as a model is larger than the starter, where it was the starter that was timed', async () => {
    const larger = { ...STARTER_CONFIG, layers: 3 * STARTER_CONFIG.layers }
    const [small, large] = [await timed(spec('sft')), await timed(spec('sft'), larger)]
    const ratio = forwardFlopsPerToken(larger, 10) / forwardFlopsPerToken(STARTER_CONFIG, 10)
    expect(middle(large) / middle(small) / ratio).toBeCloseTo(1, 1)
  })
})

describe('the memory of a run', () => {
  const FLOAT = 4
  const cacheOf = ({ layers, kvHeads, headDim }: LlamaConfig, rollouts: number, length: number): number =>
    2 * rollouts * length * layers * kvHeads * headDim * FLOAT

  it('is, in one graph, the program, the weights with what training keeps beside them, the cache, and every value of a micro-batch', () => {
    const { layers, hiddenSize, heads, vocabSize } = STARTER_CONFIG
    const of = spec('gspo', { microbatchTokens: 512 })
    const graph = 512 * (layers * (22 * hiddenSize + heads * (24 + 20 + 4)) + 4 * vocabSize) * FLOAT
    const weights = 4 * parameterCount(STARTER_CONFIG) + 20 * trainedCount(STARTER_CONFIG)
    const fixed = fixedFor(STARTER_CONFIG, { device: 'cpu', weights: 'train' }).bytes
    expect(memoryOf(of, STARTER_CONFIG)).toBe(260e6 + weights + fixed + cacheOf(STARTER_CONFIG, 32, 48) + graph)
    // A single sequence is computed at once, however long it is.
    const long = spec('gspo', { microbatchTokens: 16, budget: { thinkingTokens: 120, answerTokens: 6 } })
    const whole = 150 * (layers * (22 * hiddenSize + heads * 150) + 4 * vocabSize) * FLOAT
    expect(memoryOf(long, STARTER_CONFIG)).toBe(260e6 + weights + fixed + cacheOf(STARTER_CONFIG, 32, 150) + whole)
  })

  it('has room for the rollouts of an evaluation where these fill more of the cache', () => {
    const evaluation = { problems: 5, samples: 20, kept: 4, budgets: [10], longest: 90 }
    const [bare, evaluated] = [spec('gspo'), spec('gspo', { evaluation })]
    expect(memoryOf(evaluated, STARTER_CONFIG) - memoryOf(bare, STARTER_CONFIG)).toBe(
      cacheOf(STARTER_CONFIG, 120, 24 + 90 + 4) - cacheOf(STARTER_CONFIG, 32, 48),
    )
  })

  it('has room for no more rollouts than are decoded at once', () => {
    const crowd = spec('gspo', { promptsPerStep: 64, groupSize: 8 })
    const rows = rowsFor(STARTER_CONFIG, 48)
    expect(rows).toBeLessThan(64 * 8)
    expect(memoryOf(crowd, STARTER_CONFIG) - memoryOf(spec('gspo'), STARTER_CONFIG)).toBe(
      cacheOf(STARTER_CONFIG, rows, 48) - cacheOf(STARTER_CONFIG, 32, 48),
    )
  })

  const wideOf = (more: Partial<LlamaConfig> = {}): LlamaConfig =>
    withAdapters({ ...STARTER_CONFIG, vocabSize: 5000, ...more }, { rank: 2, alpha: 4 })
  const text = (more: Partial<RunSpecInput>): RunSpec => spec('gspo', { adapters: { rank: 2, alpha: 4 }, ...more })

  it('takes, layer by layer, a longer sequence at once, and for a wide vocabulary the head of some tokens instead of a layer at work', () => {
    const { layers, hiddenSize, intermediateSize, heads } = STARTER_CONFIG
    const at = (microbatchTokens: number, config = wideOf()): number => memoryOf(text({ microbatchTokens }), config)
    const ofTokens = (tokens: number): number =>
      tokens * layers * (keptPerToken(wideOf()) + hiddenSize) * FLOAT +
      Math.max(tokens * (4 * intermediateSize + 8 * hiddenSize + 2 * heads * 88) * FLOAT, 4 * HEAD_TOKENS * 5000 * FLOAT)
    expect(ofTokens(8192)).toBeGreaterThan(readingBytes(wideOf(), 88))
    expect(at(8192) - at(6144)).toBeCloseTo(ofTokens(8192) - ofTokens(6144), 0)
    // With so many words it is the head that counts.
    const many = wideOf({ vocabSize: 200_000 })
    // A thought of 20 tokens and an answer of 4 behind 64 of prompt.
    expect(at(16, many)).toBe(at(88, many))
    expect(at(88, many)).toBeLessThan(at(89, many))
    const keptOf = (tokens: number): number => tokens * layers * (keptPerToken(many) + hiddenSize) * FLOAT
    expect(4 * HEAD_TOKENS * 200_000 * FLOAT).toBeGreaterThan(readingBytes(many, 88))
    expect(at(1024, many) - at(512, many)).toBeCloseTo(keptOf(1024) - keptOf(512), 0)
  })

  it('counts an output matrix of its own among what is widened, and not the embedding, of which rows are read', () => {
    const elements = (dims: readonly number[]): number => dims.reduce((product, dim) => product * dim, 1)
    const held = { rank: 2, alpha: 4, held: 'bfloat16' } as const
    const untied = { ...STARTER_CONFIG, vocabSize: 5000, untiedHead: true }
    const [wide, narrow] = [withAdapters(untied, { rank: 2, alpha: 4 }), withAdapters(untied, held)]
    const specs = parameterSpecs(narrow).filter(({ dtype }) => dtype !== undefined)
    const widened = specs.filter(({ name, dims }) => name !== EMBEDDING && (dims[0] === 5000 || name.includes('.layers.0.')))
    expect(widened.some(({ dims }) => dims[0] === 5000)).toBe(true)
    const sum = (of: readonly { readonly dims: readonly number[] }[]): number => of.reduce((all, { dims }) => all + elements(dims), 0)
    const fixed = (config: LlamaConfig): number => fixedFor(config, { device: 'cpu', weights: 'train' }).bytes
    expect(memoryOf(text({}), wide) - fixed(wide) - (memoryOf(text({}), narrow) - fixed(narrow))).toBe(2 * sum(specs) - 4 * sum(widened))
  })

  it('is, reading whole sequences, that of one layer at work, or of the logits that are there at once', () => {
    const { hiddenSize, intermediateSize, heads } = STARTER_CONFIG
    const layer = (tokens: number, length: number): number => tokens * (3 * intermediateSize + 6 * hiddenSize + 3 * heads * length) * FLOAT
    expect(readingBytes(STARTER_CONFIG, 100)).toBe(layer(2048, 100))
    expect(readingBytes(STARTER_CONFIG, 3000)).toBe(layer(3000, 3000))
    const many = { ...STARTER_CONFIG, vocabSize: 100_000 }
    expect(readingBytes(many, 1)).toBe(2 * headPlaces(100_000) * 100_000 * FLOAT)
  })

  it('is, layer by layer, what is kept of the layers as far as there is room, one of them at work, and sessions and prompts of text', () => {
    const wide: LlamaConfig = { ...STARTER_CONFIG, vocabSize: 5000 }
    const config = withAdapters(wide, { rank: 2, alpha: 4 })
    const { layers, hiddenSize, intermediateSize, heads } = config
    const of = spec('gspo', { microbatchTokens: 4096, adapters: { rank: 2, alpha: 4 }, format: { examples: 2 } })
    const length = 64 + 2 * 64 + 20 + 4
    const kept = 4096 * layers * (keptPerToken(config) + hiddenSize) * FLOAT
    const atWork = 4096 * (4 * intermediateSize + 8 * hiddenSize + 2 * heads * length) * FLOAT
    expect(kept).toBeLessThan(1.5 * 2 ** 30)
    expect(atWork).toBeGreaterThan(4 * HEAD_TOKENS * 5000 * FLOAT)
    const weights = 4 * (parameterCount(wide) + 3 * trainedCount(config)) + 20 * trainedCount(config)
    const told = memoryOf(of, config)
    const without =
      260e6 + 3e6 * layers + fixedFor(config, { device: 'cpu', weights: 'train' }).bytes + cacheOf(config, 32, length) + kept + atWork
    expect(told - without).toBeGreaterThan(4 * parameterCount(wide) + 20 * trainedCount(config) - 1)
    expect(told - without).toBeLessThan(weights + 1)
  })
})
