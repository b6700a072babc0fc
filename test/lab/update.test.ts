// From paid rollouts to the sequences that a learner is given: which, in how many updates, with what weights, and beside which log-probs.
import { describe, expect, it } from 'vitest'
import { gradedRollout, type Entry } from '../../src-main/lab/training/gather.ts'
import type { LearnerResult, PaidSequence } from '../../src-main/lab/training/learner.ts'
import { update } from '../../src-main/lab/training/update.ts'
import type { OptimizerSettings } from '../../src-main/engine/trainer.ts'
import { createMethod } from '../../src-main/rl/algorithms.ts'
import { discard, gradedParts, pay } from '../../src-main/rl/pay.ts'
import type { Credit, CutScores } from '../../src-main/rl/types.ts'
import type { AnswerBatch } from '../../src-main/rollout/answerGradient.ts'
import type { Sequence } from '../../src-main/rollout/sequences.ts'
import type { RunSpecInput } from '../../src-preload/contract.ts'
import { countdown, entryOf, writtenSpec, wrongAfter } from './written.ts'

const problems = countdown()
const [problem] = problems.ofStep(1, 1)
const TEXT = wrongAfter('1 + 2 = 3')
const entry = (group: number, sample: number, more: Partial<Entry> = {}): Entry =>
  entryOf(problems, problem!, TEXT, { group, sample, ...(more as object) })
const LENGTH = entry(0, 0).rollout.tokens.length

const paid = (of: Entry, outcomeAdvantage = 1, more: Partial<Credit> = {}): Credit => ({
  ...pay(gradedRollout(of, of.rollout.boundaries, null), { parts: { outcome: 0 }, outcomeAdvantage }),
  ...more,
})
const unused = (of: Entry): Credit => {
  const graded = gradedRollout(of, of.rollout.boundaries, null)
  return discard(graded, gradedParts(graded), 'no-signal')
}

/** What the start and the weights that train say of every token, and what the trainer finds before its update. */
const [OF_START, OF_CURRENT, OF_TRAINER] = [-0.75, -0.25, -0.5]

async function updated(
  algorithm: RunSpecInput['algorithm'],
  entries: readonly Entry[],
  credits: readonly Credit[],
  more: Partial<RunSpecInput> = {},
  { cuts, start = () => OF_START }: { readonly cuts?: readonly (CutScores | null)[]; readonly start?: (token: number) => number } = {},
) {
  const spec = writtenSpec({ algorithm, ...more })
  const steps: {
    readonly paid: readonly PaidSequence[]
    readonly optimizer: OptimizerSettings
    readonly answers: readonly AnswerBatch[]
  }[] = []
  const scored: [role: string, sequences: number][] = []
  const averaged: number[] = []
  const scoring = (role: string, of: (token: number) => number) => ({
    score(sequences: readonly Sequence[]) {
      scored.push([role, sequences.length])
      return Promise.resolve(sequences.map(({ completion }) => Float32Array.from(completion, (_, token) => of(token))))
    },
  })
  const running = {
    spec,
    method: createMethod(spec.algorithm.name, spec.algorithm.options),
    problems,
    options: {},
    policies: {
      current: { ...scoring('current', () => OF_CURRENT), config: { vocabSize: 416 } },
      policy: (role: string) => Promise.resolve(scoring(role, start)),
      averageStep: (decay: number) => averaged.push(decay),
    },
    learner: {
      step(sequences: readonly PaidSequence[], optimizer: OptimizerSettings, _signal: unknown, answers: readonly AnswerBatch[]) {
        steps.push({ paid: sequences, optimizer, answers })
        return Promise.resolve({
          loss: steps.length,
          gradNorm: 1,
          applied: true,
          metrics: { entropy: 2 },
          logps: sequences.map(({ completion }) => new Float32Array(completion.length).fill(OF_TRAINER)),
          forwardedTokens: 1,
        } satisfies LearnerResult)
      },
    },
  }
  const results = await update(running as unknown as Parameters<typeof update>[0], entries, credits, 0.125, cuts)
  return { results, steps, scored, averaged }
}

const grid = (groups: number, samples: number): Entry[] =>
  Array.from({ length: groups }, (_, group) => Array.from({ length: samples }, (__, sample) => entry(group, sample))).flat()
const groupsIn = (entries: readonly Entry[], sequences: readonly PaidSequence[]): number[] => [
  ...new Set(sequences.map(({ completion }) => entries.find(({ rollout }) => rollout.tokens === completion)!.group)),
]

describe('the rollouts that are learned from', () => {
  it('are those that credit uses, with what each token is paid and the settings of the optimizer', async () => {
    const entries = grid(2, 2)
    const credits = entries.map((each, index) => (index === 1 ? unused(each) : paid(each, index)))
    const { steps, results } = await updated({ name: 'dr-grpo' }, entries, credits, { optimizer: { lr: 9, clipNorm: 3, weightDecay: 0.5 } })
    expect(steps[0]!.paid.map(({ prompt, completion }) => [prompt, completion])).toEqual(
      [0, 2, 3].map((at) => [entries[at]!.rollout.prompt, entries[at]!.rollout.tokens]),
    )
    expect(steps[0]!.paid.map(({ advantages }) => advantages)).toEqual([0, 2, 3].map((at) => credits[at]!.advantage))
    const { beta1, beta2, eps } = writtenSpec().optimizer
    expect(steps[0]!.optimizer).toEqual({ lr: 0.125, beta1, beta2, eps, clipNorm: 3, weightDecay: 0.5 })
    expect(results.map(({ loss }) => loss)).toEqual([1])
  })

  it('are none where none is used: the weights stay and nothing is scored', async () => {
    const entries = grid(1, 2)
    expect(await updated({ name: 'dr-grpo' }, entries, entries.map(unused))).toEqual({ results: [], steps: [], scored: [], averaged: [] })
  })

  it('count alike where a loss is divided by their number, answers at a cut as a part of their rollout', async () => {
    const entries = [entry(0, 0), entry(0, 1), entry(1, 0, { cut: [0], cutGroup: 0 })]
    const { steps } = await updated(
      { name: 'brpo' },
      entries,
      entries.map((each) => paid(each)),
    )
    for (const { weights } of steps[0]!.paid) expect(Array.from(weights)).toEqual(Array.from({ length: LENGTH }, () => 1 / (2 * (24 + 8))))
  })
})

describe('the updates of a batch', () => {
  it.each([
    [1, [[0, 1, 2, 3, 4]]],
    [
      2,
      [
        [0, 1, 2],
        [3, 4],
      ],
    ],
    [9, [[0], [1], [2], [3], [4]]],
  ])('are %i where so many are asked for and there are groups for them, which stay whole', async (updatesPerBatch, expected) => {
    const entries = grid(5, 2)
    const { steps, results } = await updated(
      { name: 'grpo', options: { updatesPerBatch } },
      entries,
      entries.map((each) => paid(each)),
    )
    expect(steps.map(({ paid: sequences }) => groupsIn(entries, sequences))).toEqual(expected)
    expect(steps.flatMap(({ paid: sequences }) => sequences)).toHaveLength(10)
    expect(results.map(({ loss }) => loss)).toEqual(expected.map((_, index) => index + 1))
  })

  it('keep the answers at the cuts of a group with it', async () => {
    const entries = [...grid(2, 1), entry(2, 0, { cut: [0], cutGroup: 0 }), entry(3, 0, { cut: [0], cutGroup: 1 })]
    const { steps } = await updated(
      { name: 'regret-exact', options: { updatesPerBatch: 2 } },
      entries,
      entries.map((each) => paid(each)),
    )
    expect(steps.map(({ paid: sequences }) => groupsIn(entries, sequences))).toEqual([
      [0, 2],
      [1, 3],
    ])
  })

  it('are as many times as many where what is kept is gone through again', async () => {
    const entries = grid(2, 1)
    const { steps } = await updated(
      { name: 'star', options: { passes: 3 } },
      entries,
      entries.map((each) => paid(each)),
    )
    expect(steps.map(({ paid: sequences }) => sequences.length)).toEqual([2, 2, 2])
  })

  it('each move the average of the weights where J is about that, and no average else', async () => {
    const entries = grid(2, 1)
    const credits = entries.map((each) => paid(each))
    const ema = { mu: 'ema', emaDecay: 0.75, updatesPerBatch: 2 }
    expect((await updated({ name: 'mrt-exact', options: ema }, entries, credits)).averaged).toEqual([0.75, 0.75])
    expect((await updated({ name: 'mrt-exact' }, entries, credits)).averaged).toEqual([])
  })
})

describe('the distance to the start', () => {
  const entries = grid(3, 1)
  const credits = entries.map((each) => paid(each))

  it('is taken over all that is learned from where the loss pulls towards it, and left to the loss', async () => {
    const { steps, scored, results } = await updated({ name: 'grpo', options: { klBeta: 0.5 } }, entries, credits)
    expect(scored).toEqual([['start', 3]])
    for (const { referenceLogps } of steps[0]!.paid)
      expect(Array.from(referenceLogps!)).toEqual(Array.from({ length: LENGTH }, () => OF_START))
    expect(results[0]!.metrics).toEqual({ entropy: 2 })
  })

  it('is taken over the observed groups alone where the loss does not, and is the mean of k3 over the tokens that carry loss', async () => {
    const masked = credits.map((credit) => ({ ...credit, mask: credit.mask.map((_, token) => Number(token > 1)) }))
    const { steps, scored, results } = await updated(
      { name: 'dr-grpo' },
      entries,
      masked,
      { observeGroups: 2 },
      { start: (token) => (token < 2 ? 50 : token === 2 ? 30 : OF_START) },
    )
    expect(scored).toEqual([['start', 2]])
    expect(steps[0]!.paid[0]).not.toHaveProperty('referenceLogps')
    const k3 = (ratio: number): number => Math.exp(Math.min(20, ratio)) - ratio - 1
    const expected = (k3(30 - OF_TRAINER) + (LENGTH - 3) * k3(OF_START - OF_TRAINER)) / (LENGTH - 2)
    expect(results[0]!.metrics.entropy).toBe(2)
    expect(results[0]!.metrics.kl! / expected).toBeCloseTo(1, 6)
  })

  it('is k3 of the log-ratio where that is small, and nothing where the two agree', async () => {
    const klTo = async (logp: number): Promise<number> =>
      (await updated({ name: 'dr-grpo' }, entries, credits, { observeGroups: 9 }, { start: () => logp })).results[0]!.metrics.kl!
    expect(await klTo(OF_TRAINER + 0.25)).toBeCloseTo(Math.exp(0.25) - 0.25 - 1, 9)
    expect(await klTo(OF_TRAINER)).toBe(0)
  })

  it('is not taken where nothing is observed or nothing was drawn', async () => {
    for (const [name, observeGroups] of [
      ['dr-grpo', 0],
      ['sft', 9],
    ] as const) {
      const { scored, results } = await updated({ name }, entries, credits, { observeGroups })
      expect([scored, results[0]!.metrics]).toEqual([[], { entropy: 2 }])
    }
  })

  it('is absent from an update without an observed group', async () => {
    const { results } = await updated({ name: 'dr-grpo', options: { updatesPerBatch: 3 } }, entries, credits, { observeGroups: 1 })
    expect(results.map(({ metrics }) => 'kl' in metrics)).toEqual([true, false, false])
  })
})

describe('the log-probs of what was drawn', () => {
  const entries = grid(1, 2)
  const credits = entries.map((each) => paid(each))
  const sampledIn = async (algorithm: RunSpecInput['algorithm'], more: Partial<RunSpecInput> = {}) => {
    const { steps, scored } = await updated(algorithm, entries, credits, { observeGroups: 0, ...more })
    return [steps[0]!.paid[0]!.sampledLogps?.[0], steps[0]!.paid[0]!.drawn?.logps[0], scored.map(([role]) => role)]
  }

  it('are the sampler’s own where it drew from the policy that is trained', async () => {
    expect(await sampledIn({ name: 'dr-grpo' })).toEqual([-0.5, -0.5, []])
  })

  it('are those of the weights that train where the sampler drew from a part of it, or tokens are paid that it did not draw', async () => {
    const rescored = [OF_CURRENT, -0.5, ['current']]
    expect(await sampledIn({ name: 'dr-grpo' }, { sampling: { topK: 4 } })).toEqual(rescored)
    expect(await sampledIn({ name: 'mrt-pooled', options: { trainForcedStop: true } })).toEqual(rescored)
    expect(await sampledIn({ name: 'mrt-pooled', options: { trainForcedStop: false } })).toEqual([-0.5, -0.5, []])
    expect(await sampledIn({ name: 'dr-grpo', options: { correction: 'token-truncate' } })).toEqual(rescored)
  })

  it('are not compared where texts come from other weights or from nobody', async () => {
    expect(await sampledIn({ name: 'sft' })).toEqual([undefined, undefined, []])
    expect(await sampledIn({ name: 'star' })).toEqual([undefined, undefined, []])
  })

  it('weigh what tokens are paid where a correction is asked for, but not those that were forced', async () => {
    const forced = entry(0, 0)
    const sampled = forced.rollout.sampled.map((_, token) => Number(token !== 2))
    const partly = [{ ...forced, rollout: { ...forced.rollout, sampled } }, entry(0, 1)]
    const all = partly.map((each) => ({
      ...paid(each, 2),
      mask: new Uint8Array(LENGTH).fill(1),
      advantage: new Float32Array(LENGTH).fill(2),
    }))
    const { steps } = await updated({ name: 'dr-grpo', options: { correction: 'token-truncate', correctionHigh: 9 } }, partly, all)
    const ratio = Math.exp(OF_CURRENT - -0.5)
    expect(steps[0]!.paid[0]!.advantages[0]).toBeCloseTo(2 * ratio, 6)
    expect(steps[0]!.paid[0]!.advantages[2]).toBe(2)
    expect(steps[0]!.paid[1]!.advantages[2]).toBeCloseTo(2 * ratio, 6)
  })
})

describe('the exact gradient of J', () => {
  it('comes beside the sequences of its rollouts, on the scale of their tokens', async () => {
    const entries = grid(2, 1)
    const credits = entries.map((each, index) => paid(each, 1, index === 0 ? { answerWeights: [3, 0.5] } : {}))
    const scores: CutScores = { budgets: [2, 24], offsets: [2, 5], J: Float64Array.of(0.5, 0.5) }
    const algorithm = { name: 'regret-exact', options: { answerGradient: 'exact' } }
    const { steps } = await updated(algorithm, entries, credits, {}, { cuts: [scores, scores] })
    const weights = steps[0]!.answers.flatMap(({ feeds }) => Array.from(feeds.path_weights!.data as Float32Array))
    const scale = 1 / (2 * (24 + 8))
    expect([...new Set(weights.filter((weight) => weight !== 0))].sort((a, b) => a - b)).toEqual([0.5 * scale, 3 * scale])
    expect((await updated(algorithm, entries, credits, {}, { cuts: [null, scores] })).steps[0]!.answers).toEqual([])
    expect((await updated(algorithm, entries, credits)).steps[0]!.answers).toEqual([])
  })
})
