// [maj@p]_j: what a vote among p of the answers drawn at boundary j is worth, against voting among answers drawn without thinking, at the
// tokens that each costs (Qu et al., arXiv 2503.07572, section 4: with many episodes, stopping earlier and voting can beat thinking on).
// Answers are drawn afresh from weights of one's choice, at the temperature at which the rollouts were drawn, compared as the grader reads them, and not recorded.

import { LabError, type RolloutDetail, type VotingCurves } from '../../../src-preload/contract.ts'
import { ballotWeight, countedTokens, needsLogps } from '../../episodes/ballots.ts'
import { episodeBudgetRegret, episodesOf, MOST_BLOCKS, VOTERS, type Majorities } from '../../episodes/episodeBudget.ts'
import { parallelVote, successiveVote, type Cast, type Worth } from '../../episodes/successiveVotes.ts'
import { majAtK, passAtK } from '../../numeric/passAtK.ts'
import { deriveSeed } from '../../numeric/rng.ts'
import { mean } from '../../numeric/stats.ts'
import type { RolloutPlan } from '../../rollout/sample.ts'
import { votesOf } from '../../tasks/graders/groups.ts'
import type { Problem } from '../../tasks/types.ts'
import type { JobOptions, LabContext } from '../process/context.ts'
import type { VoteRequest } from './requests.ts'
import { clustersOf } from '../comparing/clusters.ts'
import { detailsOf, figureOf, figureOrNull, rowsOf, thin } from './measuredRollouts.ts'
import { openProgressMeter } from '../process/progressMeter.ts'
import { openAnswerer } from './answerer.ts'
import { readRollouts } from './taskRollouts.ts'

/** Answers drawn without thinking, per problem. */
const DIRECT = 32
/** Random subsets that stand for all where there are more. */
const SUBSETS = 1000
const SEED = 20_260_101
const neverAborted = new AbortController().signal

const powersUpTo = (n: number): number[] => Array.from({ length: Math.floor(Math.log2(n)) + 1 }, (_, i) => 2 ** i)

/** Throws LabError `vote.noLogps`, `measure.temperatures`, or `measure.unreadable` or `measure.vocabulary` where nothing can answer. */
export async function drawVotes(
  context: LabContext,
  { scope, start, samples, limit, ballots }: VoteRequest,
  { signal = neverAborted, onEvent }: JobOptions,
): Promise<VotingCurves> {
  const { store, now } = context
  const details: RolloutDetail[] = []
  for await (const detail of detailsOf(store, thin(rowsOf(store, scope), limit), signal)) details.push(detail)
  const { task, rollouts } = await readRollouts(store, now, details, start)
  const problems = [...Map.groupBy(rollouts, ({ problem }) => problem.promptTokens.join(' ')).values()]
  const answerer = await openAnswerer(context, start, { task, rollouts }, samples * 16, { work: 'votes', signal })
  try {
    type Place = RolloutPlan & { readonly place: string }
    const plans: Place[] = [
      ...problems.flatMap(([{ problem }], index) =>
        Array.from({ length: DIRECT }, (_, k): Place => ({
          prompt: problem.promptTokens,
          prefix: [],
          prefixTokens: 0,
          stopNow: true,
          seed: deriveSeed(SEED, 'direct', index, k),
          place: `direct ${index}`,
        })),
      ),
      ...rollouts.flatMap(({ problem, tokens, boundaries }, index) =>
        boundaries.flatMap((offset, boundary) =>
          Array.from({ length: samples }, (_, k): Place => ({
            prompt: problem.promptTokens,
            prefix: tokens,
            prefixTokens: offset,
            stopNow: true,
            seed: deriveSeed(SEED, 'votes', index, boundary, k),
            place: `${index} ${boundary}`,
          })),
        ),
      ),
    ]
    const problemAt = new Map<string, Problem>([
      ...problems.map(([{ problem }], index) => [`direct ${index}`, problem] as const),
      ...rollouts.flatMap(({ problem, boundaries }, index) => boundaries.map((_, boundary) => [`${index} ${boundary}`, problem] as const)),
    ])
    const meter = openProgressMeter({ job: 'votes', label: 'drawing answers', total: plans.length, unit: 'answers', now })
    const answers = await answerer.sampler.sample(task.format, plans, answerer.settings, {
      signal,
      onProgress: (done) => onEvent?.({ kind: 'progress', runId: null, report: meter.at(done) }),
    })

    /** How likely the model held an answer to be, what forced it left out. */
    const weightOf = ({ logps, tokens, prefixTokens }: (typeof answers)[number]): number => {
      if (logps.length === 0 && tokens.length > 0)
        throw new LabError('vote.noLogps', {
          expected: 'answers with the log-probs that their votes are weighed by',
          found: `none, from ${answerer.served ?? start}`,
          next: 'Let every answer have one vote, or choose weights of this workspace.',
        })
      return ballotWeight(ballots, logps.subarray(prefixTokens + task.format.terminationSuffix.length))
    }
    const byPlace = Map.groupBy(
      answers.map((answer, index) => ({ answer, place: plans[index]!.place })),
      ({ place }) => place,
    )
    const drawn = new Map(
      [...byPlace].map(([place, members]): [string, Cast] => [
        place,
        {
          prefixTokens: members[0]!.answer.prefixTokens,
          votes: votesOf(
            members.map(({ answer }) => task.grade(problemAt.get(place)!, answer.tokens)),
            task,
          ).map((vote, index) => (needsLogps(ballots) ? { ...vote, weight: weightOf(members[index]!.answer) } : vote)),
          answerTokens: countedTokens(ballots, mean(members.map(({ answer }) => answer.tokens.length - answer.prefixTokens))),
        },
      ]),
    )

    const sizes = powersUpTo(samples)
    const longest = Math.max(...rollouts.map(({ boundaries }) => boundaries.length))
    const indexOf = new Map(rollouts.map((rollout, index) => [rollout, index]))
    /** The answers of a rollout at a boundary; one that has stopped keeps those at its end. */
    const at = (rollout: (typeof rollouts)[number], boundary: number): Cast =>
      drawn.get(`${indexOf.get(rollout)!} ${Math.min(boundary, rollout.boundaries.length - 1)}`)!
    const averaged = (of: (here: Cast) => number, boundary: number): number[] =>
      problems.map((members) => mean(members.map((rollout) => of(at(rollout, boundary)))))
    const clusterOf = ([first]: typeof rollouts): string => task.cluster(first!.problem)
    const clusters = clustersOf(problems.map(clusterOf))
    const chance = ({ votes }: Cast, p: number): number => majAtK(votes, p, { draws: SUBSETS, seed: SEED })
    const majoritiesOf = new Map(
      samples < VOTERS
        ? []
        : rollouts.map((rollout) => [
            rollout,
            rollout.boundaries.map((_, boundary): Majorities => {
              const drawnHere = at(rollout, boundary)
              return { 1: chance(drawnHere, 1), 2: chance(drawnHere, 2), 4: chance(drawnHere, 4), 8: chance(drawnHere, 8) }
            }),
          ]),
    )
    const regretOf = (blocks: number) => {
      const known = problems.flatMap((members) => {
        const told = members.flatMap((rollout) => episodeBudgetRegret(majoritiesOf.get(rollout)!, blocks) ?? [])
        return told.length === 0 ? [] : [{ regret: mean(told), cluster: clusterOf(members) }]
      })
      return figureOrNull(
        known.map(({ regret }) => regret),
        clustersOf(known.map(({ cluster }) => cluster)),
      )
    }
    const castOf = (rollout: (typeof rollouts)[number]): Cast[] => rollout.boundaries.map((_, boundary) => at(rollout, boundary))
    /** @param worth [problems][rollouts] */
    const worthOf = (worth: readonly (readonly Worth[])[]) => ({
      tokens: mean(worth.map((own) => mean(own.map(({ tokens }) => tokens)))),
      value: figureOf(
        worth.map((own) => mean(own.map(({ value }) => value))),
        clusters,
      ),
    })
    const direct = problems.map((_, index) => drawn.get(`direct ${index}`)!)
    return {
      rolloutCount: rollouts.length,
      problemCount: problems.length,
      samples,
      temperature: answerer.settings.temperature,
      model: start,
      ballots,
      sizes,
      tokensGenerated: answers.reduce((sum, answer) => sum + answer.tokens.length - answer.prefixTokens, 0),
      boundaries: Array.from({ length: longest }, (_, boundary) => ({
        boundary,
        votes: sizes.map((p) => ({
          tokens: mean(averaged(({ prefixTokens, answerTokens }) => prefixTokens + p * answerTokens, boundary)),
          value: figureOf(
            averaged((here) => chance(here, p), boundary),
            clusters,
          ),
        })),
      })),
      direct: powersUpTo(DIRECT).map((size) => ({
        size,
        tokens: mean(direct.map(({ answerTokens }) => size * answerTokens)),
        majority: figureOf(
          direct.map((here) => chance(here, size)),
          clusters,
        ),
        any: figureOf(
          direct.map(({ votes }) => passAtK(DIRECT, votes.filter(({ correct }) => correct).length, size)),
          clusters,
        ),
      })),
      successive: Array.from({ length: Math.max(1, longest - 1) }, (_, index) => {
        const worth = problems.map((members) => members.map((rollout) => successiveVote(castOf(rollout), index + 1)))
        return { attempts: index + 1, ...worthOf(worth) }
      }),
      parallel: Array.from({ length: Math.min(...problems.map(({ length }) => length)) }, (_, index) => ({
        thoughts: index + 1,
        ...worthOf(
          problems.map((members) => [
            parallelVote(
              members.map((rollout) => castOf(rollout).at(-1)!),
              index + 1,
            ),
          ]),
        ),
      })),
      episodeRegret:
        samples < VOTERS
          ? []
          : Array.from({ length: Math.min(MOST_BLOCKS, longest - 1) }, (_, index) => ({
              blocks: index + 1,
              episodes: episodesOf(index + 1),
              value: regretOf(index + 1),
            })),
    }
  } finally {
    answerer.dispose()
  }
}
