// The one registry of algorithms, and the walk over a batch: rollouts are grouped, checked, and each group is handed to its credit rule.
// To add an algorithm, write its file and add its line here.
import type { Algorithm, Needs } from './algorithm.ts'
import { brpo } from './brpo.ts'
import { cosine } from './cosine.ts'
import { dapo } from './dapo.ts'
import { drGrpo } from './drGrpo.ts'
import { grpo } from './grpo.ts'
import { e3 } from './e3.ts'
import { groupsOf } from './groups.ts'
import { gspo } from './gspo.ts'
import { igpo } from './igpo.ts'
import { kimiLength } from './kimiLength.ts'
import { l1Exact } from './l1Exact.ts'
import { l1Max } from './l1Max.ts'
import { lengthPenalty } from './lengthPenalty.ts'
import { mrtExact } from './mrtExact.ts'
import { mrtOnline } from './mrtOnline.ts'
import { mrtPooled } from './mrtPooled.ts'
import { mrtStar } from './mrtStar.ts'
import { mrtTermination } from './mrtTermination.ts'
import { overlong } from './overlong.ts'
import { pav } from './pav.ts'
import { resolveOptions, type OptionTable, type OptionValues } from './options.ts'
import { discard, gradedParts } from './pay.ts'
import { regretExact } from './regretExact.ts'
import { restEm } from './restEm.ts'
import { rft } from './rft.ts'
import { rise } from './rise.ts'
import { rloo } from './rloo.ts'
import { sft } from './sft.ts'
import { star } from './star.ts'
import { CreditError, type Credit, type CreditContext, type GradedRollout } from './types.ts'
import { vinePpo } from './vinePpo.ts'

export const algorithms = {
  sft,
  star,
  rft,
  'rest-em': restEm,
  rise,
  grpo,
  'dr-grpo': drGrpo,
  rloo,
  dapo,
  gspo,
  'length-penalty': lengthPenalty,
  overlong,
  'l1-exact': l1Exact,
  'l1-max': l1Max,
  'kimi-length': kimiLength,
  cosine,
  e3,
  'mrt-pooled': mrtPooled,
  'mrt-termination': mrtTermination,
  'mrt-online': mrtOnline,
  'mrt-exact': mrtExact,
  'mrt-star': mrtStar,
  igpo,
  'vine-ppo': vinePpo,
  pav,
  brpo,
  'regret-exact': regretExact,
} as const

export type AlgorithmName = keyof typeof algorithms
export const algorithmNames = Object.keys(algorithms) as readonly AlgorithmName[]

/** The algorithm of that name; throws CreditError `rl.algorithm` where there is none. */
export function algorithmNamed(name: string): Algorithm {
  if (!Object.hasOwn(algorithms, name))
    throw new CreditError('rl.algorithm', { expected: `one of ${algorithmNames.join(', ')}`, found: name })
  return algorithms[name as AlgorithmName]
}

/** An algorithm with its options filled in and checked: what a training loop holds. */
export interface Method {
  readonly algorithm: Algorithm
  readonly options: OptionValues<OptionTable>
}

/** Throws CreditError for an unknown name or a bad option. */
export function createMethod(name: string, given: Readonly<Record<string, unknown>> = {}): Method {
  const algorithm = algorithmNamed(name)
  return { algorithm, options: resolveOptions(algorithm.options, given) }
}

/** What must be sampled and measured for it with these options. */
export function needsOf({ algorithm, options }: Method): Needs {
  return algorithm.needs(options)
}

/**
 * Credits of a batch, in its order. Aborted rollouts are discarded and do not enter their group's baseline.
 * Throws CreditError `rl.rollout` for a rollout that contradicts itself, `rl.no-termination-scores` where the rule needs J.
 */
export function creditBatch(method: Method, rollouts: readonly GradedRollout[], context: CreditContext): readonly Credit[] {
  rollouts.forEach(checkRollout)
  const credits = rollouts.map((rollout) => discard(rollout, gradedParts(rollout), 'aborted'))
  for (const members of groupsOf(rollouts)) {
    const alive = members.filter((index) => rollouts[index].finish !== 'aborted')
    if (alive.length === 0) continue
    const paid = method.algorithm.credit(
      alive.map((index) => rollouts[index]),
      method.options,
      context,
    )
    alive.forEach((index, position) => {
      credits[index] = paid[position]
    })
  }
  return credits
}

function checkRollout(rollout: GradedRollout): void {
  const refuse = (expected: string, found: string): never => {
    throw new CreditError('rl.rollout', { expected: `${expected} in rollout ${rollout.group}/${rollout.sample}`, found })
  }
  const { tokenCount, sampled, episodes, thinkEnd, J, V, cuts, prefixTokens = 0 } = rollout
  if (sampled.length !== tokenCount) refuse(`a sampled mask of ${tokenCount} tokens`, `${sampled.length}`)
  if (thinkEnd < 0 || thinkEnd > tokenCount) refuse(`thinkEnd in 0..${tokenCount}`, `${thinkEnd}`)
  if (prefixTokens < 0 || prefixTokens > tokenCount) refuse(`prefixTokens in 0..${tokenCount}`, `${prefixTokens}`)
  let end = 0
  for (const span of episodes) {
    if (span.start < end || span.end <= span.start || span.end > tokenCount)
      refuse(`episodes in order inside 0..${tokenCount}`, `${span.start}..${span.end} after ${end}`)
    end = span.end
  }
  if (
    cuts !== undefined &&
    (cuts.J.length !== cuts.budgets.length || cuts.offsets.some((offset, index) => offset !== Math.min(cuts.budgets[index], thinkEnd)))
  )
    refuse('cuts at their budgets or at the end of thinking', `${cuts.offsets.join(', ')} for ${cuts.budgets.join(', ')}`)
  for (const [name, scores] of [
    ['J', J],
    ['V', V],
  ] as const) {
    if (scores === undefined) continue
    if (scores.length !== episodes.length + 1) refuse(`${name} at ${episodes.length + 1} boundaries`, `${scores.length}`)
    const stray = scores.find((score) => !(score >= 0 && score <= 1 + 1e-6))
    if (stray !== undefined) refuse(`${name} between 0 and 1`, `${stray}`)
  }
}
