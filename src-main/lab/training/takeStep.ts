// One step of training: sample and grade, estimate J, credit, update. The paper's algorithm box; nothing is stored here.
import { LabError } from '../../../src-preload/contract.ts'
import { schedule } from '../../engine/schedules.ts'
import { deriveSeed } from '../../numeric/rng.ts'
import { creditBatch, needsOf } from '../../rl/algorithms.ts'
import { doneBefore } from '../../rl/schedules.ts'
import type { GradedRollout } from '../../rl/types.ts'
import { cutEntries } from './cutEntries.ts'
import { continueEntries, estimateJ, SAMPLED_ANSWERS } from './estimate.ts'
import type { Measured } from './estimate.ts'
import { endEntries } from './endings.ts'
import { budgetShareAt, gather, gatherObserved, gradedRollout, repetitions, sampleSettings } from './gather.ts'
import type { Entry, GatherContext } from './gather.ts'
import { samplerOf } from './iterations.ts'
import type { ObservedEntry, Running, StepOutcome } from './step.ts'
import { update } from './update.ts'
import { looksAt, lookAtList } from './watchList.ts'

/** Weights whose logits are infinite or not numbers sample nothing and measure nothing. */
function refuseDivergence(step: number, entries: readonly Entry[], measured: readonly (Measured | null)[]): void {
  const broken = entries.length > 0 && entries.every(({ rollout }) => rollout.finish === 'aborted')
  if (broken || measured.some((each) => each?.J.some(Number.isNaN)))
    throw new LabError('run.diverged', {
      expected: 'a model that gives probabilities',
      found: `weights before step ${step} that give infinite or undefined ones`,
      next: 'The learning rate is most likely too large: branch from an earlier checkpoint, or start again, with a smaller one.',
    })
}

/** @param told hears the share of the step that is done, 0..1 */
export async function takeStep(running: Running, step: number, told: (share: number) => void): Promise<StepOutcome> {
  const { spec, method, problems, policies, options } = running
  const { signal } = options
  const needs = needsOf(method)
  running.ray?.beginStep(step)
  const times = { sample: 0, mu: 0, train: 0, watch: 0 }
  const current = await policies.sampler('current')
  const list = looksAt(spec, step) ? await timed(times, 'watch', () => lookAtList(spec, problems, current, { signal })) : null
  /** With the budget that rollouts of this step have. */
  const settings = sampleSettings(spec, budgetShareAt(running, step))

  // Sample and grade.
  const gathering: GatherContext = {
    spec,
    method,
    problems,
    policy: await policies.sampler(samplerOf(needs)),
    stale: () => policies.sampler('stale'),
    options: { signal, onProgress: (done, total) => told((0.4 * done) / total) },
  }
  const entries = await timed(times, 'sample', () => gather(gathering, step))

  refuseDivergence(step, entries, [])

  // Estimate J where the algorithm needs it, and for a few groups where it does not.
  const weights = needs.J === 'none' ? 'current' : (needs.mu?.weights ?? 'current')
  const role = weights === 'current' ? samplerOf(needs) : weights
  const observed = spec.observeGroups
  // Where accepted answers cannot be listed J has no exact value to watch by, and is sampled.
  const watching = problems.lists ? ({ method: 'exact', samples: 0 } as const) : ({ method: 'sampled', samples: SAMPLED_ANSWERS } as const)
  const measures = (entry: Entry): boolean =>
    needs.J !== 'none' || (needs.data !== 'demonstrations' && !needs.iterations && entry.group < observed && entry.kept === undefined)
  const estimate = await timed(times, 'mu', async () =>
    estimateJ(await policies.sampler(role), problems, entries, measures, {
      ...(needs.J === 'sampled' ? ({ method: 'sampled', samples: needs.branches ?? 0 } as const) : watching),
      maxEpisodes: needs.maxEpisodes ?? Infinity,
      seed: deriveSeed(spec.seed, 'mu', step),
      settings: sampleSettings(spec),
      signal,
    }),
  )
  refuseDivergence(step, entries, estimate.measured)
  // What every method is watched by: full rollouts of the same first groups, J exact at every boundary under the weights that sampled them.
  const apart = (needs.data !== 'rollouts' || needs.iterations !== undefined) && observed > 0
  const watched = apart ? await timed(times, 'mu', () => gatherObserved({ ...gathering, policy: current }, step)) : entries
  const asWatched = !apart && needs.J !== 'sampled' && role === 'current' && needs.maxEpisodes === undefined
  const inView = (entry: Entry): boolean => entry.group < observed && entry.arm === undefined && entry.kept === undefined
  const watch = asWatched
    ? null
    : await timed(times, 'mu', () =>
        estimateJ(current, problems, watched, inView, {
          ...watching,
          maxEpisodes: Infinity,
          seed: deriveSeed(spec.seed, 'watch', step),
          settings: sampleSettings(spec),
          signal,
        }),
      )
  const observedJ = (watch ?? estimate).measured.flatMap((each, index): ObservedEntry[] =>
    each !== null && inView(watched[index]!) ? [{ entry: watched[index]!, measured: each }] : [],
  )
  const watchTokens = (watch?.tokens ?? 0) + (apart ? watched.reduce((sum, { rollout }) => sum + rollout.tokens.length, 0) : 0)
  const continued =
    needs.continuations === undefined
      ? null
      : await timed(times, 'mu', () =>
          continueEntries(current, problems, entries, needs.continuations!, {
            seed: deriveSeed(spec.seed, 'continue', step),
            settings,
            signal,
          }),
        )
  const cut =
    needs.cuts === undefined
      ? null
      : await timed(times, 'mu', () =>
          cutEntries(current, problems, entries, needs.cuts!, deriveSeed(spec.seed, 'cut', step), settings, signal),
        )
  const answers = cut?.answers ?? []
  told(0.6)

  // Credit.
  const repeated = needs.iterations ? repetitions(entries) : []
  const graded = entries.map((entry, index) => {
    const measured = estimate.measured[index]
    const V = continued?.V[index]
    const cuts = cut?.cuts[index]
    return {
      ...gradedRollout(entry, measured?.boundaries ?? entry.rollout.boundaries, measured?.J ?? null),
      ...(V && { V }),
      ...(cuts && { cuts }),
      ...(repeated[index] && { repeats: true }),
    }
  })
  const creditContext = {
    budgetTokens: settings.thinkingTokens + spec.budget.answerTokens,
    seed: deriveSeed(spec.seed, 'credit', step),
    done: doneBefore(step, spec.steps),
  }
  const ofOwn = (entry: Entry): GradedRollout => gradedRollout(entry, entry.rollout.boundaries, null)
  const credits = creditBatch(method, [...graded, ...answers.map(ofOwn)], creditContext)
  const endings = await timed(times, 'sample', () =>
    endEntries(gathering.policy, problems, entries, credits, deriveSeed(spec.seed, 'ending', step), settings, signal),
  )
  const endingCredits = creditBatch(method, endings.map(ofOwn), creditContext)

  // Update. Nothing more is measured with the weights that drew.
  gathering.policy.forget?.()
  current.forget?.()
  const learningRate =
    spec.optimizer.lr *
    schedule({ name: spec.optimizer.schedule, warmupSteps: spec.optimizer.warmupSteps, totalSteps: spec.steps })(step - 1)
  const updates = await timed(times, 'train', () =>
    update(running, [...entries, ...answers, ...endings], [...credits, ...endingCredits], learningRate, cut?.cuts),
  )
  const estimateTokens = estimate.tokens + watchTokens + (continued?.tokens ?? 0) + (cut?.tokens ?? 0)
  const drawn = [...entries, ...endings].reduce((sum, { rollout }) => sum + rollout.tokens.length - rollout.prefixTokens, 0)
  return {
    entries,
    endings,
    graded,
    measured: estimate.measured,
    observed: observedJ,
    apart,
    list,
    credits: credits.slice(0, entries.length),
    endingCredits,
    updates,
    estimateTokens,
    learningRate,
    times,
    elsewhere: running.ray?.metrics(times.sample + times.mu, drawn + estimateTokens) ?? {},
  }
}

async function timed<Result>(times: Record<string, number>, name: string, work: () => Promise<Result>): Promise<Result> {
  const began = performance.now()
  const result = await work()
  times[name]! += performance.now() - began
  return result
}
