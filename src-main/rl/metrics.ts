// Numbers that describe one batch of credited rollouts, under the names TRL uses where it has one and `mrt/` where it does not.
// A metric that cannot be computed is absent: never 0, never NaN. Deviations divide by n - 1. What only the optimiser step knows
// (KL, entropy, clipping) is in loss.ts; `num_tokens` and times belong to the run.
import { mean, sampleDeviation } from '../numeric/stats.ts'
import { groupsOf } from './groups.ts'
import { progressOf } from './mrtProgress.ts'
import type { Credit, GradedRollout } from './types.ts'

export interface CreditedRollout {
  readonly rollout: GradedRollout
  readonly credit: Credit
}

export type Metrics = Readonly<Record<string, number>>

/** Below this a group's rewards count as equal, so that rounding in a sum of parts does not hide a group without signal. */
const SAME_REWARD = 1e-8

/**
 * Metrics of the rollouts of one step, aborted ones left out. `alpha` is the method's weight of progress, where it has one.
 * `completions/clipped_ratio` is the fraction of truncated answers, not PPO clipping.
 */
export function batchMetrics(batch: readonly CreditedRollout[], alpha?: number): Metrics {
  const alive = batch.filter((entry) => entry.rollout.finish !== 'aborted')
  return {
    ...rewardMetrics(alive),
    ...groupMetrics(alive),
    ...lengthMetrics(alive.map((entry) => entry.rollout)),
    ...episodeMetrics(alive),
    ...armMetrics(alive),
    ...(alpha !== undefined && { 'mrt/alpha': alpha }),
  }
}

function rewardMetrics(batch: readonly CreditedRollout[]): Metrics {
  const names = [...new Set(batch.flatMap((entry) => Object.keys(entry.credit.parts)))]
  return {
    ...meanOf(
      'reward',
      batch.map((entry) => entry.credit.reward),
    ),
    ...deviationOf(
      'reward_std',
      batch.map((entry) => entry.credit.reward),
    ),
    ...(Object.assign(
      {},
      ...names.map((name) => {
        const values = batch.flatMap((entry) => entry.credit.parts[name] ?? [])
        return { ...meanOf(`rewards/${name}/mean`, values), ...deviationOf(`rewards/${name}/std`, values) }
      }),
    ) as Metrics),
    ...meanOf(
      'mrt/used_frac',
      batch.map((entry) => Number(entry.credit.used)),
    ),
  }
}

function groupMetrics(batch: readonly CreditedRollout[]): Metrics {
  const groups = groupsOf(batch.map((entry) => entry.rollout)).map((members) => members.map((index) => batch[index]))
  const deviations = groups.filter((group) => group.length > 1).map((group) => sampleDeviation(group.map((entry) => entry.credit.reward)))
  const rightShare = groups.map((group) => mean(group.map((entry) => entry.rollout.correct)))
  return {
    ...meanOf('reward_group_std', deviations),
    ...meanOf(
      'frac_reward_zero_std',
      deviations.map((deviation) => Number(deviation < SAME_REWARD)),
    ),
    ...meanOf(
      'by_group/frac_all_good',
      rightShare.map((share) => Number(share === 1)),
    ),
    ...meanOf(
      'by_group/frac_all_bad',
      rightShare.map((share) => Number(share === 0)),
    ),
    ...meanOf(
      'by_group/frac_mixed',
      rightShare.map((share) => Number(share > 0 && share < 1)),
    ),
  }
}

function lengthMetrics(rollouts: readonly GradedRollout[]): Metrics {
  const lengths = rollouts.map((rollout) => rollout.tokenCount)
  return {
    ...meanOf('completions/mean_length', lengths),
    ...when(lengths.length > 0, () => ({ 'completions/min_length': Math.min(...lengths), 'completions/max_length': Math.max(...lengths) })),
    ...meanOf(
      'completions/clipped_ratio',
      rollouts.map((rollout) => Number(rollout.finish === 'length')),
    ),
    ...meanOf(
      'completions/mean_terminated_length',
      rollouts.filter((rollout) => rollout.finish === 'stop').map((rollout) => rollout.tokenCount),
    ),
  }
}

function episodeMetrics(batch: readonly CreditedRollout[]): Metrics {
  const spans = batch.flatMap((entry) => entry.rollout.episodes)
  const scores = batch.flatMap((entry) => (entry.rollout.J ? [Array.from(entry.rollout.J)] : []))
  const paysProgress = batch.filter((entry) => 'progress' in entry.credit.parts)
  return {
    ...meanOf(
      'mrt/episodes_mean',
      batch.map((entry) => entry.rollout.episodes.length),
    ),
    ...meanOf(
      'mrt/episode_tokens_mean',
      spans.map((span) => span.end - span.start),
    ),
    ...progressMetrics(scores),
    ...meanOf(
      'mrt/bonus_mean',
      paysProgress.flatMap((entry) => Array.from(entry.credit.episodeBonus)),
    ),
  }
}

/** J before and after thinking, and what an episode adds to it. @param scores J at the boundaries of each rollout */
export function progressMetrics(scores: readonly (readonly number[])[]): Metrics {
  const progress = scores.flatMap(progressOf)
  return {
    ...meanOf('mrt/progress_mean', progress),
    ...meanOf(
      'mrt/progress_pos_frac',
      progress.map((step) => Number(step > 0)),
    ),
    ...meanOf(
      'mrt/j_start_mean',
      scores.map((row) => row[0]),
    ),
    ...meanOf(
      'mrt/j_end_mean',
      scores.map((row) => row[row.length - 1]),
    ),
  }
}

/** The deviation over both arms of a prefix differs from that of its continuations alone, and scaling uses the first: log both. */
function armMetrics(batch: readonly CreditedRollout[]): Metrics {
  const armed = batch.filter((entry) => entry.rollout.arm !== undefined)
  const rewardsOf = (arm: GradedRollout['arm']) => armed.filter((entry) => entry.rollout.arm === arm).map((entry) => entry.credit.reward)
  const spread = (entries: readonly CreditedRollout[]) =>
    groupsOf(entries.map((entry) => entry.rollout))
      .filter((members) => members.length > 1)
      .map((members) => sampleDeviation(members.map((index) => entries[index].credit.reward)))
  return {
    ...meanOf('mrt/continue_reward', rewardsOf('continue')),
    ...meanOf('mrt/terminate_reward', rewardsOf('terminate')),
    ...meanOf('mrt/pool_std', spread(armed)),
    ...meanOf('mrt/continue_std', spread(armed.filter((entry) => entry.rollout.arm === 'continue'))),
  }
}

function meanOf(name: string, values: readonly number[]): Metrics {
  return when(values.length > 0, () => ({ [name]: mean(values) }))
}

function deviationOf(name: string, values: readonly number[]): Metrics {
  return when(values.length > 1, () => ({ [name]: sampleDeviation(values) }))
}

function when(possible: boolean, metrics: () => Metrics): Metrics {
  return possible ? metrics() : {}
}
