// Prompts in, completions out: plans become requests to the decoder, and what comes back is read as a thought with its boundaries.
// A plan may start from a prefix (stale prefixes, forced stops); tokens that the policy did not draw are marked and carry no loss.
import { episodeRanges } from '../episodes/segmentTokens.ts'
import type { Seed } from '../numeric/rng.ts'
import type { TaskFormat } from '../tasks/types.ts'
import { contextKey } from './contextKey.ts'
import type { Generates } from './shares.ts'

export interface RolloutPlan {
  readonly prompt: readonly number[]
  /** Completion tokens that are already there. */
  readonly prefix?: ArrayLike<number>
  /** How many of them this rollout starts from; all unless given. Forks of one rollout share its prefill. */
  readonly prefixTokens?: number
  /** Force the end of thinking right after the prefix. */
  readonly stopNow?: boolean
  /** Decides every draw of this rollout, whatever else is sampled beside it. */
  readonly seed: Seed
  /** J will be asked at its cuts before the weights change: its keys and values are kept for that, where there is room. */
  readonly keep?: boolean
}

export interface SampleSettings {
  readonly temperature: number
  readonly topK: number
  readonly topP: number
  readonly minP: number
  /** Thinking tokens before the end of thinking is forced. */
  readonly thinkingTokens: number
  /** Most tokens after the end of thinking, end token included. */
  readonly answerTokens: number
  /** Forced continuation: an earlier end of thinking is replaced by a new episode. */
  readonly minimumThinking?: number
}

/** Whether tokens are left out: what is drawn from is then not softmax(logits / T) but a part of it, renormalised. */
export function isFiltered({ topK, topP, minP }: Pick<SampleSettings, 'topK' | 'topP' | 'minP'>): boolean {
  return topK > 0 || topP < 1 || minP > 0
}

/** What the model had before it while it wrote up to `end`: prompt and completion from `start` on. Both are offsets into the completion. */
export interface ContextView {
  readonly start: number
  readonly end: number
}

export interface SampledRollout {
  readonly prompt: readonly number[]
  /** Prefix, forced stop and drawn tokens: everything after the prompt. */
  readonly tokens: Int32Array
  /**
   * Log-prob of each token under the rule that drew it, temperature and filters. 0 where it was part of the prefix or a forced token that the
   * filters leave out; empty where the text was not sampled here.
   */
  readonly logps: Float32Array
  /** 1 where the policy drew the token. */
  readonly sampled: Uint8Array
  readonly prefixTokens: number
  readonly finish: 'stop' | 'length' | 'aborted'
  /** Why it was aborted; null otherwise. */
  readonly error: string | null
  /** Thinking ended because the budget ran out or the plan said so. */
  readonly forcedStop: boolean
  /** [episodes + 1] offsets at which thinking can be stopped, 0 first. */
  readonly boundaries: readonly number[]
  readonly episodes: readonly { readonly start: number; readonly end: number }[]
  /** Offset of the token that closes the thinking, or of the end. */
  readonly thinkEnd: number
  readonly closed: boolean
  /** Of a rollout of which parts were dropped from its context as it went on: what stood before each piece, in order; absent: all of it. */
  readonly views?: readonly ContextView[]
}

export interface SampleOptions {
  /** Most bytes of keys and values that are kept; none unless given. */
  readonly keepBytes?: number
  /** Hears of what was kept of a rollout, [layers, 2, kvHeads, tokens, headDim]. */
  readonly onKept?: (rollout: Pick<SampledRollout, 'prompt' | 'tokens'>, values: Float32Array) => void
  readonly signal?: AbortSignal
  readonly onProgress?: (done: number, total: number, tokens: number) => void
}

/** One rollout per plan, in order. Plans with the same prompt and prefix are prefilled once. */
export async function sampleRollouts(
  decoder: Generates,
  format: TaskFormat,
  plans: readonly RolloutPlan[],
  settings: SampleSettings,
  options: SampleOptions = {},
): Promise<SampledRollout[]> {
  const sources: Int32Array[] = []
  const known = new Map<string, number>()
  const closing = Math.max(format.terminationSuffix.length, ...format.closers.map((closer) => closer.length))
  const requests = plans.map((plan) => {
    const context = Int32Array.from([...plan.prompt, ...Array.from(plan.prefix ?? [])])
    const key = contextKey(context)
    if (!known.has(key)) known.set(key, sources.push(context) - 1)
    const prefixThinkingTokens = prefixOf(plan).length
    return {
      source: known.get(key)!,
      length: plan.prompt.length + prefixThinkingTokens,
      suffix: plan.stopNow ? Int32Array.from(format.terminationSuffix) : undefined,
      seed: plan.seed,
      maxNewTokens: plan.stopNow
        ? settings.answerTokens
        : Math.max(1, settings.thinkingTokens - prefixThinkingTokens) + closing + settings.answerTokens,
      stopTokens: plan.stopNow ? [...format.stopTokens, ...format.forcedStops] : format.stopTokens,
      temperature: settings.temperature,
      topK: settings.topK,
      topP: settings.topP,
      minP: settings.minP,
      prefixThinkingTokens,
      ...(plan.keep && options.onKept && { keep: true }),
      thinking: plan.stopNow
        ? undefined
        : {
            closers: format.closers,
            endTokens: format.terminationSuffix,
            answerStops: format.answerStops,
            budget: settings.thinkingTokens,
            answerTokens: settings.answerTokens,
            minimum: settings.minimumThinking ?? 0,
            extendTokens: format.extendTokens,
          },
    }
  })
  const plain = settings.temperature === 1 && !isFiltered(settings)
  const completions = await decoder.generate({
    sources,
    requests,
    ...(options.keepBytes !== undefined && { keepBytes: options.keepBytes }),
    signal: options.signal,
    onProgress: options.onProgress && (({ finished, tokens }) => options.onProgress!(finished, plans.length, tokens)),
  })
  return completions.map((completion, index) => {
    const plan = plans[index]!
    const prefix = prefixOf(plan)
    const forced = [...prefix, ...(plan.stopNow ? format.terminationSuffix : [])]
    const tokens = Int32Array.from([...forced, ...completion.tokens])
    if (completion.cache) options.onKept?.({ prompt: plan.prompt, tokens }, completion.cache)
    const thought = format.read(tokens)
    const sampled = Uint8Array.from([...forced.map(() => 0), ...completion.sampled])
    const failed = completion.finish === 'nonfinite' || completion.finish === 'cancelled'
    return {
      prompt: plan.prompt,
      tokens,
      logps: Float32Array.from([
        ...forced.map(() => 0),
        ...(plain ? completion.logps : completion.samplingLogps.map((logp) => (logp === -Infinity ? 0 : logp))),
      ]),
      sampled,
      prefixTokens: prefix.length,
      finish: failed ? 'aborted' : (completion.finish as 'stop' | 'length'),
      error: failed ? `the decoder ended this rollout: ${completion.finish}` : null,
      forcedStop: thought.closed && sampled[thought.thinkEnd] === 0,
      boundaries: thought.boundaries,
      episodes: episodeRanges(thought.boundaries),
      thinkEnd: thought.thinkEnd,
      closed: thought.closed,
    }
  })
}

function prefixOf({ prefix = [], prefixTokens = prefix.length }: RolloutPlan): number[] {
  return Array.from(prefix).slice(0, prefixTokens)
}
