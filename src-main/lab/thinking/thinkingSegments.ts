// Segmentation as something to look at and to vary: where a rule cuts a text, the rules to start from, and what regret becomes when the
// same rollouts are cut otherwise. J is taken where it was measured, under any cut; elsewhere it is read off the line between.

import type { Answers, RolloutDetail, SegmentationRow, SegmentRule } from '../../../src-preload/contract.ts'
import type { Counted, MeasuredTrace } from '../../episodes/budgetCurve.ts'
import { cutTokens, endsBetween, readAt, wordEnds } from '../../episodes/cutsOfRule.ts'
import { normalizedRegret } from '../../episodes/regret.ts'
import { OTHER_RULES, PAPER_RULES, type Range, type TextRule } from '../../episodes/segmentText.ts'
import type { Clusters } from '../../numeric/bootstrap.ts'
import { mean } from '../../numeric/stats.ts'
import type { Store } from '../../store/openStore.ts'
import { tokenEndsOf } from '../answers/tokenizerOfRollout.ts'
import { clusterOf, clustersOf } from '../comparing/clusters.ts'
import { cutTexts } from './cutTexts.ts'
import type { SensitivityRequest } from './requests.ts'
import { countedOf, figureOrNull, readScope, traceOf, type MeasuredRollout } from './measuredRollouts.ts'

const described: {
  readonly [N in keyof typeof PAPER_RULES | keyof typeof OTHER_RULES]: { readonly title: string; readonly about: string }
} = {
  regret: {
    title: 'paper, regret curves',
    about: 'Six phrases at the start of a paragraph, at least three paragraphs apart, ten episodes merged into one.',
  },
  omniMath: { title: 'paper, Omni-MATH', about: 'The same phrases, at most 49 cuts, five episodes merged into one.' },
  aime2024: { title: 'paper, AIME 2024', about: 'The same phrases, at most 45 cuts, three episodes merged into one.' },
  markers: { title: 'every Wait', about: 'A marker anywhere in the text, as the procedural tasks write it.' },
  windows: { title: 'windows', about: 'The same number of words in every episode; in the procedural tasks a word is a token.' },
  paragraphs: { title: 'paragraphs', about: 'Every paragraph is an episode.' },
  topics: { title: 'changes of subject', about: 'Where the words change: cosine of TF-IDF blocks, after TextTiling.' },
}

const ruleOf = ({ opener, unit = 'paragraph', minGap, maxCuts, groupSize }: TextRule): SegmentRule => ({
  opener: opener.kind === 'phrases' ? { kind: 'phrases', phrases: [...opener.phrases], patterns: [...(opener.patterns ?? [])] } : opener,
  unit,
  minGap,
  maxCuts,
  groupSize,
})

/** A rollout with J at some places of its thought; `trace` says what its tokens cost. */
export interface KnownThought {
  readonly problemId: number
  /** See clusters.ts. */
  readonly cluster: string | null
  /** Its text as far as it is thought: what stands behind may bear no mark that says so, and no rule is to cut it. */
  readonly text: string
  /** For each token of the completion the offset at which its text ends, white space behind it included where that belongs to no token. */
  readonly tokenEnds: ArrayLike<number>
  /** Its tokens that are thought. */
  readonly thinkEnd: number
  /** Ascending token offsets, and J there. */
  readonly offsets: readonly number[]
  readonly J: ArrayLike<number>
  readonly trace: MeasuredTrace
}

interface Cut {
  readonly problemId: number
  readonly cluster: string | null
  readonly trace: MeasuredTrace
  readonly episodes: number
  readonly measured: number
  readonly places: number
}

function recut({ problemId, cluster, tokenEnds, thinkEnd, offsets, J, trace }: KnownThought, episodes: readonly Range[]): Cut {
  const read = readAt({ offsets, J }, cutTokens(tokenEnds, episodes, thinkEnd))
  return {
    problemId,
    cluster,
    trace: { ...trace, boundaries: read.boundaries, accuracy: read.J, answerTokens: read.boundaries.map(() => trace.answerTokens[0]!) },
    episodes: read.boundaries.length - 1,
    measured: read.measured,
    places: read.boundaries.length,
  }
}

/** Where the text of a thought ends: with its last episode, if that was placed in it. */
function endOfThought({ text, episodes }: Pick<RolloutDetail, 'text' | 'episodes'>): number {
  const last = episodes.at(-1)
  return last === undefined ? 0 : last.textEnd || text.length
}

/**
 * The thought of a rollout in its own tokens where somebody is there to ask for them, otherwise in words where these are its tokens, otherwise between the places that its record
 * has in both; null where it has none.
 */
export async function knownThought(store: Store, rollout: MeasuredRollout): Promise<KnownThought | null> {
  const { detail, boundaries, J } = rollout
  const { text, tokens, episodes } = detail
  const tokenEnds =
    (await tokenEndsOf(store, detail)) ?? wordEnds(text, tokens.length, episodes) ?? endsBetween(text, tokens.length, episodes)
  return tokenEnds === null
    ? null
    : {
        problemId: detail.problem.id,
        cluster: clusterOf(detail.problem),
        text: text.slice(0, endOfThought(detail)),
        tokenEnds,
        thinkEnd: episodes.at(-1)?.endToken ?? 0,
        offsets: boundaries,
        J,
        trace: traceOf(rollout),
      }
}

/** What each rule does to the same thoughts; differences are against the first. Throws what `cutTexts` throws. */
export async function segmentationRows(
  thoughts: readonly KnownThought[],
  { rules, budget, counted }: Pick<SensitivityRequest, 'rules' | 'budget'> & { readonly counted: Counted },
  signal: AbortSignal,
): Promise<SegmentationRow[]> {
  const texts = thoughts.map(({ text }) => text)
  let first: ReadonlyMap<number, number> | null = null
  const rows: SegmentationRow[] = []
  for (const { name, rule } of rules) {
    signal.throwIfAborted()
    const episodes = await cutTexts(texts, rule, signal)
    const cuts = thoughts.map((thought, at) => recut(thought, episodes[at]!))
    const problems = [...Map.groupBy(cuts, ({ problemId }) => problemId)]
    const means = (of: (cut: Cut) => number): number[] => problems.map(([, members]) => mean(members.map(of)))
    const regret =
      problems.length === 0
        ? []
        : [
            ...normalizedRegret(
              problems.map(([, members]) => members.map(({ trace }) => trace)),
              budget,
              { counted },
            ).byQuestion,
          ]
    const byId = new Map(problems.map(([problemId], index) => [problemId, regret[index]!]))
    const clusterById = new Map(cuts.map(({ problemId, cluster }) => [problemId, cluster]))
    const clusters = (ids: Iterable<number>): Clusters => clustersOf(Array.from(ids, (id) => clusterById.get(id) ?? null))
    const base: ReadonlyMap<number, number> = (first ??= byId)
    const thoughtful = Map.groupBy(
      cuts.filter(({ episodes }) => episodes > 0),
      ({ problemId }) => problemId,
    )
    const both = [...byId.keys()].filter((id) => base.has(id))
    rows.push({
      name,
      rolloutCount: cuts.length,
      episodes: figureOrNull(
        means(({ episodes }) => episodes),
        clusters(byId.keys()),
      ),
      episodeTokens: figureOrNull(
        [...thoughtful.values()].map((members) => mean(members.map(({ trace, episodes }) => trace.boundaries[episodes]! / episodes))),
        clusters(thoughtful.keys()),
      ),
      regret: figureOrNull(regret, clusters(byId.keys())),
      difference:
        base === byId
          ? null
          : figureOrNull(
              both.map((id) => byId.get(id)! - base.get(id)!),
              clusters(both),
            ),
      measuredShare:
        cuts.length === 0 ? null : cuts.reduce((sum, cut) => sum + cut.measured, 0) / cuts.reduce((sum, cut) => sum + cut.places, 0),
    })
  }
  return rows
}

/** Of each thought every place at which one of the rules cuts it, ascending. Throws what `cutTexts` throws. */
export async function placesOf(
  thoughts: readonly Pick<KnownThought, 'text' | 'tokenEnds' | 'thinkEnd'>[],
  rules: SensitivityRequest['rules'],
  signal: AbortSignal,
): Promise<number[][]> {
  const places = thoughts.map(() => new Set<number>())
  for (const { rule } of rules) {
    const episodes = await cutTexts(
      thoughts.map(({ text }) => text),
      rule,
      signal,
    )
    thoughts.forEach(({ tokenEnds, thinkEnd }, at) =>
      cutTokens(tokenEnds, episodes[at]!, thinkEnd).forEach((place) => places[at]!.add(place)),
    )
  }
  return places.map((found) => [...found].sort((a, b) => a - b))
}

export function segmentQueries(open: () => Store): Pick<Answers<'thinking'>['thinking'], 'segment' | 'rules' | 'sensitivity'> {
  return {
    async segment({ text, rule }, { signal }) {
      const [episodes] = await cutTexts([text], rule, signal)
      return episodes!.map(({ start, end }, index) => ({ index, textStart: start, textEnd: end }))
    },

    rules: () =>
      Object.entries({ ...PAPER_RULES, ...OTHER_RULES }).map(([name, rule]) => ({
        name,
        ...described[name as keyof typeof described],
        rule: ruleOf(rule),
      })),

    async sensitivity({ scope, limit, counted, ...request }, { signal }) {
      const store = open()
      const { measured } = await readScope(store, scope, limit, signal)
      const known: KnownThought[] = []
      for (const rollout of measured) {
        const thought = await knownThought(store, rollout)
        if (thought !== null) known.push(thought)
      }
      return segmentationRows(known, { ...request, counted: countedOf(store, scope, counted) }, signal)
    },
  }
}
