// What the progress methods share: J at the boundaries of a rollout -> progress of each episode -> what its tokens are paid.
// Progress of episode j is r_prg = J_j - J_(j-1), the gain in the chance of success if thinking stopped there (Qu et al., "Optimizing Test-Time
// Compute via Meta Reinforcement Fine-Tuning", arXiv 2503.07572). How J was found is not this file's business; J only ever
// enters as a reward, no gradient flows through it. The controls replace progress by something that carries no information.
import { progressOf as differences } from '../episodes/progress.ts'
import { createRng, deriveSeed } from '../numeric/rng.ts'
import { mean, sum } from '../numeric/stats.ts'
import type { Mu } from './algorithm.ts'
import { drGrpoAdvantages } from './drGrpo.ts'
import { grpoAdvantages } from './grpo.ts'
import type { ChoiceOption, Condition, NumberOption, OptionValues } from './options.ts'
import { discard, gradedParts, pay, total, type Parts } from './pay.ts'
import { rlooAdvantages } from './rloo.ts'
import { courseAt, courseOption } from './schedules.ts'
import { CreditError, type Credit, type CreditContext, type GradedRollout } from './types.ts'

/** Rewards of a group (two or more) to advantages, by name. */
export const baselines = { 'dr-grpo': drGrpoAdvantages, rloo: rlooAdvantages, grpo: grpoAdvantages } as const

const baselineMeanings = {
  'dr-grpo': 'reward minus the mean of the group: keeps outcome and progress on one scale',
  rloo: 'reward minus the mean of the others: the same times G / (G - 1)',
  grpo: 'also divided by the deviation of the group: the weight of progress then depends on how mixed the group is',
} as const

/** The option that picks a baseline. */
export function baselineOption<Name extends keyof typeof baselines>(name: Name, reason: string) {
  return { kind: 'choice', default: name, choices: baselineMeanings, unit: '', reason } as const satisfies ChoiceOption
}

/** The options that say which policy answers when thinking is cut; read by whoever computes J. They act where `when` holds. */
export function proverOptions<When extends Readonly<Record<string, Condition>>>(when: When) {
  return {
    mu: {
      kind: 'choice',
      default: 'current',
      unit: '',
      when,
      choices: {
        current: 'the weights that sampled the rollout',
        start: 'the weights the run started from, frozen',
        ema: 'a moving average of the weights',
        given: 'other weights, which the setting prover names: a checkpoint or another model',
      },
      reason:
        'Whose answer counts when thinking is cut; the current policy follows what the model can do now, a frozen one cannot be flattered by sharper answers.',
    },
    emaDecay: {
      kind: 'number',
      default: 0.99,
      min: 0,
      max: 0.9999,
      unit: 'per optimiser step',
      when: { ...when, mu: ['ema'] },
      reason: 'How slowly the moving average follows (mu = ema); 0.99 remembers about 100 steps.',
    },
    bestOf: {
      kind: 'number',
      default: 1,
      min: 1,
      max: 64,
      integer: true,
      unit: 'answers',
      when,
      reason: 'Prover that succeeds if any of K answers does; K > 1 rewards opening a chance more than making it certain.',
    },
  } as const satisfies Record<string, ChoiceOption | NumberOption>
}

export function muOf({ mu, emaDecay, bestOf }: OptionValues<ReturnType<typeof proverOptions<Record<string, Condition>>>>): Mu {
  return { weights: mu, emaDecay, bestOf }
}

/** Controls under which progress, or what stands for it, is paid at all. */
const paysProgress = { control: ['none', 'shuffled', 'charge', 'constant'] } as const

/** The shared option table; the two progress methods differ in base, centring and how J is known. */
export function progressOptions<Base extends keyof typeof baselines, Centre extends 'group' | 'none'>(own: {
  readonly base: Base
  readonly baseReason: string
  readonly centre: Centre
}) {
  return {
    alpha: {
      kind: 'number',
      default: 1,
      min: 0,
      max: 10,
      unit: 'reward per unit of J',
      when: paysProgress,
      reason: 'Weight of progress beside the outcome; at 1 a rise of J from 0 to 1 is worth as much as a right answer.',
    },
    alphaCourse: courseOption(
      'Whether progress counts all along or comes and goes; a bonus that changes the optimum may be wanted early alone.',
      { ...paysProgress, alpha: { above: 0 } },
    ),
    credit: {
      kind: 'choice',
      default: 'episode-local',
      unit: '',
      when: paysProgress,
      choices: {
        scalar: 'all tokens share J at the end minus J at the start, as part of the reward',
        'return-to-go': 'an episode is paid for all progress from its start on: a learned baseline, the same optimum as the outcome alone',
        'episode-local': 'an episode is paid for its own progress: dense and immediate, changes the optimum',
        mixture: 'own progress plus later progress, discounted by lambda per episode',
      },
      reason: 'Which tokens a rise of J belongs to; only the episode-local rule says which attempt helped.',
    },
    lambda: {
      kind: 'number',
      default: 0.5,
      min: 0,
      max: 1,
      unit: 'per episode',
      when: { ...paysProgress, credit: ['mixture'] },
      reason: 'Discount of later progress in the mixture: 0 is episode-local, 1 is return-to-go.',
    },
    base: baselineOption(own.base, own.baseReason),
    centre: {
      kind: 'choice',
      default: own.centre,
      unit: '',
      when: { control: ['none', 'shuffled'], credit: ['return-to-go', 'episode-local', 'mixture'] },
      choices: { none: 'as it is: the paper', group: 'minus the mean over all episodes of the group: ours' },
      reason:
        'Uncentred, thinking on is paid wherever progress is positive on average; centred, every thinking token is charged the mean while the end of thinking goes free, so opening an episode costs.',
    },
    control: {
      kind: 'choice',
      default: 'none',
      unit: '',
      choices: {
        none: 'progress as measured',
        shuffled: 'J permuted across the boundaries of each rollout: same values, wrong places',
        charge: 'every episode charged the mean progress of its group and paid nothing: what centring adds, by itself',
        constant: 'every episode paid the mean size of progress in its group, uncentred: same scale, no information',
        random: 'a coin for each rollout instead of its outcome, and no progress: no information at all',
      },
      reason:
        'A method that still gains under a control gains from something other than progress. Against centred progress hold shuffled (centred) and charge, against uncentred shuffled and constant.',
    },
    ...proverOptions(paysProgress),
  } as const satisfies Record<string, ChoiceOption | NumberOption>
}

export type ProgressValues = OptionValues<ReturnType<typeof progressOptions<keyof typeof baselines, 'group' | 'none'>>>

/** Weight of progress at a step. @param done share of the run's steps that are done before it */
export function alphaAt({ alpha, alphaCourse }: Pick<ProgressValues, 'alpha' | 'alphaCourse'>, done: number): number {
  return alpha * courseAt(alphaCourse, done)
}

/** J of a rollout, rounding above 1 taken off; throws CreditError `rl.no-termination-scores` where it was not measured. */
export function terminationScores(rollout: GradedRollout): Float64Array {
  if (!rollout.J)
    throw new CreditError('rl.no-termination-scores', {
      expected: `J at the ${rollout.episodes.length + 1} boundaries of rollout ${rollout.group}/${rollout.sample}`,
      found: 'none',
    })
  return rollout.J.map((score) => Math.min(1, score))
}

/** [E + 1] scores -> [E] differences of neighbours. */
export function progressOf(scores: readonly number[]): number[] {
  return Array.from(differences(scores))
}

/** [E] progress -> [E] own progress plus later progress, discounted by lambda per episode. */
export function discountedToGo(progress: readonly number[], lambda: number): number[] {
  const paid = [...progress]
  for (let episode = paid.length - 2; episode >= 0; episode--) paid[episode] += lambda * paid[episode + 1]
  return paid
}

type Steps = readonly (readonly number[])[]
type Control = (scores: Steps, group: readonly GradedRollout[], seed: number) => Steps

/** Scores [rollout][E + 1] -> what counts as progress [rollout][E]. */
const controls: Readonly<Record<ProgressValues['control'], Control>> = {
  none: (scores) => scores.map(progressOf),
  charge: (scores) => {
    const charge = -mean(scores.flatMap(progressOf))
    return scores.map((row) => row.slice(1).fill(charge))
  },
  random: (scores) => scores.map((row) => row.slice(1).fill(0)),
  shuffled: (scores, group, seed) =>
    scores.map((row, index) =>
      progressOf(createRng(deriveSeed(seed, 'shuffled progress', group[index].group, group[index].sample)).shuffle(row)),
    ),
  constant: (scores) => {
    const size = mean(scores.flatMap(progressOf).map(Math.abs))
    return scores.map((row) => row.slice(1).fill(size))
  },
}

const rules: Readonly<
  Record<Exclude<ProgressValues['credit'], 'scalar'>, (progress: readonly number[], lambda: number) => readonly number[]>
> = { 'episode-local': (progress) => progress, 'return-to-go': (progress) => discountedToGo(progress, 1), mixture: discountedToGo }

/**
 * Credits of one group: outcome advantage for every token, alpha times the rule's share of progress for the tokens of each episode.
 * `prover` turns a measured J into the prover's chance of success. A group of one has no outcome baseline: its outcome pays 0 and only progress is left.
 */
export function progressCredits(
  group: readonly GradedRollout[],
  options: ProgressValues,
  context: CreditContext,
  prover: (J: number) => number,
): Credit[] {
  const scores = group.map((rollout) => Array.from(terminationScores(rollout), prover))
  const steps = controls[options.control](scores, group, context.seed)
  const alpha = alphaAt(options, context.done)
  const graded = group.map(options.control === 'random' ? (rollout) => coinParts(rollout, context.seed) : gradedParts)
  const parts = graded.map((own, index): Parts => ({ ...own, progress: alpha * sum(steps[index]) }))
  const advantagesOf = (rows: readonly Parts[]) => (group.length > 1 ? baselines[options.base](rows.map(total)) : [0])
  const outcome = advantagesOf(graded)
  if (options.credit === 'scalar') return payScalar(group, parts, outcome, advantagesOf(parts))

  const share = rules[options.credit]
  const shares = steps.map((own) => share(own, options.lambda))
  const centred = options.centre === 'group' && (options.control === 'none' || options.control === 'shuffled')
  const centre = centred ? mean(shares.flat()) : 0
  return group.map((rollout, index) => {
    if (group.length === 1 && rollout.episodes.length === 0) return discard(rollout, parts[index], 'no-peers')
    const episodeBonus = Float64Array.from(shares[index], (paid) => alpha * (paid - centre))
    return pay(rollout, { parts: parts[index], outcomeAdvantage: outcome[index], episodeBonus })
  })
}

/** The outcome stays on record; `random` is what turns the reward into a fair coin. */
function coinParts(rollout: GradedRollout, seed: number): Parts {
  const parts = gradedParts(rollout)
  return { ...parts, random: createRng(deriveSeed(seed, 'random reward', rollout.group, rollout.sample)).int(2) - total(parts) }
}

/** Progress as part of the scalar reward: the whole rollout, its answer included, gets what the larger reward adds. */
function payScalar(
  group: readonly GradedRollout[],
  parts: readonly Parts[],
  outcome: readonly number[],
  whole: readonly number[],
): Credit[] {
  return group.map((rollout, index) => {
    if (group.length === 1) return discard(rollout, parts[index], 'no-peers')
    const tailBonus = whole[index] - outcome[index]
    return pay(rollout, {
      parts: parts[index],
      outcomeAdvantage: outcome[index],
      episodeBonus: new Float64Array(rollout.episodes.length).fill(tailBonus),
      tailBonus,
    })
  })
}
