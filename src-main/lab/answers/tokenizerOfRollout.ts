// In whose tokens a rollout was written, and where these lie in its text.
import type { RolloutDetail } from '../../../src-preload/contract.ts'
import type { TextTokenizer } from '../../model/tokenizers/tokenizer.ts'
import { textEndsOf, textOf } from '../../rollout/format.ts'
import type { Store } from '../../store/openStore.ts'
import { tokenizerOfStart } from '../training/start.ts'

/** Its tokens are words of a task's notation, or pieces of a tokenizer, or nobody knows: it came from elsewhere, or the model is gone. */
type Spoken = 'words' | 'unknown' | TextTokenizer

/** The tokenizer that was opened last, with the start of whose runs it is: a reader goes through the rollouts of one run. */
let opened: { readonly key: string; readonly spoken: Promise<Spoken> } | null = null

export async function spokenBy(store: Store, { rollout, provenance }: Pick<RolloutDetail, 'rollout' | 'provenance'>): Promise<Spoken> {
  if (provenance.source !== 'sampled') return 'unknown'
  const runId = rollout.runId ?? (rollout.evaluationId === null ? null : (store.evaluations.readable(rollout.evaluationId)?.runId ?? null))
  if (runId === null) return 'words'
  const run = store.runs.readable(runId)
  if (run === null) return 'unknown'
  const { start } = (run.config ?? {}) as { readonly start?: unknown }
  if (typeof start !== 'string') return 'words'
  const key = `${store.folder} ${start}`
  if (opened?.key !== key) {
    const open = async (): Promise<Spoken> => (await tokenizerOfStart(store, start)) ?? 'words'
    const spoken = open().catch((): Spoken => {
      // It may be there again the next time.
      if (opened?.key === key) opened = null
      return 'unknown'
    })
    opened = { key, spoken }
  }
  return opened.spoken
}

/**
 * Where each completion token ends in the text of a rollout, white space behind it included where that belongs to no token: the text of a token is what lies between its end and
 * that of the one before. Null where the record does not say, and nobody is there to ask.
 */
export async function tokenEndsOf(store: Store, detail: RolloutDetail): Promise<Int32Array | null> {
  const spoken = await spokenBy(store, detail)
  if (spoken === 'unknown') return null
  if (spoken === 'words') return wordsOf(detail)
  return textOf(spoken, detail.tokens) === detail.text ? Int32Array.from(textEndsOf(spoken, detail.tokens)) : null
}

/** What was sampled in a notation is written as the words of its tokens joined by single spaces (record.ts). */
function wordsOf({ text, tokens }: Pick<RolloutDetail, 'text' | 'tokens'>): Int32Array | null {
  const words = text.split(' ')
  if (words.length !== tokens.length) return null
  let at = 0
  return Int32Array.from(words, (word, index) => (at += word.length + (index === words.length - 1 ? 0 : 1)))
}
