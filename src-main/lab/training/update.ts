// From paid rollouts to new weights: the algorithm's number of updates of a step, each over whole groups.
import { needsOf } from '../../rl/algorithms.ts'
import { correctedAdvantage } from '../../rl/correction.ts'
import { tokenWeights } from '../../rl/tokenWeights.ts'
import type { Credit, CutScores } from '../../rl/types.ts'
import { answerBatches } from '../../rollout/answerGradient.ts'
import { budgetOfVocabulary } from '../../rollout/batches.ts'
import { BRANCH_TOKENS } from '../../rollout/exactMu.ts'
import type { AnswerBatch } from '../../rollout/answerGradient.ts'
import { isFiltered } from '../../rollout/sample.ts'
import type { Entry } from './gather.ts'
import type { LearnerResult, PaidSequence } from './learner.ts'
import type { Running } from './step.ts'

/** Splits the used rollouts into the algorithm's number of updates, whole groups together, and takes them in turn, as many times as it passes over them. @param cuts where each of the first entries is cut, for methods whose answering policy follows J there */
export async function update(
  running: Pick<Running, 'spec' | 'method' | 'policies' | 'learner' | 'problems' | 'options'>,
  entries: readonly Entry[],
  credits: readonly Credit[],
  lr: number,
  cuts: readonly (CutScores | null)[] = [],
): Promise<LearnerResult[]> {
  const { spec, method, policies, learner, options } = running
  const loss = method.algorithm.loss(method.options)
  const needs = needsOf(method)
  const used = entries.flatMap((_, index) => (credits[index]!.used ? [index] : []))
  if (used.length === 0) return []
  const sequences = used.map((index) => ({ prompt: entries[index]!.rollout.prompt, completion: entries[index]!.rollout.tokens }))
  const reference = loss.klBeta > 0 ? await (await policies.policy('start')).score(sequences, options.signal) : null
  // The trainer's own log-probs of what was sampled, where the sampler's are not those of the policy that is trained: it drew from a part of it
  // (filters), did not draw a token that is paid (forced stops), or is not trusted to agree (a correction).
  const rescored =
    loss.correction !== undefined || isFiltered(spec.sampling) || needs.paysForced === true
      ? await policies.current.score(sequences, options.signal)
      : null
  const drawn = needs.data !== 'demonstrations'
  // Where texts come from other weights than those that learn them, the two say different things of them and ought to.
  const compared = drawn && needs.iterations === undefined
  // Where the loss needs no reference, KL is measured on the observed groups alone: it costs a share of a forward pass.
  const watched = loss.klBeta > 0 || !drawn ? [] : [...sequences.keys()].filter((at) => entries[used[at]!]!.group < spec.observeGroups)
  const watchedReference =
    watched.length > 0
      ? new Map(
          (
            await (
              await policies.policy('start')
            ).score(
              watched.map((at) => sequences[at]!),
              options.signal,
            )
          ).map((logps, index) => [watched[index]!, logps]),
        )
      : null
  const results: LearnerResult[] = []
  const parts = partsByGroup(used, entries, loss.updatesPerBatch)
  for (const part of Array.from({ length: needs.iterations?.passes ?? 1 }, () => parts).flat()) {
    const weights = tokenWeights(
      part.map((at) => credits[used[at]!]!),
      loss.aggregation,
      spec.budget.thinkingTokens + spec.budget.answerTokens,
      // An answer at a cut is a part of its rollout.
      part.map((at) => entries[used[at]!]!.cut === undefined),
    )
    const paid = part.map((at, position): PaidSequence => {
      const credit = credits[used[at]!]!
      const { logps, sampled } = entries[used[at]!]!.rollout
      return {
        ...sequences[at]!,
        advantages:
          loss.correction && rescored
            ? correctedAdvantage(
                credit,
                loss.correction,
                rescored[at]!,
                logps.map((logp, t) => (sampled[t] ? logp : rescored[at]![t]!)),
              )
            : credit.advantage,
        weights: weights[position]!,
        ...(compared && { sampledLogps: rescored?.[at] ?? logps, drawn: { logps, sampled } }),
        ...(reference && { referenceLogps: reference[at]! }),
      }
    })
    const { beta1, beta2, eps, weightDecay, clipNorm } = spec.optimizer
    const result = await learner.step(
      paid,
      { lr, beta1, beta2, eps, weightDecay, clipNorm },
      options.signal,
      followed(
        running,
        part.map((at) => used[at]!),
        entries,
        credits,
        cuts,
      ),
    )
    results.push(
      watchedReference ? { ...result, metrics: { ...result.metrics, ...klTo(watchedReference, part, result.logps, paid) } } : result,
    )
    if (needs.mu?.weights === 'ema') policies.averageStep(needs.mu.emaDecay)
  }
  return results
}

/** The gradient of J at the cuts of some entries, on the scale of the tokens that are paid beside it: each rollout counts as its tokens do with a constant for length. */
function followed(
  { spec, policies, problems }: Pick<Running, 'spec' | 'policies' | 'problems'>,
  indices: readonly number[],
  entries: readonly Entry[],
  credits: readonly Credit[],
  cuts: readonly (CutScores | null)[],
): AnswerBatch[] {
  const scale = 1 / (indices.length * (spec.budget.thinkingTokens + spec.budget.answerTokens))
  const traces = indices.flatMap((index) => {
    const weights = credits[index]!.answerWeights
    const offsets = cuts[index]?.offsets
    if (weights === undefined || offsets === undefined) return []
    const { problem, rollout } = entries[index]!
    return [
      {
        prompt: rollout.prompt,
        completion: rollout.tokens,
        cuts: offsets,
        answers: problems.answers(problem),
        weights: weights.map((weight) => scale * weight),
      },
    ]
  })
  return answerBatches(
    traces,
    problems.task.format.terminationSuffix,
    Math.min(spec.microbatchTokens, budgetOfVocabulary(BRANCH_TOKENS, policies.current.config.vocabSize)),
  )
}

/** Mean k3 estimate of KL(policy, reference) over the loss tokens of the sequences whose reference log-probs are known, as in rl/loss.ts. */
function klTo(
  reference: ReadonlyMap<number, Float32Array>,
  part: readonly number[],
  logps: readonly Float32Array[],
  paid: readonly PaidSequence[],
): { kl?: number } {
  const values = part.flatMap((at, position) => {
    const known = reference.get(at)
    if (!known) return []
    const { weights } = paid[position]!
    return Array.from(logps[position]!, (logp, t) => [weights[t]!, known[t]! - logp] as const)
      .filter(([weight]) => weight !== 0)
      .map(([, ratio]) => Math.exp(Math.min(20, ratio)) - ratio - 1)
  })
  return values.length === 0 ? {} : { kl: values.reduce((sum, value) => sum + value, 0) / values.length }
}

/** Positions of `used`, cut into `count` parts between groups, as evenly as groups allow. */
function partsByGroup(used: readonly number[], entries: readonly Entry[], count: number): number[][] {
  const groups = [...Map.groupBy(used.keys(), (at) => entries[used[at]!]!.cutGroup ?? entries[used[at]!]!.group).values()]
  const parts = Array.from({ length: Math.min(count, groups.length) }, (): number[] => [])
  groups.forEach((members, index) => parts[Math.floor((index * parts.length) / groups.length)]!.push(...members))
  return parts
}
