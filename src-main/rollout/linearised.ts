// Thinking on beyond what a model has positions for (Qu et al., arXiv 2503.07572, on backtracking search): episodes are taken to depend on the latest
// ones alone, so that the oldest can be dropped and thinking goes on behind the rest. Nothing reads a thought as a whole here: each piece was written
// behind the prompt and a window of the latest whole episodes, and is cut and answered behind the same. Where a thought is not longer than the
// window nothing is dropped, and it is to the last token the rollout that would have been drawn without one. Of thoughts that refer back further than
// the window the figures say less than their number of tokens suggests; the paper holds it to be right for backtracking search and not for free text.
import { deriveSeed } from '../numeric/rng.ts'
import { episodeRanges } from '../episodes/segmentTokens.ts'
import type { TaskFormat } from '../tasks/types.ts'
import type { ContextView, RolloutPlan, SampledRollout, SampleOptions, SampleSettings } from './sample.ts'
import type { Sampler } from './sampler.ts'

/** Cuts of a rollout by what stood before them: each is read where it was written. */
export function viewsOf(
  { tokens, views = [] }: Pick<SampledRollout, 'tokens' | 'views'>,
  cuts: readonly number[],
): { readonly start: number; readonly end: number; readonly cuts: readonly number[] }[] {
  let from = -1
  return [...views.slice(0, -1), { start: views.at(-1)?.start ?? 0, end: tokens.length }].flatMap(({ start, end }) => {
    const own = cuts.filter((cut) => cut > from && cut <= end)
    from = end
    return own.length === 0 ? [] : [{ start, end, cuts: own.map((cut) => cut - start) }]
  })
}

interface Writing {
  readonly plan: RolloutPlan
  /** Of the window in the completion. */
  start: number
  tokens: number[]
  logps: number[]
  sampled: number[]
  readonly views: ContextView[]
  last: SampledRollout | null
}

/**
 * A sampler that writes thoughts of up to `settings.thinkingTokens`, never more than `window` of them at once before it. A full window keeps its latest whole
 * episodes, half of it at most, without the words that open the first; where the last episode alone is longer, the latest half. It has no room for plans with a
 * prefix. Throws RangeError for a window below 2.
 */
export function linearised(sampler: Pick<Sampler, 'sample'>, window: number): Pick<Sampler, 'sample'> {
  if (window < 2) throw new RangeError(`a window has at least 2 tokens, found ${window}`)
  return {
    async sample(format, plans, settings, options) {
      const all = plans.map((plan): Writing => ({ plan, start: 0, tokens: [], logps: [], sampled: [], views: [], last: null }))
      const longest = settings.thinkingTokens
      for (let piece = 0, open = all; open.length > 0; piece++) {
        await writePiece(sampler, format, open, piece, Math.min(window, longest), settings, options)
        const overlong = open.filter(({ tokens, last }) => thoughtOf(format, tokens, last!).length > longest)
        await answerAt(sampler, format, overlong, longest, settings, options)
        open = open.filter((each) => {
          const { tokens, last } = each
          const thought = thoughtOf(format, tokens, last!)
          if (!last!.forcedStop || last!.finish === 'aborted' || thought.length >= longest) return false
          shorten(each, thought.length)
          each.start = windowStart(format, thought, window)
          return true
        })
        if (longest <= window) break
      }
      return all.map((each) => whole(format, each))
    },
  }
}

const thoughtOf = (format: TaskFormat, tokens: readonly number[], { finish }: Pick<SampledRollout, 'finish'>): readonly number[] =>
  finish === 'aborted' ? tokens : tokens.slice(0, format.read(tokens).thinkEnd)

/** Every open thought goes on behind its window, up to `budget` tokens with it. */
async function writePiece(
  sampler: Pick<Sampler, 'sample'>,
  format: TaskFormat,
  open: readonly Writing[],
  piece: number,
  budget: number,
  settings: SampleSettings,
  options?: SampleOptions,
): Promise<void> {
  const written = await sampler.sample(
    format,
    open.map(({ plan, start, tokens }) =>
      piece === 0 ? plan : { prompt: plan.prompt, prefix: tokens.slice(start), seed: deriveSeed(plan.seed, 'window', piece) },
    ),
    {
      ...settings,
      thinkingTokens: budget,
      ...(settings.minimumThinking !== undefined && { minimumThinking: Math.min(budget, settings.minimumThinking) }),
    },
    options,
  )
  open.forEach((each, index) => append(each, written[index]!))
}

/** Thoughts that went beyond the longest are ended there and answered. */
async function answerAt(
  sampler: Pick<Sampler, 'sample'>,
  format: TaskFormat,
  overlong: readonly Writing[],
  longest: number,
  settings: SampleSettings,
  options?: SampleOptions,
): Promise<void> {
  if (overlong.length === 0) return
  for (const each of overlong) shorten(each, longest)
  const answered = await sampler.sample(
    format,
    overlong.map(({ plan, start, tokens }) => ({
      prompt: plan.prompt,
      prefix: tokens.slice(start),
      stopNow: true,
      seed: deriveSeed(plan.seed, 'window', 'answer'),
    })),
    settings,
    options,
  )
  overlong.forEach((each, index) => append(each, answered[index]!))
}

function append(each: Writing, rollout: SampledRollout): void {
  const { prefixTokens } = rollout
  each.tokens.push(...rollout.tokens.slice(prefixTokens))
  each.logps.push(...rollout.logps.slice(prefixTokens))
  each.sampled.push(...rollout.sampled.slice(prefixTokens))
  if (each.views.at(-1)?.start === each.start) each.views.pop()
  each.views.push({ start: each.start, end: each.tokens.length })
  each.last = rollout
}

/** Leaves the first tokens of a completion, and of the latest view what is left of it. */
function shorten(each: Writing, length: number): void {
  each.tokens = each.tokens.slice(0, length)
  each.logps = each.logps.slice(0, length)
  each.sampled = each.sampled.slice(0, length)
  const { start } = each.views.pop()!
  each.views.push({ start, end: length })
}

/** Where the window of a thought begins that is to go on. */
function windowStart(format: TaskFormat, thought: readonly number[], window: number): number {
  const oldest = thought.length - Math.floor(window / 2)
  const start = format.read(thought).boundaries.find((offset) => offset >= oldest && offset < thought.length) ?? oldest
  const opener = format.extendTokens
  const opens = opener.every((token, at) => thought[start + at] === token) && start + opener.length < thought.length
  return opens ? start + opener.length : start
}

function whole(format: TaskFormat, { plan, tokens, logps, sampled, views, last }: Writing): SampledRollout {
  if (views.length === 1) return last!
  const thought = format.read(tokens)
  return {
    ...last!,
    prompt: plan.prompt,
    tokens: Int32Array.from(tokens),
    logps: Float32Array.from(logps),
    sampled: Uint8Array.from(sampled),
    prefixTokens: 0,
    forcedStop: thought.closed && sampled[thought.thinkEnd] === 0,
    boundaries: thought.boundaries,
    episodes: episodeRanges(thought.boundaries),
    thinkEnd: thought.thinkEnd,
    closed: thought.closed,
    views,
  }
}
