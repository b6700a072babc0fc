// Reading rollouts: pages, search, picks, one rollout with what its progress curves say, and reward anatomy: what each method would
// have paid the group it belongs to, by the very credit rules that train.

import type {
  Answers,
  ExplanationView,
  ProgressCurve,
  Rollout,
  RolloutDetail,
  RunSpec,
  TextParts,
  ThinkingView,
} from '../../../src-preload/contract.ts'
import { askedOf } from './askedOf.ts'
import { tokenEndsOf } from './tokenizerOfRollout.ts'
import { solveTokens } from '../../episodes/accounting.ts'
import { answerPart, opensThought, readThinking } from '../../episodes/thinking.ts'
import { bestBoundary, cumulativeRegret, firstStableBoundary, progressOf } from '../../episodes/progress.ts'
import { doneBefore } from '../../rl/schedules.ts'
import { deriveSeed } from '../../numeric/rng.ts'
import { algorithmNamed } from '../../rl/algorithms.ts'
import { explain, type ExplainedMethod } from '../../rl/explain.ts'
import type { FinishReason, GradedRollout } from '../../rl/types.ts'
import type { Store } from '../../store/openStore.ts'
import { looksAt } from '../training/watchList.ts'
import { specOf } from './queriesRuns.ts'
import { found } from '../process/found.ts'

/** Boundaries and J of a curve, in order of boundary. */
export function orderedCurve({ estimates }: ProgressCurve): {
  readonly boundaries: number[]
  readonly J: number[]
  readonly ordered: ProgressCurve['estimates']
} {
  const ordered = [...estimates].sort((a, b) => a.boundary - b.boundary)
  return { boundaries: ordered.map((each) => each.tokenOffset), J: ordered.map((each) => each.value), ordered }
}

/** What a curve says about its rollout; null for a curve without points. */
export function thinkingView(curve: ProgressCurve): ThinkingView | null {
  const { boundaries, J, ordered } = orderedCurve(curve)
  if (J.length === 0) return null
  const solved = solveTokens({ boundaries, accuracy: J })
  return {
    estimator: curve.estimator,
    tokens: boundaries,
    J,
    low: ordered.map((each) => each.low),
    high: ordered.map((each) => each.high),
    progress: [...progressOf(J)],
    cumulativeRegret: [...cumulativeRegret(J)],
    bestBoundary: bestBoundary(J),
    stableBoundary: firstStableBoundary(J),
    usefulTokens: solved,
    overthinkTokens: solved === null ? null : boundaries.at(-1)! - solved,
    tokensForwarded: ordered.reduce((sum, each) => sum + each.tokensForwarded, 0),
  }
}

const finishes: { readonly [F in RolloutDetail['rollout']['finishReason']]: FinishReason } = {
  stop: 'stop',
  unknown: 'stop',
  forced: 'stop',
  length: 'length',
  cancelled: 'aborted',
  error: 'aborted',
}
/** Terms that credit rules add themselves, so they are not handed to them again. */
const CREDITED = new Set(['outcome', 'progress', 'length_penalty', 'overlong'])

/** A stored rollout as credit rules take it; J from the first curve that has a value at every boundary. */
export function gradedOf({ rollout, tokens, sampled, episodes, progress }: RolloutDetail): GradedRollout {
  const measured = progress.map(orderedCurve).find(({ J }) => J.length === episodes.length + 1)
  const parts = Object.entries(rollout.rewardParts).filter(([name]) => !CREDITED.has(name))
  return {
    group: rollout.group,
    sample: rollout.sample,
    tokenCount: tokens.length,
    correct: rollout.correct === true ? 1 : 0,
    ...(parts.length > 0 && { parts: Object.fromEntries(parts) }),
    finish: finishes[rollout.finishReason],
    episodes: episodes.map(({ startToken, endToken }) => ({ start: startToken, end: endToken })),
    thinkEnd: Math.min(rollout.thinkingTokens ?? tokens.length, tokens.length),
    sampled: sampled ?? new Uint8Array(tokens.length).fill(1),
    ...(measured !== undefined && { J: Float64Array.from(measured.J) }),
  }
}

/** The run's own method, and the three that are compared first. */
function usualMethods(spec: RunSpec | null): ExplainedMethod[] {
  const own: ExplainedMethod[] =
    spec === null
      ? []
      : [
          {
            label: `${algorithmNamed(spec.algorithm.name).title} (this run)`,
            algorithm: spec.algorithm.name,
            options: spec.algorithm.options,
          },
        ]
  const others = ['dr-grpo', 'length-penalty', 'mrt-exact'].filter((name) => name !== spec?.algorithm.name)
  return [...own, ...others.map((name) => ({ label: algorithmNamed(name).title, algorithm: name }))]
}

export function rolloutQueries(open: () => Store): Omit<Answers<'rollouts'>['rollouts'], 'stopHere'> {
  const one = (id: number): RolloutDetail => found('rollout', id, open().rollouts.detail(id))
  const groupOf = ({ runId, evaluationId, step, group }: Rollout): Rollout[] =>
    open().rollouts.group(
      evaluationId !== null ? { evaluationId, group } : { ...(runId !== null && { runId }), steps: [step, step], group },
    )

  function anatomy(rolloutId: number, given: readonly ExplainedMethod[]): ExplanationView[] {
    const { rollout } = one(rolloutId)
    const members = groupOf(rollout).map(({ id }) => one(id))
    const run = rollout.runId === null ? null : open().runs.get(rollout.runId)
    const spec = run === null || algorithmMissing(specOf(run)) ? null : specOf(run)
    const longest = Math.max(...members.map(({ tokens }) => tokens.length))
    const answers = explain(members.map(gradedOf), given.length > 0 ? given : usualMethods(spec), {
      budgetTokens: spec === null ? longest : spec.budget.thinkingTokens + spec.budget.answerTokens,
      seed: deriveSeed(spec?.seed ?? 0, 'credit', rollout.step),
      done: spec === null ? 1 : doneBefore(rollout.step ?? spec.steps, spec.steps),
    })
    return Object.entries(answers).map(([label, answer]): ExplanationView =>
      answer.kind === 'unavailable'
        ? { kind: 'unavailable', label, code: answer.code, reason: answer.reason }
        : {
            kind: 'paid',
            label,
            payslips: answer.payslips.map(({ discardReason = null, ...slip }, index) => ({
              ...slip,
              rolloutId: members[index]!.rollout.id,
              parts: { ...slip.parts },
              bonuses: [...slip.bonuses],
              episodes: [...slip.episodes],
              discardReason,
            })),
          },
    )
  }

  return {
    query: (query) => open().rollouts.page(query),
    async get({ rolloutId }) {
      const detail = one(rolloutId)
      return {
        detail,
        said: saidOf(detail),
        thinking: detail.progress.flatMap((curve) => thinkingView(curve) ?? []),
        textEnds: await tokenEndsOf(open(), detail),
      }
    },
    asked: ({ rolloutId }) => askedOf(open(), one(rolloutId)),
    group: ({ rolloutId }) => groupOf(one(rolloutId).rollout),
    search: ({ filter, afterId, limit }) => open().rollouts.search(filter, afterId, limit),
    picks: ({ scope, seed }) => open().rollouts.picks(scope, seed),
    histogram: ({ filter, column, bins }, { signal }) =>
      open().rollouts.histogramInTurns(filter, column, bins, async () => {
        await new Promise((resolve) => setImmediate(resolve))
        signal.throwIfAborted()
      }),
    steps: ({ runId }) => open().rollouts.keptSteps(runId),
    watched({ runId }) {
      const store = open()
      const spec: Partial<RunSpec> = specOf(found('run', runId, store.runs.get(runId)))
      const { watch } = spec
      if (watch === undefined) return []
      const steps = store.rollouts.keptSteps(runId).filter((step) => looksAt({ watch }, step))
      const byProblem = Map.groupBy(store.rollouts.watched(runId, steps), ({ problemId }) => problemId)
      return [...byProblem].flatMap(([problemId, asked]) => {
        const problem = store.datasets.readable(problemId)
        return problem === null ? [] : [{ problem, asked }]
      })
    },
    throughTraining: ({ problemId, runId }) => open().rollouts.throughTraining(problemId, runId),
    explain: ({ rolloutId, methods }) => anatomy(rolloutId, methods),
  }
}

/** What is thought and what is answer: as grader and segmenter read it, whether the prompt opened the thought or the completion did. */
export function saidOf({ text, problem }: Pick<RolloutDetail, 'text' | 'problem'>): TextParts {
  const thinking = readThinking(text, { opened: opensThought(problem.prompt) })
  const { marked, closed, thoughts, answers } = thinking
  const parts = marked
    ? [
        ...thoughts.map((range) => ({ kind: 'thought' as const, ...range })),
        ...answers.map((range) => ({ kind: 'answer' as const, ...range })),
      ].sort((a, b) => a.start - b.start)
    : [{ kind: 'answer' as const, start: 0, end: text.length }]
  return { marked, closed, parts: parts.filter(({ start, end }) => end > start), answer: answerPart(text, thinking).trim() }
}

/** Runs imported from elsewhere name algorithms that have no credit rule here. */
function algorithmMissing(spec: RunSpec | null): boolean {
  try {
    algorithmNamed(spec?.algorithm?.name ?? '')
    return false
  } catch {
    return true
  }
}
