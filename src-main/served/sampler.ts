// A served model as a sampler: rollouts, forced answers and J of weights that run elsewhere, in the tokens of the tokenizer that was given for them.
// One request for a rollout, a second where its thinking had to be ended; what a server does not say (ids, log-probs) is left empty.
import { LabError } from '../../src-preload/contract.ts'
import { episodeRanges } from '../episodes/segmentTokens.ts'
import { uniformAt } from '../numeric/rng.ts'
import { contextKey } from '../rollout/contextKey.ts'
import type { CutTrace, ExactMu } from '../rollout/exactMu.ts'
import type { RolloutPlan, SampledRollout, SampleOptions, SampleSettings } from '../rollout/sample.ts'
import type { Sampler } from '../rollout/sampler.ts'
import type { TaskFormat } from '../tasks/types.ts'
import { EXTENDED, refuseOtherTokens, type Abilities } from './abilities.ts'
import type { Answer, Place } from './answer.ts'
import type { Client } from './client.ts'
import { readAnswers, walkAnswers, type Asking, type Bounded } from './measure.ts'
import { beginWriting, takeDrawn, type Next, type ThinkingRule } from './rule.ts'

/** Fewest alternatives with which walking a tree of answers is worth its bounds. */
const FEWEST_ALTERNATIVES = 20
/** Alternatives asked for beside log-probs of a prompt. */
const BESIDE_PROMPT = 20

export interface ServedWords {
  /** Text of tokens, marks of the model included. */
  readonly toText: (tokens: readonly number[]) => string
  readonly encode: (text: string) => readonly number[]
}

/** @param temperature at which J is asked for: log-probs of servers are those at 1 */
export function servedSampler(client: Client, abilities: Abilities, words: ServedWords, temperature: number): Sampler {
  const more = abilities.extends ? EXTENDED : {}
  const complete = async (tokens: readonly number[], fields: Readonly<Record<string, unknown>>, signal?: AbortSignal): Promise<Answer> => {
    const answer = await client.complete(
      { ...more, prompt: abilities.takesIds ? tokens : words.toText(tokens), max_tokens: 1, ...fields },
      tokens,
      signal,
    )
    // Text that stops in the middle may be cut otherwise than it was written; ids may not.
    if (abilities.takesIds) refuseOtherTokens(answer, { tokens }, client)
    return answer
  }

  async function rollout(format: TaskFormat, plan: RolloutPlan, settings: SampleSettings, signal?: AbortSignal): Promise<SampledRollout> {
    const prefix = Array.from(plan.prefix ?? []).slice(0, plan.prefixTokens)
    const start = [...prefix, ...(plan.stopNow ? format.terminationSuffix : [])]
    const ruled = ruleOf(format, settings, prefix.length, plan.stopNow === true)
    const written = beginWriting(ruled)
    written.thinking = plan.stopNow !== true
    let next: Next = 'draw'
    for (let asked = 0; next === 'draw'; asked++) {
      const room = ruled.room - written.tokens.length
      const line = !written.thinking && ruled.answerStops.length > 0
      const answer = await complete(
        [...plan.prompt, ...start, ...written.tokens],
        {
          max_tokens: written.thinking ? room : Math.min(room, ruled.answerTokens - written.answerTokens),
          temperature: settings.temperature,
          top_p: settings.topP,
          ...(abilities.extends && {
            top_k: settings.topK > 0 ? settings.topK : -1,
            min_p: settings.minP,
            stop_token_ids: ruled.stopTokens,
          }),
          // Servers take whole numbers of 31 bits.
          seed: Math.floor(uniformAt(plan.seed, asked, 0) * 2 ** 31),
          ...(line && { stop: ['\n'] }),
          ...(abilities.saysLogps && { logprobs: 1 }),
        },
        signal,
      )
      const drawn = answer.tokens ?? words.encode(answer.text)
      next = takeDrawn(written, ruled, drawn, answer.tokens === null ? null : answer.logps, answer.finish === 'stop')
    }
    // An end that the server tells without its token: written where the thought was not closed, since a reader has nothing else to know it by.
    const end = ruled.stopTokens[0]
    if (next === 'stop' && written.thinking && end !== undefined && !ruled.stopTokens.includes(written.tokens.at(-1) ?? -1)) {
      written.tokens.push(end)
      written.sampled.push(0)
      written.logps?.push(0)
    }
    const tokens = Int32Array.from([...start, ...written.tokens])
    const thought = format.read(tokens)
    const sampled = Uint8Array.from([...start.map(() => 0), ...written.sampled])
    // Log-probs of servers are those at temperature 1 without filters.
    const known = written.logps !== null && settings.temperature === 1 && settings.topK === 0 && settings.topP === 1 && settings.minP === 0
    return {
      prompt: plan.prompt,
      tokens,
      logps: known ? Float32Array.from([...start.map(() => 0), ...written.logps!]) : new Float32Array(0),
      sampled,
      prefixTokens: prefix.length,
      finish: next === 'stop' ? 'stop' : 'length',
      error: null,
      forcedStop: thought.closed && sampled[thought.thinkEnd] === 0,
      boundaries: thought.boundaries,
      episodes: episodeRanges(thought.boundaries),
      thinkEnd: thought.thinkEnd,
      closed: thought.closed,
    }
  }

  /** All at once, as far as the client lets them; the first that fails ends the others. */
  async function together<Item, Result>(
    items: readonly Item[],
    signal: AbortSignal | undefined,
    work: (item: Item, signal: AbortSignal) => Promise<Result>,
  ): Promise<Result[]> {
    const own = new AbortController()
    const both = signal ? AbortSignal.any([signal, own.signal]) : own.signal
    try {
      return await Promise.all(items.map((item) => work(item, both)))
    } catch (error) {
      own.abort(error)
      throw error
    }
  }

  const asking = (signal: AbortSignal): Asking & { forwarded(): number } => {
    let forwarded = 0
    const ask = async (tokens: readonly number[], fields: Readonly<Record<string, unknown>>): Promise<Answer> => {
      forwarded += tokens.length
      return complete(tokens, { temperature: 1, ...fields }, signal)
    }
    const places = (answer: Answer): readonly Place[] => {
      if (answer.places?.[0] === undefined) throw cannotMeasure(client, 'an answer without log-probs')
      return answer.places
    }
    return {
      forwarded: () => forwarded,
      async next(tokens) {
        return places(await ask(tokens, { logprobs: abilities.alternatives }))[0]!
      },
      async alongPath(tokens, path) {
        const named = Math.min(abilities.alternatives, BESIDE_PROMPT)
        const answer = await ask(tokens, {
          logprobs: named,
          ...(abilities.promptLogps === 'field' ? { prompt_logprobs: named } : { echo: true }),
        })
        if (answer.promptPlaces === null) throw cannotMeasure(client, 'an answer without log-probs of the prompt')
        return [...answer.promptPlaces.slice(tokens.length - path), places(answer)[0]!]
      },
    }
  }

  return {
    noMeasure: whyNoMeasure(client, abilities, temperature),
    async sample(format: TaskFormat, plans: readonly RolloutPlan[], settings: SampleSettings, { signal, onProgress }: SampleOptions = {}) {
      let done = 0
      let tokens = 0
      return together(plans, signal, async (plan, both) => {
        const made = await rollout(format, plan, settings, both)
        onProgress?.(++done, plans.length, (tokens += made.tokens.length - made.prefixTokens))
        return made
      })
    },
    async measure(traces: readonly CutTrace[], suffix: readonly number[], signal?: AbortSignal): Promise<ExactMu> {
      const known = new Map<string, Promise<Bounded>>()
      let cuts = 0
      const bounded = await together(traces, signal, async (trace, both) => {
        const one = asking(both)
        const J = await Promise.all(
          trace.cuts.map((cut) => {
            cuts++
            const key = `${trace.prompt.length}|${contextKey(trace.prompt)}${contextKey(trace.completion, cut)}`
            if (!known.has(key)) {
              const context = [...Array.from(trace.prompt), ...Array.from(trace.completion).slice(0, cut), ...suffix]
              known.set(key, (abilities.promptLogps === null ? walkAnswers : readAnswers)(one, context, trace.answers))
            }
            return known.get(key)!
          }),
        )
        return { J, forwarded: one.forwarded() }
      })
      const forwardedTokens = bounded.reduce((sum, { forwarded }) => sum + forwarded, 0)
      return {
        J: bounded.map(({ J }) => Float64Array.from(J, (each) => each.J)),
        missing: bounded.map(({ J }) => Float64Array.from(J, (each) => each.missing)),
        forwardedTokens,
        computedTokens: forwardedTokens,
        cuts,
        distinctCuts: known.size,
      }
    },
  }
}

/** Why J has no exact value through a server; null where it has. */
function whyNoMeasure(client: Client, { takesIds, promptLogps, alternatives }: Abilities, temperature: number): LabError | null {
  if (temperature !== 1) return cannotMeasure(client, `rollouts at temperature ${temperature}, while servers say log-probs at 1`)
  if (!takesIds) return cannotMeasure(client, 'a server that takes text alone')
  if (promptLogps !== null || alternatives >= FEWEST_ALTERNATIVES) return null
  return cannotMeasure(client, alternatives === 0 ? 'none' : `those of ${alternatives} alternatives at a place`)
}

const cannotMeasure = ({ model: { url, name } }: Client, found: string): LabError =>
  new LabError('served.exact', {
    expected: `log-probs of given tokens from ${name} at ${url}, as exact J needs them`,
    found,
    next: 'Sample J instead.',
  })

function ruleOf(format: TaskFormat, settings: SampleSettings, prefix: number, stopNow: boolean): ThinkingRule {
  const closingTokens = format.closers.reduce((longest, { length }) => Math.max(longest, length), format.terminationSuffix.length)
  const before = prefix
  return {
    closers: format.closers,
    endTokens: format.terminationSuffix,
    extendTokens: format.extendTokens,
    stopTokens: stopNow ? [...format.stopTokens, ...format.forcedStops] : format.stopTokens,
    answerStops: stopNow ? format.forcedStops : format.answerStops,
    budget: settings.thinkingTokens,
    minimum: settings.minimumThinking ?? 0,
    answerTokens: settings.answerTokens,
    room: stopNow ? settings.answerTokens : Math.max(1, settings.thinkingTokens - before) + closingTokens + settings.answerTokens,
    before,
  }
}
