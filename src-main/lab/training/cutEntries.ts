// Rollouts cut at thinking budgets: J at each cut, exact or as the mean of answers sampled there, and these answers as entries of their own, to be learned from.
// A rollout that ended its thinking before a budget is cut at that end, once for all budgets beyond it.
import { createRng, deriveSeed } from '../../numeric/rng.ts'
import type { CutPlan } from '../../rl/algorithm.ts'
import { drawBudgets } from '../../rl/anytime.ts'
import type { CutScores } from '../../rl/types.ts'
import type { SampleSettings } from '../../rollout/sample.ts'
import type { Sampler } from '../../rollout/sampler.ts'
import { correctOf, sampleEntries, type Entry } from './gather.ts'
import type { ProblemSource } from './tasks.ts'

export interface CutEntries {
  /** One per entry; null where it was aborted. */
  readonly cuts: readonly (CutScores | null)[]
  /** Answers that are learned from, in groups of their own, one for each cut of each rollout, numbered on from the entries' groups. */
  readonly answers: readonly Entry[]
  /** Tokens forwarded and generated for this. */
  readonly tokens: number
}

/** @param settings of the step; its thinking budget is what the shares are of */
export async function cutEntries(
  policy: Sampler,
  problems: ProblemSource,
  entries: readonly Entry[],
  plan: CutPlan,
  seed: number,
  settings: SampleSettings,
  signal?: AbortSignal,
): Promise<CutEntries> {
  const budgets = plan.shares.map((share) => Math.max(1, Math.round(share * settings.thinkingTokens)))
  const all = [...budgets.keys()]
  const drawnOf = ({ group: of }: Entry): readonly number[] =>
    plan.measured === undefined || plan.J !== 'exact'
      ? all
      : drawBudgets(plan.measured, budgets.length, createRng(deriveSeed(seed, 'measured', of)).float())
  const alive = entries.flatMap((entry, index) => {
    if (entry.rollout.finish === 'aborted') return []
    const drawn = drawnOf(entry)
    return [{ entry, index, drawn, offsets: drawn.map((budget) => Math.min(budgets[budget]!, entry.rollout.thinkEnd)) }]
  })
  let group = 1 + Math.max(-1, ...entries.map((entry) => entry.group))
  const lot = createRng(deriveSeed(seed, 'learned'))
  const plans =
    plan.answers === 0
      ? []
      : alive.flatMap(({ entry, index, drawn, offsets }) =>
          [...Map.groupBy(offsets.keys(), (at) => offsets[at]!)].flatMap(([offset, at]) => {
            const cut = at.map((each) => drawn[each]!)
            const own = group++
            // Drawn for every cut, so that one share's cuts are among those of a greater one.
            const learned = lot.float() < plan.learned
            if (!learned && plan.J === 'exact') return []
            return Array.from({ length: plan.answers }, (_, sample) => ({
              problem: entry.problem,
              group: own,
              sample,
              arm: 'terminate' as const,
              cut,
              cutGroup: entry.group,
              of: index,
              learned,
              ...(entry.kept !== undefined && { kept: entry.kept }),
              prompt: entry.rollout.prompt,
              prefix: entry.rollout.tokens,
              prefixTokens: offset,
              stopNow: true,
              seed: deriveSeed(seed, 'answer', index, offset, sample),
            }))
          }),
        )
  const sampled = plans.length === 0 ? [] : await sampleEntries(policy, problems, plans, settings, { signal })
  let tokens = sampled.reduce((sum, { rollout }) => sum + rollout.tokens.length - rollout.prefixTokens, 0)

  const cuts: (CutScores | null)[] = entries.map(() => null)
  if (plan.J === 'exact') {
    const traces = alive.map(({ entry, offsets }) => ({
      prompt: entry.rollout.prompt,
      completion: entry.rollout.tokens,
      cuts: offsets,
      answers: problems.answers(entry.problem),
    }))
    const mu = await policy.measure(traces, problems.task.format.terminationSuffix, signal)
    alive.forEach(({ index, drawn, offsets }, at) => {
      const own = drawn === all ? { budgets } : { budgets: drawn.map((budget) => budgets[budget]!), drawn }
      cuts[index] = { ...own, offsets, J: mu.J[at]! }
    })
    tokens += mu.forwardedTokens
  } else {
    const right = alive.map(() => new Float64Array(budgets.length))
    const position = new Map(alive.map(({ index }, at) => [index, at]))
    sampled.forEach((answer, at) => {
      for (const budget of plans[at]!.cut) right[position.get(plans[at]!.of)!]![budget]! += correctOf(answer) / plan.answers
    })
    alive.forEach(({ index, offsets }, at) => {
      cuts[index] = { budgets, offsets, J: right[at]! }
    })
  }
  return { cuts, answers: sampled.filter((_, at) => plans[at]!.learned), tokens }
}
