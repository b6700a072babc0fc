// In whose tokens a rollout was written, and where these lie in its text.
import type { Evaluation, RolloutDetail } from '../../../src-preload/contract.ts'
import type { TextTokenizer } from '../../model/tokenizers/tokenizer.ts'
import { textEndsOf, textOf } from '../../rollout/format.ts'
import type { Store } from '../../store/openStore.ts'
import { speakingOf } from '../training/servedModel.ts'
import { servedModel, tokenizerOfStart } from '../training/start.ts'

/** Its tokens are words of a task's notation, or pieces of a tokenizer, or nobody knows: it came from elsewhere, or the model is gone. */
type Spoken = 'words' | 'unknown' | TextTokenizer

/** The tokenizer that was opened last, with the weights that speak in it: a reader goes through the rollouts of one run. */
let opened: { readonly key: string; readonly spoken: Promise<Spoken> } | null = null

export async function spokenBy(store: Store, { rollout, provenance }: Pick<RolloutDetail, 'rollout' | 'provenance'>): Promise<Spoken> {
  if (provenance.source !== 'sampled') return 'unknown'
  const evaluation = rollout.evaluationId === null ? null : store.evaluations.readable(rollout.evaluationId)
  const runId = rollout.runId ?? evaluation?.runId ?? null
  if (runId === null) return spokenByWeights(store, evaluation === null ? null : weightsOf(evaluation))
  const run = store.runs.readable(runId)
  if (run === null) return 'unknown'
  const { start } = (run.config ?? {}) as { readonly start?: unknown }
  return spokenByWeights(store, typeof start === 'string' ? start : null)
}

/** The weights that an evaluation of no run was of, by the name that starts have; null where its record names none. */
export const weightsOf = ({ checkpointId, modelId }: Pick<Evaluation, 'checkpointId' | 'modelId'>): string | null =>
  checkpointId !== null ? `checkpoint:${checkpointId}` : modelId !== null ? `model:${modelId}` : null

async function spokenByWeights(store: Store, name: string | null): Promise<Spoken> {
  if (name === null) return 'words'
  const key = `${store.folder} ${name}`
  if (opened?.key !== key) {
    const spoken = open(store, name).catch((): Spoken => {
      // It may be there again the next time.
      if (opened?.key === key) opened = null
      return 'unknown'
    })
    opened = { key, spoken }
  }
  return opened.spoken
}

async function open(store: Store, name: string): Promise<Spoken> {
  const served = servedModel(store, name)
  const tokenizer = served === null ? await tokenizerOfStart(store, name) : (await speakingOf(store, served)).tokenizer
  return tokenizer ?? 'words'
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
