// Keys and values that sampling has computed serve J at the cuts of what was sampled: the same J for the tokens of the answers alone, and never of
// weights, prompts or rollouts other than those they are of.
import { afterAll, describe, expect, it } from 'vitest'
import { openEngine } from '../../src-main/engine/engine.ts'
import { initialWeights, STARTER_CONFIG, type LlamaConfig } from '../../src-main/model/config.ts'
import { deriveSeed } from '../../src-main/numeric/rng.ts'
import { exactMu, type CutTrace, type ExactMu } from '../../src-main/rollout/exactMu.ts'
import { createWeights, openPolicy, type Policy, type PolicyOptions } from '../../src-main/rollout/policy.ts'
import { sampleRollouts } from '../../src-main/rollout/sample.ts'
import { createCountdown } from '../../src-main/tasks/countdown.ts'
import type { SpokenTask } from '../../src-main/tasks/types.ts'
import { SETTINGS } from '../lab/starter.ts'

const engine = openEngine()
afterAll(() => engine.dispose())
const task = createCountdown() as SpokenTask
const problems = task.problems('heldout', 6, 31)
const suffix = task.format.terminationSuffix
const small = { ...STARTER_CONFIG, layers: 2, hiddenSize: 64, intermediateSize: 96, headDim: 16 } as const
const open = async (config: LlamaConfig, options: Partial<PolicyOptions> = {}): Promise<Policy> => {
  const weights = new Map([...initialWeights(config, 3)].map(([name, values]) => [name, values.map((value) => 3 * value)]))
  return openPolicy(engine, config, createWeights(engine, config, weights), { rows: 8, maxLength: 176, ...options })
}

/** Two rollouts of each problem; of every other problem unless all are kept, with J wanted at every boundary and at the last place before it is too late. */
async function tracesOf(policy: Policy, keep: (problem: number) => boolean): Promise<CutTrace[]> {
  const plans = problems.flatMap((problem, index) =>
    [0, 1].map((sample) => ({ prompt: problem.promptTokens, seed: deriveSeed(4, index, sample), keep: keep(index) })),
  )
  const rollouts = await policy.sample(task.format, plans, { ...SETTINGS, thinkingTokens: 60 })
  return rollouts.map(({ prompt, tokens, boundaries }, index) => ({
    prompt,
    completion: tokens,
    cuts: [...new Set([...boundaries, tokens.length - 1])],
    answers: task.answerTrie(problems[index >> 1]!)!,
  }))
}
const anew = (policy: Policy, traces: readonly CutTrace[]): Promise<ExactMu> =>
  exactMu(traces, suffix, (feeds, read) => policy.branches.run(feeds, read))
const apart = (a: ExactMu, b: ExactMu): number =>
  Math.max(...a.J.flatMap((list, trace) => Array.from(list, (J, cut) => Math.abs(J - b.J[trace]![cut]!) / Math.max(1e-12, J))))
const tokensOfTraces = (traces: readonly CutTrace[]): number =>
  traces.reduce((sum, { prompt, cuts }) => sum + prompt.length + Math.max(...cuts), 0)

describe('J of what was kept', () => {
  it.each<[string, LlamaConfig, Partial<PolicyOptions>]>([
    ['Llama', small, {}],
    ['Llama at another temperature', small, { temperature: 0.6 }],
    ['Qwen2', { ...small, architecture: 'qwen2', attentionBias: 'qkv', untiedHead: true }, {}],
    ['Qwen3', { ...small, architecture: 'qwen3', qkNorm: true }, {}],
    ['a model with adapters', { ...small, lora: { rank: 4, alpha: 8, targets: ['q', 'k', 'v', 'down'] } }, {}],
  ])('is that of traces read anew, of %s, and costs the tokens of the answers alone', async (_, config, options) => {
    const policy = await open(config, options)
    const traces = await tracesOf(policy, () => true)
    const [kept, read] = [await policy.measure(traces, suffix), await anew(policy, traces)]
    expect(apart(kept, read)).toBeLessThan(1e-4)
    expect(Math.max(...read.J.flatMap((list) => [...list]))).toBeGreaterThan(0)
    // Traces that begin alike are read once each where they are not kept.
    expect(read.forwardedTokens - kept.forwardedTokens).toBe(tokensOfTraces(traces))
    expect([kept.cuts, kept.distinctCuts]).toEqual([read.cuts, read.distinctCuts])
    policy.dispose()
  })

  it('stands beside J of what was not kept', async () => {
    const policy = await open(small)
    const traces = await tracesOf(policy, (problem) => problem % 2 === 0)
    const [some, read] = [await policy.measure(traces, suffix), await anew(policy, traces)]
    expect(apart(some, read)).toBeLessThan(1e-4)
    const keptOnes = traces.filter((_, index) => (index >> 1) % 2 === 0)
    expect(read.forwardedTokens - some.forwardedTokens).toBe(tokensOfTraces(keptOnes))
    policy.dispose()
  })

  it('is read anew once weights have changed, once it is forgotten, behind another prompt, and where places beyond it are asked for', async () => {
    const policy = await open(small)
    const read = async (traces: readonly CutTrace[]): Promise<void> => {
      const [measured, own] = [await policy.measure(traces, suffix), await anew(policy, traces)]
      expect(measured.J).toEqual(own.J)
      expect(measured.forwardedTokens).toBe(own.forwardedTokens)
    }
    const first = await tracesOf(policy, () => true)
    await read(first.map((trace) => ({ ...trace, prompt: [...Array.from(trace.prompt).slice(1), 0] })))
    await read(first.map((trace) => ({ ...trace, completion: trace.completion, cuts: [trace.completion.length] })))
    policy.forget!()
    await read(first)
    const second = await tracesOf(policy, () => true)
    const [name] = policy.parameters.specs.map((spec) => spec.name)
    policy.parameters.set(
      name!,
      policy.parameters.get(name!).map((value) => value + 0.01),
    )
    await read(second)
    policy.dispose()
  })

  it('is kept by none that draws in shares or keeps no rollout, and by a decoder within its room', async () => {
    const shared = await open(small, { shares: 3 })
    const traces = await tracesOf(shared, () => true)
    expect((await shared.measure(traces, suffix)).J).toEqual((await anew(shared, traces)).J)
    shared.dispose()
    const policy = await open(small)
    const plans = problems.map((problem, index) => ({ prompt: problem.promptTokens, seed: deriveSeed(4, index, 0), keep: true }))
    const bytesOf = (tokens: number): number => 2 * small.layers * small.kvHeads * small.headDim * 4 * tokens
    const heard = async (keepBytes: number): Promise<number[]> => {
      const kept: number[] = []
      await sampleRollouts(policy.decoder, task.format, plans, SETTINGS, {
        keepBytes,
        onKept({ prompt, tokens }, values) {
          expect(values.byteLength).toBe(bytesOf(prompt.length + tokens.length - 1))
          kept.push(values.byteLength)
        },
      })
      return kept
    }
    const all = await heard(2 ** 30)
    expect(all.length).toBe(plans.length)
    const total = all.reduce((sum, each) => sum + each, 0)
    const some = await heard(total / 2)
    expect(some.length).toBeGreaterThan(0)
    expect(some.reduce((sum, each) => sum + each, 0)).toBeLessThanOrEqual(total / 2)
    expect(await heard(0)).toEqual([])
    policy.dispose()
  })
})
