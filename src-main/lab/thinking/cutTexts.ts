// Cutting texts by a rule that may be a person's own. A regular expression that backtracks hears of nothing else, so rules with patterns run in a
// thread that is ended when it takes too long, and the lab goes on answering; all other rules are through at once and cut where they are.

import { LabError, type SegmentRule } from '../../../src-preload/contract.ts'
import { cutTexts as cutAtOnce, type CutTexts } from '../../episodes/cutsOfRule.ts'
import type { Range } from '../../episodes/segmentText.ts'
import { LimitedWorker, type Reached } from '../../tasks/graders/limitedWorker.ts'
import type { CutQuestion } from './cutWorker.ts'

/** A pattern may take longer than anyone waits: for one text, and for all that are cut at once. */
const TEXT_MS = 2000
const TEXTS_MS = 10_000

const script = new URL(import.meta.url.endsWith('.ts') ? './cutWorker.ts' : './cutWorker.js', import.meta.url)

const hasPatterns = ({ opener }: SegmentRule): boolean => opener.kind === 'phrases' && opener.patterns.length > 0

/** Episodes of the thinking of each text, as offsets into it. Throws LabError `segment.rule` for an impossible rule, `segment.slow` for one that takes for ever. */
export async function cutTexts(texts: readonly string[], rule: SegmentRule, signal: AbortSignal): Promise<readonly (readonly Range[])[]> {
  const limitMs = texts.length > 1 ? TEXTS_MS : TEXT_MS
  const cut = hasPatterns(rule) ? await inThread({ texts, rule }, limitMs, signal) : cutAtOnce(texts, rule)
  if (cut === 'timeout' || cut === 'memory')
    throw new LabError('segment.slow', {
      expected: `patterns that are through within ${limitMs / 1000} s`,
      found: cut === 'timeout' ? 'one that still tries' : 'one that needs more memory than there is',
      next: 'Simplify the pattern: repetitions inside repetitions, such as (a+)+, try every way to divide a text.',
    })
  if ('refused' in cut)
    throw new LabError('segment.rule', {
      expected: 'a rule that can cut text',
      found: cut.refused,
      next: 'Correct the pattern or the numbers of the rule.',
    })
  return cut.episodes
}

/** A thread for each question: one that tries for ever holds up no other, and nobody waits for it once the question was taken back. */
async function inThread(question: CutQuestion, timeLimitMs: number, signal: AbortSignal): Promise<CutTexts | Reached> {
  signal.throwIfAborted()
  const thread = new LimitedWorker<CutQuestion, CutTexts>(script, { timeLimitMs })
  const end = (): void => void thread.close()
  signal.addEventListener('abort', end, { once: true })
  try {
    return await thread.ask(question)
  } catch (error) {
    signal.throwIfAborted()
    throw error
  } finally {
    signal.removeEventListener('abort', end)
    await thread.close()
  }
}
