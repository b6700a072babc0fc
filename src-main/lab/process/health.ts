// Health rules: the ways in which a run goes wrong without an error, each as one line of a table. A rule looks at the history of a run
// (steps and evaluations so far) and says what it found and which rollouts show it. It speaks once, at the step where it becomes true,
// and again only after it had stopped being true; that follows from the history alone, so a resumed run says nothing twice.
// The rules are those that users of other trainers had to find out by themselves; what a metric means is in the glossary.

import type { HealthRuleDescription, RolloutFilter, Step } from '../../../src-preload/contract.ts'
import { mean, median } from '../../numeric/stats.ts'

export interface HistoryStep {
  readonly step: number
  readonly metrics: Step['metrics']
}

export interface HistoryEvaluation {
  /** The training step it was made after. */
  readonly step: number
  /** Accuracy without forcing, and at the largest budget measured. */
  readonly accuracy: number
  readonly accuracyAtMost: number
  readonly meanTokens: number
}

export interface History {
  readonly runId: number
  /** Optimizer steps that each batch of rollouts is split into; null where the loss has no ratio. */
  readonly updatesPerBatch: number | null
  readonly steps: readonly HistoryStep[]
  readonly evaluations: readonly HistoryEvaluation[]
}

export interface Finding {
  readonly code: string
  readonly level: HealthRuleDescription['level']
  readonly message: string
  readonly step: number
  readonly rollouts: RolloutFilter
  /** The numbers behind it. */
  readonly data: Readonly<Record<string, number>>
}

interface Found {
  readonly message: string
  readonly rollouts: Omit<RolloutFilter, 'runId'>
  readonly data: Readonly<Record<string, number>>
}

interface Rule extends Omit<HealthRuleDescription, 'code'> {
  readonly check: (history: History) => Found | null
}

const CLIPPED_SHARE = 0.5
const SAME_REWARD_SHARE = 0.8
const SAME_REWARD_STEPS = 3
const NO_SPREAD = 1e-8
const FLAT_PROGRESS = 0.005
const FLAT_STEPS = 5
const REWARD_STEPS = 5
const REWARD_GAIN = 0.05
const SHORTER = 0.9
const ACCURACY_DROP = 0.02
const COLLAPSE = 0.2
const FIRST_STEPS = 5
const SPIKE = 10
const SPIKE_WINDOW = 20
const SPIKE_MINIMUM = 5

const percent = (share: number): string => `${Math.round(share * 100)} %`
const at = (step: number): Omit<RolloutFilter, 'runId'> => ({ steps: [step, step] })
const last = <T>(items: readonly T[], count: number): readonly T[] => items.slice(Math.max(0, items.length - count))
const known = (steps: readonly HistoryStep[], metric: string): number[] => steps.flatMap(({ metrics }) => metrics[metric] ?? [])

const rules: Readonly<Record<string, Rule>> = {
  'completions.clipped': {
    level: 'warn',
    title: 'Most answers are cut off',
    when: `more than ${percent(CLIPPED_SHARE)} of the completions of a step end at the token limit`,
    next: 'Raise the token budget, or penalise length.',
    check({ steps }) {
      const now = steps.at(-1)
      const share = now?.metrics['completions/clipped_ratio']
      if (now === undefined || share === undefined || share <= CLIPPED_SHARE) return null
      return {
        message: `${percent(share)} of the completions were cut off at the token limit.`,
        rollouts: { ...at(now.step), finishReason: 'length' },
        data: { share },
      }
    },
  },
  'groups.noSignal': {
    level: 'warn',
    title: 'Groups agree, so there is little to learn from',
    when: `more than ${percent(SAME_REWARD_SHARE)} of the groups have one reward for all their rollouts, ${SAME_REWARD_STEPS} steps running`,
    next: 'Change the difficulty, or use larger groups (16 to 32 are common).',
    check({ steps }) {
      const recent = last(steps, SAME_REWARD_STEPS)
      const shares = known(recent, 'frac_reward_zero_std')
      if (shares.length < SAME_REWARD_STEPS || shares.some((share) => share <= SAME_REWARD_SHARE)) return null
      const share = mean(shares)
      return {
        message: `In ${percent(share)} of the groups of the last ${SAME_REWARD_STEPS} steps all rollouts earned the same.`,
        rollouts: { steps: [recent[0]!.step, recent.at(-1)!.step] },
        data: { share },
      }
    },
  },
  'rewards.cancel': {
    level: 'warn',
    title: 'Reward parts cancel each other',
    when: 'a part of the reward varies but the total does not',
    next: 'Change the weight of one part; as they are, nothing is learned.',
    check({ steps }) {
      const now = steps.at(-1)
      const total = now?.metrics.reward_std
      if (now === undefined || total === undefined || total > NO_SPREAD) return null
      const spreads = Object.entries(now.metrics).filter(([name]) => /^rewards\/[^/]+\/std$/.test(name))
      const widest = spreads.reduce((most, [, value]) => Math.max(most, value), 0)
      if (widest <= NO_SPREAD) return null
      return {
        message: 'Parts of the reward differ between rollouts, but their sum is the same for all.',
        rollouts: at(now.step),
        data: { total, widest },
      }
    },
  },
  'updates.single': {
    level: 'info',
    title: 'Clipping does not apply',
    when: 'every batch of rollouts is used for one optimizer step, so that the ratio is 1 and is never clipped',
    next: 'Nothing to do: the ratio of clipped updates is 0 by design.',
    check({ steps, updatesPerBatch }) {
      const now = steps.at(-1)
      if (now === undefined || updatesPerBatch !== 1 || now.metrics['clip_ratio/region_mean'] !== 0) return null
      return { message: 'One update per batch: no update can be clipped.', rollouts: at(now.step), data: { updatesPerBatch } }
    },
  },
  'reward.hacking': {
    level: 'error',
    title: 'Reward rises, accuracy does not',
    when: `between two evaluations the mean reward of ${REWARD_STEPS} steps rises by more than ${REWARD_GAIN} while held-out accuracy stays or falls`,
    next: 'Read the rollouts that earn most: the reward may be paid for something else than being right.',
    check({ steps, evaluations }) {
      const [before, after] = last(evaluations, 2)
      if (before === undefined || after === undefined || after.accuracy > before.accuracy) return null
      const rewardAt = (step: number): readonly number[] =>
        last(
          known(
            steps.filter((each) => each.step <= step),
            'reward',
          ),
          REWARD_STEPS,
        )
      // Before the first steps there is no reward to compare with: the first ones stand in for it.
      const earlier = rewardAt(before.step)
      const base = mean(earlier.length > 0 ? earlier : known(steps.slice(0, REWARD_STEPS), 'reward'))
      const reached = mean(rewardAt(after.step))
      if (!(reached - base > REWARD_GAIN)) return null
      return {
        message: `Reward went from ${base.toFixed(3)} to ${reached.toFixed(3)} while held-out accuracy went from ${percent(before.accuracy)} to ${percent(after.accuracy)}.`,
        rollouts: { steps: [Math.max(0, after.step - REWARD_STEPS + 1), after.step], reward: [reached, null] },
        data: { rewardBefore: base, rewardAfter: reached, accuracyBefore: before.accuracy, accuracyAfter: after.accuracy },
      }
    },
  },
  'length.tooStrong': {
    level: 'warn',
    title: 'Shorter, and worse for it',
    when: `between two evaluations answers get shorter by more than ${percent(1 - SHORTER)} and accuracy at the largest budget falls by more than ${percent(ACCURACY_DROP)}`,
    next: 'Weaken the length penalty, or give the outcome more weight.',
    check({ evaluations }) {
      const [before, after] = last(evaluations, 2)
      if (before === undefined || after === undefined) return null
      if (after.meanTokens >= before.meanTokens * SHORTER || after.accuracyAtMost >= before.accuracyAtMost - ACCURACY_DROP) return null
      return {
        message: `Answers went from ${before.meanTokens.toFixed(0)} to ${after.meanTokens.toFixed(0)} tokens, accuracy at the largest budget from ${percent(before.accuracyAtMost)} to ${percent(after.accuracyAtMost)}.`,
        rollouts: { steps: [before.step, after.step], correct: false },
        data: {
          tokensBefore: before.meanTokens,
          tokensAfter: after.meanTokens,
          accuracyBefore: before.accuracyAtMost,
          accuracyAfter: after.accuracyAtMost,
        },
      }
    },
  },
  'progress.flat': {
    level: 'warn',
    title: 'Progress is paid for but does not show',
    when: `mean progress stays within ${FLAT_PROGRESS} of 0 for ${FLAT_STEPS} steps while alpha is above 0`,
    next: 'Use more answers per boundary or exact mu, or look at where thoughts are cut into episodes.',
    check({ steps }) {
      const recent = last(steps, FLAT_STEPS)
      const progress = known(recent, 'mrt/progress_mean')
      const alpha = recent.at(-1)?.metrics['mrt/alpha']
      if (alpha === undefined || alpha <= 0 || progress.length < FLAT_STEPS || progress.some((value) => Math.abs(value) >= FLAT_PROGRESS))
        return null
      const average = mean(progress)
      return {
        message: `Episodes changed the chance of success by ${average.toFixed(4)} on average over ${FLAT_STEPS} steps.`,
        rollouts: { steps: [recent[0]!.step, recent.at(-1)!.step] },
        data: { progress: average, alpha },
      }
    },
  },
  'entropy.collapse': {
    level: 'error',
    title: 'Entropy has collapsed',
    when: `entropy falls below ${percent(COLLAPSE)} of the median of the first ${FIRST_STEPS} steps`,
    next: 'Lower the learning rate, raise the upper clip range, or add a KL term; what is left to sample is nearly one answer.',
    check({ steps }) {
      const now = steps.at(-1)
      const first = known(steps.slice(0, FIRST_STEPS), 'entropy')
      const entropy = now?.metrics.entropy
      if (now === undefined || entropy === undefined || steps.length <= FIRST_STEPS || first.length < FIRST_STEPS) return null
      const start = median(first)
      if (entropy >= start * COLLAPSE) return null
      return {
        message: `Entropy is ${entropy.toFixed(3)} nats, at the start it was ${start.toFixed(3)}.`,
        rollouts: at(now.step),
        data: { entropy, start },
      }
    },
  },
  'gradient.spike': {
    level: 'warn',
    title: 'A spike of the gradient',
    when: `the norm of the gradient exceeds ${SPIKE} times the median of up to ${SPIKE_WINDOW} steps before`,
    next: 'One spike is caught by clipping; several call for a lower learning rate. The rollouts of the step may show why.',
    check({ steps }) {
      const now = steps.at(-1)
      const norm = now?.metrics.grad_norm
      const before = known(last(steps.slice(0, -1), SPIKE_WINDOW), 'grad_norm')
      if (now === undefined || norm === undefined || before.length < SPIKE_MINIMUM) return null
      const usual = median(before)
      if (norm <= usual * SPIKE) return null
      return {
        message: `The gradient's norm is ${norm.toFixed(2)}, usually it is ${usual.toFixed(2)}.`,
        rollouts: at(now.step),
        data: { norm, usual },
      }
    },
  },
}

/** The rules in words, for the screen that lists them. */
export const healthRules: readonly HealthRuleDescription[] = Object.entries(rules).map(([code, { level, title, when, next }]) => ({
  code,
  level,
  title,
  when,
  next,
}))

/** The text of a rule by its code; null for a code of an older version. */
export const ruleNamed = (code: string): HealthRuleDescription | null => healthRules.find((rule) => rule.code === code) ?? null

/**
 * What is true now and was not true before the newest entry of the history.
 * @param newest which kind of entry the history has just grown by
 */
export function newFindings(history: History, newest: 'step' | 'evaluation'): Finding[] {
  const before: History =
    newest === 'step' ? { ...history, steps: history.steps.slice(0, -1) } : { ...history, evaluations: history.evaluations.slice(0, -1) }
  const step = newest === 'step' ? history.steps.at(-1)!.step : history.evaluations.at(-1)!.step
  return Object.entries(rules).flatMap(([code, { level, check }]) => {
    const found = check(history)
    if (found === null || check(before) !== null) return []
    return [{ code, level, step, message: found.message, data: found.data, rollouts: { runId: history.runId, ...found.rollouts } }]
  })
}
