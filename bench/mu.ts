// What does J at every boundary cost, and how sure is it? Exact mu against K = 8 sampled answers per boundary, on the same rollouts of
// the starter model. Cost in tokens forwarded and in time; certainty as the variance of repeated estimates. Equality: the mean of many
// sampled estimates must be the exact value, to within its own standard error.
import { openEngine } from '../src-main/engine/engine.ts'
import { deriveSeed } from '../src-main/numeric/rng.ts'
import { mean } from '../src-main/numeric/stats.ts'
import { exactMu } from '../src-main/rollout/exactMu.ts'
import type { ExactMu } from '../src-main/rollout/exactMu.ts'
import { createWeights, openPolicy } from '../src-main/rollout/policy.ts'
import { sampleRollouts } from '../src-main/rollout/sample.ts'
import type { SampleSettings } from '../src-main/rollout/sample.ts'
import { sampledMu } from '../src-main/rollout/sampledMu.ts'
import type { ForkedTrace, SampledMu } from '../src-main/rollout/sampledMu.ts'
import { createCountdown } from '../src-main/tasks/countdown.ts'
import type { Problem, SpokenTask } from '../src-main/tasks/types.ts'
import { startWeights } from './models.ts'
import { clock, distance, figure, gain } from './question.ts'
import type { Question } from './question.ts'

const PROBLEMS = 32
const SAMPLES_PER_PROBLEM = 8
/** K of the sampled estimator. */
const ANSWERS = 8
const REPEATS = 5
const SETTINGS: SampleSettings = { temperature: 1, topK: 0, topP: 1, minP: 0, thinkingTokens: 120, answerTokens: 24 }

export const question: Question = {
  title: 'mu: exact against 8 sampled answers per boundary',
  async ask({ start }) {
    const engine = openEngine()
    const { config, tensors } = await startWeights(start)
    const parameters = createWeights(engine, config, tensors)
    const policy = await openPolicy(engine, config, parameters, {
      rows: 256,
      maxLength: 24 + SETTINGS.thinkingTokens + SETTINGS.answerTokens,
    })
    const task = createCountdown() as SpokenTask
    const plans = task
      .problems('heldout', PROBLEMS, 7)
      .flatMap((problem, index) =>
        Array.from({ length: SAMPLES_PER_PROBLEM }, (_, sample) => ({
          problem,
          prompt: problem.promptTokens,
          seed: deriveSeed(1, index, sample),
        })),
      )
    const rollouts = await sampleRollouts(policy.decoder, task.format, plans, SETTINGS)

    const exact = (): Promise<ExactMu> =>
      exactMu(
        rollouts.map(({ prompt, tokens, boundaries }, index) => ({
          prompt,
          completion: tokens,
          cuts: boundaries,
          answers: task.answerTrie(plans[index]!.problem)!,
        })),
        task.format.terminationSuffix,
        (feeds, read) => policy.branches.run(feeds, read),
      )
    const traces = (repeat: number): ForkedTrace[] =>
      rollouts.map(({ tokens, boundaries }, index) => ({
        problem: plans[index]!.problem as Problem,
        completion: tokens,
        cuts: boundaries,
        seed: deriveSeed(repeat, 'bench', index),
      }))
    const sampled = (repeat: number): Promise<SampledMu> => sampledMu(policy, task, traces(repeat), ANSWERS, SETTINGS)

    const truth = await exact()
    await sampled(REPEATS)
    const estimates: SampledMu[] = []
    const times = { exact: [] as number[], sampled: [] as number[] }
    let again = truth
    for (let repeat = 0; repeat < REPEATS; repeat++) {
      times.exact.push(
        await clock(async () => {
          again = await exact()
        }),
      )
      times.sampled.push(
        await clock(async () => {
          estimates.push(await sampled(repeat))
        }),
      )
    }
    policy.dispose()
    engine.dispose()

    const flatTruth = truth.J.flatMap((row) => [...row])
    const flatEstimates = estimates.map(({ J }) => J.flatMap((row) => [...row]))
    const boundaries = flatTruth.length
    const errors = flatEstimates.flatMap((row) => row.map((value, at) => value - flatTruth[at]!))
    const expectedVariance = mean(flatTruth.map((J) => (J * (1 - J)) / ANSWERS))
    const bias = Math.abs(mean(errors)) / Math.sqrt(expectedVariance / errors.length)

    const shared = estimates.map(({ generatedTokens }) => sharedPrefixTokens(rollouts) + generatedTokens)
    const resent = estimates.map(({ generatedTokens }) => ANSWERS * prefixTokens(rollouts) + generatedTokens)
    const perBoundary = (tokens: readonly number[]): number[] => tokens.map((count) => count / boundaries)
    const exactTokens = estimates.map(() => truth.forwardedTokens)
    return {
      checks: [
        {
          what: 'exact J twice',
          difference: distance(
            again.J.flatMap((row) => [...row]),
            flatTruth,
          ),
          limit: 0,
        },
        { what: `mean of ${errors.length} sampled J less exact J, in standard errors`, difference: bias, limit: 4 },
      ],
      figures: [
        figure('boundaries', 'in 256 rollouts', [boundaries]),
        figure('boundaries whose prefix is new', 'in 256 rollouts', [truth.distinctCuts]),
        figure('exact: tokens forwarded', 'per boundary', perBoundary([truth.forwardedTokens])),
        figure('exact: tokens computed, padding included', 'per boundary', perBoundary([truth.computedTokens])),
        figure('sampled, prefixes shared: tokens forwarded', 'per boundary', perBoundary(shared)),
        figure('sampled, prefixes sent again: tokens forwarded', 'per boundary', perBoundary(resent)),
        figure('exact: time', 'ms', times.exact),
        figure('sampled, prefixes shared: time', 'ms', times.sampled),
        figure('mean J', '', [mean(flatTruth)]),
        figure(
          'sampled J: standard deviation',
          '',
          flatEstimates.map((row) => rootMeanSquare(row.map((value, at) => value - flatTruth[at]!))),
        ),
        figure('exact progress: root mean square', '', [rootMeanSquare(progressOf(truth.J))]),
        figure(
          'sampled progress: standard deviation',
          '',
          estimates.map(({ J }) => rootMeanSquare(progressOf(J).map((value, at) => value - progressOf(truth.J)[at]!))),
        ),
        figure('answers per boundary for a standard error of 0.02 in J', 'answers', [mean(flatTruth.map((J) => J * (1 - J))) / 0.02 ** 2]),
      ],
      ratios: [
        gain('tokens forwarded: sampled with shared prefixes over exact', exactTokens, shared),
        gain('tokens forwarded: sampled with prefixes sent again over exact', exactTokens, resent, { atLeast: 10 }),
        gain('time: sampled with shared prefixes over exact', times.exact, times.sampled),
      ],
    }
  },
}

type Rollouts = readonly { readonly prompt: readonly number[]; readonly boundaries: readonly number[] }[]

/** Prompt and prefix of every rollout once, as the native decoder forwards them. */
function sharedPrefixTokens(rollouts: Rollouts): number {
  return rollouts.reduce((sum, { prompt, boundaries }) => sum + prompt.length + boundaries.at(-1)! - 1, 0)
}

/** Prompt and prefix at every boundary: what a sampler without a prefix cache forwards for each answer. */
function prefixTokens(rollouts: Rollouts): number {
  return rollouts.reduce((sum, { prompt, boundaries }) => sum + boundaries.reduce((own, cut) => own + prompt.length + cut - 1, 0), 0)
}

function progressOf(J: readonly Float64Array[]): number[] {
  return J.flatMap((row) => Array.from(row.subarray(1), (value, episode) => value - row[episode]!))
}

function rootMeanSquare(values: readonly number[]): number {
  return Math.sqrt(mean(values.map((value) => value * value)))
}
