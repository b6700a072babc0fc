// Texts cut by a rule in a thread of its own: what is taken back ends at once, and nobody waits for what was taken back before it began.
import { expect, it } from 'vitest'
import { cutTexts } from '../../src-main/lab/thinking/cutTexts.ts'
import type { SegmentRule } from '../../src-preload/contract.ts'

const rule = (patterns: string[], phrases: string[] = []): SegmentRule => ({
  opener: { kind: 'phrases', phrases, patterns },
  unit: 'word',
  minGap: 0,
  maxCuts: null,
  groupSize: 1,
})
const never = new AbortController().signal

it('a pattern cuts several texts as the phrase that it stands for does', async () => {
  const texts = ['one Wait two', 'Wait', 'none']
  const cut = await cutTexts(texts, rule(['W[a]it']), never)
  expect(cut).toEqual(await cutTexts(texts, rule([], ['Wait']), never))
  expect(cut.map((episodes, at) => episodes.map(({ start, end }) => texts[at]!.slice(start, end)))).toEqual([
    ['one', 'Wait two'],
    ['Wait'],
    ['none'],
  ])
})

it('a rule that cannot cut is refused with what is wrong with it, in the thread and without', async () => {
  for (const wrong of [rule(['(']), { ...rule(['a']), groupSize: 0 }, { ...rule([]), groupSize: 0 }])
    await expect(cutTexts(['a b'], wrong, never)).rejects.toMatchObject({ code: 'segment.rule', expected: 'a rule that can cut text' })
})

it('what was taken back before it began is not cut, and what is taken back ends with the reason', async () => {
  const gone = new Error('taken back')
  await expect(cutTexts(['one so two'], rule(['so']), AbortSignal.abort(gone))).rejects.toBe(gone)
  const abort = new AbortController()
  const slow = cutTexts([`${'a'.repeat(60)}`], rule(['(a+)+!']), abort.signal)
  setImmediate(() => abort.abort(gone))
  await expect(slow).rejects.toBe(gone)
})
